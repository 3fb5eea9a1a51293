/*
 * When a schedule is due, in real time: a schedule's local times, a time zone, and what happens when its clocks change.
 *
 * - A local time that comes twice (autumn) is due once, at its first; one that does not come (spring) is due once,
 * right after the gap, however many times of the schedule lie in it. A day that does not come at all (Samoa, 30
 * December 2011) is not made up for.
 * - Where minute or hour begin with '*' the schedule counts real minutes: every one whose local time fits is due, twice
 *   in autumn and not at all in the gap. Only where the hour is fixed the gap is made up for, as above, so that no such
 *   day passes without a run.
 */
#ifndef CORE_JOBS_DUE_H
#define CORE_JOBS_DUE_H

#include "core/jobs/cron.h"
#include "core/jobs/zone.h"

enum { DUE_HORIZON_YEARS = 50 };

/* The first due moment after `after`, INT64_MAX when none comes within DUE_HORIZON_YEARS. Seconds since 1970, UTC. */
int64_t due_next(const cron *c, const zone *z, int64_t after);

/* The last due moment after `after` and not after `until`; INT64_MIN when there is none. */
int64_t due_latest(const cron *c, const zone *z, int64_t after, int64_t until);

#endif
