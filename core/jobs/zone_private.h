/*
 * What zone.c and zone_rule.c share. Not for others.
 */
#ifndef CORE_JOBS_ZONE_PRIVATE_H
#define CORE_JOBS_ZONE_PRIVATE_H

#include <stdbool.h>

#include "core/jobs/zone.h"

/* Limits of RFC 8536 for the distance to UTC. */
enum { OFFSET_LEAST = -89999, OFFSET_MOST = 93599 };

typedef enum day_kind { DAY_OF_MONTH_WEEK, DAY_JULIAN, DAY_COUNTED } day_kind;

/* "M3.5.0/2", "J60", "59": a day of every year, and a local time on it. */
typedef struct yearly {
    day_kind kind;
    int month, week, weekday; /* DAY_OF_MONTH_WEEK: week 5 is the last */
    int day;                  /* J1 … 365 without 29 February, or 0 … 365 with it */
    int32_t seconds;          /* from that day's midnight; -167 to 167 hours */
} yearly;

/* What goes on after a file's last transition. */
typedef struct zone_rule {
    int32_t standard;
    int32_t summer;
    bool has_summer;
    yearly begin, end; /* of summer time; in local time before the change */
} zone_rule;

/* Reads a TZ string of POSIX with RFC 8536's extensions ("CET-1CEST,M3.5.0,M10.5.0/3"). */
bool zone_rule_parse(const char *text, size_t length, zone_rule *out);

zone_period zone_rule_at(const zone_rule *rule, int64_t moment);

#endif
