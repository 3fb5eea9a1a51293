/*
 * Finding the next minute that a schedule names, on a clock without jumps: months and days that do not fit are skipped
 * whole.
 */
#include <time.h>

#include "core/jobs/cron.h"

enum { MINUTE = 60, DAY = 86400 };

static bool has(uint64_t set, int value)
{
    return set >> value & 1;
}

/* crontab(5): where both day fields are restricted, one of them has to fit. A field that begins with '*' is not. */
static bool day_fits(const cron *c, const struct tm *day)
{
    bool date = has(c->days, day->tm_mday);
    bool weekday = has(c->weekdays, day->tm_wday);
    return c->day_star || c->weekday_star ? date && weekday : date || weekday;
}

/* The first fitting minute of a day from minute `from` of it; -1: none. */
static int minute_of_day(const cron *c, int from)
{
    for (int hour = from / 60; hour < 24; hour++) {
        if (!has(c->hours, hour))
            continue;
        for (int minute = hour == from / 60 ? from % 60 : 0; minute < 60; minute++)
            if (has(c->minutes, minute))
                return hour * 60 + minute;
    }
    return -1;
}

bool cron_next(const cron *c, int64_t from, int64_t until, int64_t *found)
{
    int64_t into = (from % DAY + DAY) % DAY;
    int64_t day = from - into;
    int first = (int)((into + MINUTE - 1) / MINUTE);
    for (; day <= until; first = 0) {
        time_t start = (time_t)day;
        struct tm date;
        if (!gmtime_r(&start, &date))
            return false;
        if (!has(c->months, date.tm_mon + 1)) {
            date = (struct tm){.tm_year = date.tm_year, .tm_mon = date.tm_mon + 1, .tm_mday = 1};
            day = timegm(&date);
            continue;
        }
        int minute = day_fits(c, &date) && first < DAY / MINUTE ? minute_of_day(c, first) : -1;
        if (minute >= 0) {
            *found = day + minute * MINUTE;
            return *found <= until;
        }
        day += DAY;
    }
    return false;
}
