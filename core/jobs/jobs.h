/*
 * Jobs: work of plugins on a schedule, at most once a due moment and at most one at a time among all servers that share
 * the database. See README.md for how they agree.
 */
#ifndef CORE_JOBS_JOBS_H
#define CORE_JOBS_JOBS_H

#include <stdbool.h>

#include "core/plugin/plugin.h"

struct worker;
typedef struct jobs jobs;

/* At load: are the schedules and zones that the plugin's jobs are given sound? Problems name file, line and option. */
bool jobs_check(const tl_module *m, const config *c, problems *found);

/* The jobs of the worker's plugins, none running yet. NULL (and a line in the log) when the loop refuses. */
jobs *jobs_new(struct worker *w);

/* From now on jobs are run when they are due. For the jobs process. NULL is allowed here and below. */
void jobs_start(jobs *j);

/*
 * Starts nothing any more. Runs under way have `timeout` milliseconds, less a moment in which it is written down that
 * they were interrupted, so that another process may start them again at once.
 */
void jobs_stop(jobs *j, int64_t timeout);

/* Nothing runs, and what has run is written down. */
bool jobs_are_idle(const jobs *j);

/* No request may be alive. */
void jobs_free(jobs *j);

/* On a fiber: runs a job now, unless it runs already somewhere. TL_OK when it has succeeded; otherwise `*why` says why
 * not. */
int jobs_run_now(tl_request *req, jobs *all, const char *plugin, const char *name, const char **why);

/* One job, for people; texts live as long as the request. */
typedef struct job_line {
    const char *plugin;
    const char *job;
    const char *schedule; /* "" : switched off */
    const char *zone;
    const char *next; /* in the job's own zone; "" when there is none */
    const char *last; /* the start of the last run; "" when it never ran */
    const char *result;
    const char *help;
} job_line;

/* Asks the database about every job; the number of lines, or an error below zero. May wait. */
int jobs_list(tl_request *req, jobs *all, job_line **lines);

#endif
