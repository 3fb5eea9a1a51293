/*
 * Work in a process of its own, which can be killed whatever it does: for code that cannot be trusted to end.
 *
 *     worker ── fork ──> keeper ── fork ──> one process for each piece of work
 *
 * The keeper is forked while the worker is small and has no connections. It does nothing but fork, and tell how its
 * children have ended; forking is cheap for it, and never holds the worker's loop. Input and output travel over a pair
 * of sockets between the worker and the process that works: when the worker closes its end, because the request is
 * cancelled or the worker has died, the kernel kills the other side.
 */
#ifndef CORE_POOL_ISOLATION_H
#define CORE_POOL_ISOLATION_H

#include <stddef.h>
#include <talelio/talelio.h>

struct worker;
typedef struct isolation isolation;

/* At most `processes` at once, and `queue` that wait. NULL without memory. Starts nothing yet. */
isolation *isolation_new(struct worker *w, size_t processes, size_t queue);

/* Starts the keeper, unless it runs. Without this the first piece of work does. False, and a line in the log, when it
 * cannot be. */
bool isolation_start(isolation *i);

/* Ends the keeper. No request may be waiting any more. */
void isolation_free(isolation *i);

/* See tl_isolated. */
int isolation_run(isolation *i, tl_request *req, tl_isolated_run *run, const void *input, size_t length,
                  int64_t cpu_milliseconds, const void **output, size_t *output_length);

#endif
