/*
 * Time zones of the system's tzdata (TZif files, RFC 8536), read here because the C library only knows the one zone of
 * the process. A zone is a sequence of periods in which the distance to UTC stays the same.
 */
#ifndef CORE_JOBS_ZONE_H
#define CORE_JOBS_ZONE_H

#include <stdint.h>

#include "core/memory/arena.h"

typedef struct zone zone;

/*
 * The zone of that IANA name, as long as `memory` lives; NULL with what is wrong in `*problem` (also in `memory`).
 * "UTC" needs no file. The folder is /usr/share/zoneinfo, or what TZDIR says, as for the C library.
 */
const zone *zone_load(arena *memory, const char *name, const char **problem);

/* The same from a file's contents. */
const zone *zone_parse(arena *memory, const unsigned char *bytes, size_t length, const char **problem);

/* Moments are seconds of UTC since 1970. */
typedef struct zone_period {
    int64_t start;  /* INT64_MIN: since ever */
    int64_t end;    /* the first moment after it; INT64_MAX: for ever */
    int32_t offset; /* local time minus UTC, in seconds */
} zone_period;

/* The period that `moment` lies in. */
zone_period zone_at(const zone *z, int64_t moment);

#endif
