/*
 * The blocking pool: a few threads a plugin for what would hold the loop. Threads wake the loop through an eventfd,
 * because the event base has no locks.
 */
#ifndef CORE_POOL_POOL_H
#define CORE_POOL_POOL_H

#include <stddef.h>
#include <talelio/talelio.h>

struct worker;
typedef struct pool pool;

/*
 * Each plugin gets `threads` of its own, which start on first use, and room for `queue` jobs that wait; so does the
 * core. NULL (and a line in the log) when the loop refuses.
 */
pool *pool_new(struct worker *w, size_t threads, size_t queue);

/* Waits for jobs that run. No request may be waiting any more. */
void pool_free(pool *p);

/* How many jobs wait for a thread. */
size_t pool_waiting(pool *p);

/*
 * See tl_blocking. A cancelled request leaves the queue at once, but waits for a job that a thread has begun: the job
 * works on the request's memory.
 */
int pool_run(pool *p, tl_request *req, void (*run)(void *arg), void *arg);

#endif
