/*
 * The rule at the end of a TZif file: two distances to UTC, and the days on which they change, every year.
 */
#include <string.h>
#include <time.h>

#include "core/jobs/zone_private.h"

enum {
    HOUR = 3600,
    DAY = 86400,
    USUAL_CHANGE = 2 * HOUR,
    HOURS_MOST = 167,
    YEARS_AROUND = 2, /* a change may lie a week outside of its year */
};

typedef struct reader {
    const char *at;
    const char *end;
} reader;

static bool take(reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool read_int(reader *r, int least, int most, int *value)
{
    const char *start = r->at;
    *value = 0;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - start < 4)
        *value = *value * 10 + *r->at++ - '0';
    return r->at > start && *value >= least && *value <= most;
}

/* "CET" or "<+0330>"; of no use here. */
static bool skip_name(reader *r)
{
    const char *start = r->at;
    if (take(r, '<')) {
        while (r->at < r->end && *r->at != '>')
            r->at++;
        return take(r, '>');
    }
    while (r->at < r->end && ((*r->at >= 'a' && *r->at <= 'z') || (*r->at >= 'A' && *r->at <= 'Z')))
        r->at++;
    return r->at - start >= 3;
}

/* "[+-]hh[:mm[:ss]]" */
static bool read_time(reader *r, int32_t *seconds)
{
    int sign = take(r, '-') ? -1 : 1;
    if (sign > 0)
        take(r, '+');
    int hours, minutes = 0, rest = 0;
    if (!read_int(r, 0, HOURS_MOST, &hours))
        return false;
    if (take(r, ':') && !read_int(r, 0, 59, &minutes))
        return false;
    if (take(r, ':') && !read_int(r, 0, 59, &rest))
        return false;
    *seconds = sign * (hours * HOUR + minutes * 60 + rest);
    return true;
}

static bool read_yearly(reader *r, yearly *out)
{
    *out = (yearly){.seconds = USUAL_CHANGE};
    bool fine;
    if (take(r, 'M')) {
        fine = read_int(r, 1, 12, &out->month) && take(r, '.') && read_int(r, 1, 5, &out->week) && take(r, '.') &&
               read_int(r, 0, 6, &out->weekday);
    } else if (take(r, 'J')) {
        out->kind = DAY_JULIAN;
        fine = read_int(r, 1, 365, &out->day);
    } else {
        out->kind = DAY_COUNTED;
        fine = read_int(r, 0, 365, &out->day);
    }
    return fine && (!take(r, '/') || read_time(r, &out->seconds));
}

/* POSIX counts from local time to UTC: west is positive. */
static bool read_offset(reader *r, int32_t *offset)
{
    if (!read_time(r, offset))
        return false;
    *offset = -*offset;
    return *offset >= OFFSET_LEAST && *offset <= OFFSET_MOST;
}

bool zone_rule_parse(const char *text, size_t length, zone_rule *out)
{
    reader r = {text, text + length};
    *out = (zone_rule){0};
    if (!skip_name(&r) || !read_offset(&r, &out->standard))
        return false;
    if (r.at == r.end)
        return true;
    out->has_summer = true;
    out->summer = out->standard + HOUR;
    if (!skip_name(&r))
        return false;
    if (r.at < r.end && *r.at != ',' && !read_offset(&r, &out->summer))
        return false;
    return take(&r, ',') && read_yearly(&r, &out->begin) && take(&r, ',') && read_yearly(&r, &out->end) &&
           r.at == r.end && out->summer <= OFFSET_MOST;
}

/* Seconds from 1970 to the first of a month, 1 … 13. timegm would do, at a hundred times the cost. */
static int64_t month_start(int year, int month)
{
    /* Counted from March the leap day comes last. */
    int64_t y = year - (month <= 2);
    int64_t m = month <= 2 ? month + 9 : month - 3;
    int64_t days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5;
    return (days - 719468) * DAY;
}

/* In local time, as seconds since 1970 of a clock without jumps. */
static int64_t change_of(const yearly *y, int year)
{
    int64_t start = month_start(year, 1);
    bool leap = month_start(year + 1, 1) - start > 365 * DAY;
    switch (y->kind) {
    case DAY_JULIAN:
        return start + (y->day - 1 + (leap && y->day >= 60)) * (int64_t)DAY + y->seconds;
    case DAY_COUNTED:
        return start + y->day * (int64_t)DAY + y->seconds;
    default:
        break;
    }
    int64_t first = month_start(year, y->month);
    int64_t next_month = month_start(year, y->month + 1);
    int weekday = (int)(((first / DAY + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    int64_t day = first + ((y->weekday - weekday + 7) % 7 + (y->week - 1) * 7) * (int64_t)DAY;
    while (day >= next_month)
        day -= 7 * DAY;
    return day + y->seconds;
}

static int year_of(int64_t moment)
{
    time_t seconds = (time_t)moment;
    struct tm date;
    return gmtime_r(&seconds, &date) ? date.tm_year + 1900 : 1970;
}

typedef struct change {
    int64_t at;
    int32_t offset; /* from then on */
} change;

/* In order of time. Of two at the same moment the later one in the list counts, so that summer time may last all year.
 */
static void add_change(change *all, size_t *count, change added)
{
    size_t at = (*count)++;
    for (; at > 0 && all[at - 1].at > added.at; at--)
        all[at] = all[at - 1];
    all[at] = added;
}

zone_period zone_rule_at(const zone_rule *rule, int64_t moment)
{
    if (!rule->has_summer)
        return (zone_period){INT64_MIN, INT64_MAX, rule->standard};
    change all[2 * (2 * YEARS_AROUND + 1)];
    size_t count = 0;
    int year = year_of(moment);
    for (int y = year - YEARS_AROUND; y <= year + YEARS_AROUND; y++) {
        add_change(all, &count, (change){change_of(&rule->begin, y) - rule->standard, rule->summer});
        add_change(all, &count, (change){change_of(&rule->end, y) - rule->summer, rule->standard});
    }
    size_t now = 0;
    for (size_t i = 1; i < count; i++)
        if (all[i].at <= moment)
            now = i;
    return (zone_period){all[now].at, now + 1 < count ? all[now + 1].at : INT64_MAX, all[now].offset};
}
