/*
 * Five fields of cron: minute, hour, day of month, month, day of week. Knows local calendars only, no time zones.
 */
#ifndef CORE_JOBS_CRON_H
#define CORE_JOBS_CRON_H

#include <stdbool.h>
#include <stdint.h>

enum { CRON_ERROR_SIZE = 240 };

/* Sets of bits; bit n is the value n. */
typedef struct cron {
    uint64_t minutes;
    uint32_t hours;
    uint32_t days;
    uint32_t months;
    uint32_t weekdays; /* 0 is Sunday; never 7 */
    bool minute_star;  /* the field begins with '*' */
    bool hour_star;
    bool day_star;
    bool weekday_star;
} cron;

/*
 * Numbers, names (jan, mon), lists, ranges, steps of ranges and of '*', and 7 for Sunday, as crontab(5) has them; also
 * @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly. False with what is wrong in `error`: which
 * field, what was expected and what was found. A date that never comes (31 February) is wrong too.
 */
bool cron_parse(const char *text, cron *out, char error[CRON_ERROR_SIZE]);

/*
 * The first minute from `from` to `until`, both included, that the fields name. Times are those of a local clock
 * without jumps, as seconds since 1970-01-01 00:00 there.
 */
bool cron_next(const cron *c, int64_t from, int64_t until, int64_t *found);

#endif
