/*
 * Conditional requests and ranges (RFC 9110) of something that has one strong ETag. Pure.
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

/* If-None-Match: whether one of its tags is `etag` (given with its quotes), or it is "*". */
bool condition_none_match(const char *header, const char *etag);

/* If-Range: whether a Range still means the bytes of `etag`. A date never does. */
bool condition_if_range(const char *header, const char *etag);

/* Range, for `size` bytes, at least one. RANGE_PART: `first` and `length` say which. */
range_status condition_range(const char *header, int64_t size, int64_t *first, int64_t *length);

#endif
