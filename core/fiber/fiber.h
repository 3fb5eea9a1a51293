/*
 * Fibers: functions that can stop in the middle and go on later, on stacks of their own with a guard page below.
 *
 * The loop starts and resumes fibers; a fiber suspends itself. Fibers do not nest: start and resume are called from the
 * loop's own stack only. One thread.
 */
#ifndef CORE_FIBER_FIBER_H
#define CORE_FIBER_FIBER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct fiber fiber;
typedef struct fiber_pool fiber_pool;

/* Keeps up to `keep` idle stacks; at most `limit` fibers live at once. */
fiber_pool *fiber_pool_new(size_t keep, size_t limit);

/* No fiber may be alive. */
void fiber_pool_free(fiber_pool *pool);

/* Runs `run(arg)` until it suspends or returns. False when the limit is reached or no stack could be had: it has not
 * run. */
bool fiber_start(fiber_pool *pool, void (*run)(void *arg), void *arg);

/* The fiber that runs now, NULL on the loop's stack. */
fiber *fiber_current(const fiber_pool *pool);

/* Gives control back to whoever started or resumed this fiber. */
void fiber_suspend(fiber_pool *pool);

/* Goes on with a suspended fiber until it suspends again or returns. */
void fiber_resume(fiber *f);

size_t fiber_count(const fiber_pool *pool);

/* True when `address` lies in the guard of the fiber that runs now: a stack overflow. Async-signal-safe. */
bool fiber_is_overflow(const fiber_pool *pool, const void *address);

#endif
