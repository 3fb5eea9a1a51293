/*
 * Walks from period to period of the zone: within one, local time runs evenly, and between two lies a gap, a repetition
 * or nothing of note.
 */
#include "core/jobs/due.h"

#include <stdbool.h>

enum { MINUTE = 60, DAY = 86400 };

/* No zone changes its clocks by more than this, so nothing farther away has the same local time. */
#define CHANGE_MOST (INT64_C(2) * DAY)
#define HORIZON (INT64_C(366) * DAY * DUE_HORIZON_YEARS)

static int64_t day_of(int64_t local)
{
    return local / DAY - (local % DAY < 0);
}

static bool counts_real_time(const cron *c)
{
    return c->minute_star || c->hour_star;
}

/* Has `local` come once before, in a period that ended at or before `period.start`? */
static bool came_before(const zone *z, zone_period period, int64_t local)
{
    int64_t moment = local - period.offset;
    while (period.start != INT64_MIN && period.start > moment - CHANGE_MOST) {
        period = zone_at(z, period.start - 1);
        int64_t there = local - period.offset;
        if (there >= period.start && there < period.end)
            return true;
    }
    return false;
}

/* The first due moment in `period` that is not before `from`. */
static bool due_within(const cron *c, const zone *z, zone_period period, int64_t from, int64_t until, int64_t *found)
{
    int64_t last = period.end - 1 < until ? period.end - 1 : until;
    int64_t local;
    while (from <= last && cron_next(c, from + period.offset, last + period.offset, &local)) {
        *found = local - period.offset;
        if (counts_real_time(c) || !came_before(z, period, local))
            return true;
        from = *found + MINUTE;
    }
    return false;
}

/* Is something that the schedule names left out between the two periods, on a day that is not left out as a whole? */
static bool gap_is_due(const cron *c, const zone *z, zone_period before, zone_period after)
{
    if (c->hour_star || after.offset <= before.offset)
        return false;
    int64_t from = before.end + before.offset;
    int64_t until = after.start + after.offset - 1;
    int64_t local;
    while (cron_next(c, from, until, &local)) {
        bool day_exists = day_of(local) == day_of(until + 1) || day_of(local) == day_of(before.end + before.offset - 1);
        if (day_exists && !came_before(z, after, local))
            return true;
        from = local + MINUTE;
    }
    return false;
}

int64_t due_next(const cron *c, const zone *z, int64_t after)
{
    int64_t until = after + HORIZON;
    int64_t from = after + 1;
    int64_t found;
    zone_period period = zone_at(z, from);
    for (;;) {
        /* The gap before this period ends with its first moment. */
        if (from == period.start && gap_is_due(c, z, zone_at(z, period.start - 1), period))
            return from;
        if (due_within(c, z, period, from, until, &found))
            return found;
        if (period.end > until)
            return INT64_MAX;
        from = period.end;
        period = zone_at(z, from);
    }
}

int64_t due_latest(const cron *c, const zone *z, int64_t after, int64_t until)
{
    /* After a long outage only the end of it is of interest: it is searched in growing steps. */
    static const int64_t windows[] = {3600, DAY, 32 * (int64_t)DAY, 400 * (int64_t)DAY, HORIZON};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        int64_t from = until - windows[i] > after ? until - windows[i] : after;
        int64_t latest = INT64_MIN;
        for (int64_t due = due_next(c, z, from); due <= until; due = due_next(c, z, due))
            latest = due;
        if (latest != INT64_MIN || from == after)
            return latest;
    }
    return INT64_MIN;
}
