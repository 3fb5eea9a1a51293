/*
 * The C library's idea of a time zone, as the other opinion.
 */
#ifndef TESTS_UNIT_JOBS_LOCAL_CLOCK_H
#define TESTS_UNIT_JOBS_LOCAL_CLOCK_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline void clock_in(const char *zone_name)
{
    setenv("TZ", zone_name, 1);
    tzset();
}

static inline struct tm clock_at(int64_t moment)
{
    time_t seconds = (time_t)moment;
    struct tm local;
    localtime_r(&seconds, &local);
    return local;
}

/* The same as seconds since 1970-01-01 00:00 on that clock. */
static inline int64_t clock_seconds(int64_t moment)
{
    struct tm local = clock_at(moment);
    return moment + local.tm_gmtoff;
}

static inline int64_t utc(int year, int month, int day, int hour, int minute)
{
    struct tm date = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};
    return timegm(&date);
}

#endif
