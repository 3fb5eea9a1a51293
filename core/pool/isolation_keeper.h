/*
 * Between a worker and the keeper of its isolated work: one message a piece of work, and one when it has ended.
 */
#ifndef CORE_POOL_ISOLATION_KEEPER_H
#define CORE_POOL_ISOLATION_KEEPER_H

#include <stdint.h>
#include <sys/types.h>
#include <talelio/talelio.h>

enum { ISOLATION_MOST = 64 /* pieces of work at once */ };

/* To the keeper, with the work's end of the socket pair. */
typedef struct isolation_order {
    size_t slot;
    tl_isolated_run *run; /* the keeper has been forked from the worker: same code at the same addresses */
    size_t length;        /* of the input */
    int64_t cpu_milliseconds;
    size_t memory; /* bytes beyond what the keeper has */
} isolation_order;

/* From the keeper: the process has ended. */
typedef struct isolation_end {
    size_t slot;
    int64_t status; /* of waitpid; as wide as its neighbour, so that no padding is sent */
} isolation_end;

/* What a process that has not been killed exits with. */
enum { ISOLATION_DONE = 0, ISOLATION_NO_RESULT = 3, ISOLATION_CUT_OFF = 4 };

/* Forks the keeper; `*control` is a SOCK_SEQPACKET to it. Its pid, or -1 with errno. */
pid_t isolation_keeper_start(int *control);

#endif
