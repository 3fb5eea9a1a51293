/*
 * Ranges (RFC 9110, 14) of something that has one strong ETag. Pure.
 */
#ifndef PLUGINS_MEDIA_CONDITIONS_H
#define PLUGINS_MEDIA_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum range_status {
    RANGE_WHOLE, /* no range, or one that is ignored: several, another unit, malformed */
    RANGE_PART,
    RANGE_UNSATISFIABLE, /* all of it lies behind the end */
} range_status;

/* If-Range: whether a Range still means the bytes of `etag` (given with its quotes). A date never does. */
bool condition_if_range(const char *header, const char *etag);

/* Range, for `size` bytes, at least one. RANGE_PART: `first` and `length` say which. */
range_status condition_range(const char *header, int64_t size, int64_t *first, int64_t *length);

#endif
