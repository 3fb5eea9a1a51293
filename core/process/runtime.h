/*
 * What every process that runs plugins is made of: the worker struct with all its parts, up to plugins that have
 * started. Workers, the jobs process and commands differ only in what they add.
 */
#ifndef CORE_PROCESS_RUNTIME_H
#define CORE_PROCESS_RUNTIME_H

#include "core/config/config.h"
#include "core/plugin/plugin.h"
#include "core/process/scoreboard.h"
#include "core/worker.h"

typedef struct runtime_plan {
    worker_role role;
    int slot;
    int generation;
    const char *name;        /* in the log */
    scoreboard_slot *board;  /* NULL: one of its own */
    scoreboard_slot *boards; /* those of all, `board` among them */
    size_t board_count;
    int first_copy; /* descriptor of the first plugin's copy; 0: plugins are loaded from their files */
    int metrics_fd; /* of the master's area; 0: counts for itself alone */
    int metrics_block;
    bool serverless; /* talks to neither PostgreSQL nor Redis, at least not before runtime_connect */
} runtime_plan;

typedef struct runtime {
    worker worker;
    config *config;
    scoreboard_slot own_board;
} runtime;

/*
 * Builds everything and loads the plugins; connections are being made when it returns. What is wrong goes to `found`;
 * runtime_close is due in any case. `c` and `s` stay the caller's and outlive it. Sets the_worker.
 */
void runtime_open(runtime *r, config *c, const settings *s, const runtime_plan *plan, problems *found);

/* Makes the connections that a serverless runtime has left out. */
void runtime_connect(runtime *r, problems *found);

/* No request may be alive. Plugins that have started are stopped. */
void runtime_close(runtime *r);

/*
 * On a fiber: waits a moment for the database's first word, then runs the plugins' `start`. TL_OK, or TL_ERROR with the
 * reason in `found`. A database that is away is no reason; one that refuses is, when `strict`.
 */
int runtime_start(runtime *r, tl_request *req, bool strict, problems *found);

/* Runs `run(req, arg)` on a fiber and the loop until it has ended; for commands. False: it could not be started. */
bool runtime_run(runtime *r, void (*run)(tl_request *req, void *arg), void *arg);

/* Cancels what still runs and turns the loop until nothing does; false when something went on for `milliseconds`. */
bool runtime_settle(runtime *r, int milliseconds);

#endif
