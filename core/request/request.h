/*
 * A request as a piece of work: arena, fiber, deadline, waiting and cancellation. Knows nothing of HTTP or databases;
 * those hang their own parts on it.
 *
 * Waiting: a service that must wait for the outside puts a `waiter` on the fiber's stack, remembers it, and calls
 * request_wait. When the answer comes (on the loop's stack or on another fiber) it calls wait_finish, which queues the
 * fiber; the fiber goes on in the same turn of the loop, from the loop's stack. When the request is cancelled first,
 * the wait's `cancel` runs: the service forgets the wait, and the fiber goes on with TL_CANCELLED.
 */
#ifndef CORE_REQUEST_REQUEST_H
#define CORE_REQUEST_REQUEST_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <talelio/talelio.h>

#include "core/fiber/fiber.h"
#include "core/memory/arena.h"

struct worker;
struct http_exchange;
struct db_session;
struct route;

/*
 * `cancel` forgets the wait; it runs at most once and never after wait_finish. NULL: the wait cannot be given up (a
 * thread works on memory of the request); request_wait then goes on waiting, and its caller looks at req->cancelled
 * afterwards.
 */
typedef struct waiter {
    tl_request *req;
    bool finished;
    bool waiting;
    void (*cancel)(struct waiter *w);
    void *owner; /* the service's own */
} waiter;

struct tl_request {
    struct worker *worker;
    arena *arena;
    fiber *fiber;     /* NULL until it runs */
    int64_t deadline; /* loop_now() milliseconds; 0: none */
    bool cancelled;
    bool timed_out;             /* cancelled because of the deadline */
    bool changes_nothing;       /* HEAD: what it changes in the database is rolled back */
    bool ended;                 /* `run` has returned: only clean-ups run, and nothing waits any more */
    waiter *wait;               /* what it waits for now, NULL while it runs */
    char id[40];                /* X-Request-Id */
    tl_module *module;          /* the plugin whose code runs, for log and crash reports; NULL: the core */
    const struct route *route;  /* NULL when there is none */
    struct http_exchange *http; /* NULL without a visitor */
    struct db_session *db;      /* the database's part; NULL until first use */
    int redis_error;            /* what the last Redis command came to */
    tl_identity identity;
    bool has_identity;
    size_t outside;                   /* bytes that libraries hold for it, beside the arena */
    struct scope *scope;              /* the innermost; NULL: none */
    sigjmp_buf *leave;                /* out of the plugin's code; NULL: its memory is not limited */
    TAILQ_ENTRY(tl_request) in_ready; /* of those whose wait is over */
    TAILQ_ENTRY(tl_request) in_all;   /* of all that live, for deadlines */
    void (*run)(tl_request *req, void *arg);
    void *run_arg;
};

typedef struct request_table request_table; /* every live request of a worker, the ready ones among them */

/* NULL when the loop refuses. */
request_table *request_table_new(struct worker *w);

/* No request may be alive, as their stacks cannot be unwound: cancel them all and turn the loop until none is left. */
void request_table_free(request_table *table);
size_t request_count(const request_table *table);

/* The request whose code runs now, its clean-ups too; NULL when none does. Async-signal-safe. */
const tl_request *request_current(const request_table *table);

/* The name of the plugin whose code runs in it, for the log; NULL: the core's. */
const char *request_plugin(const tl_request *req);

/*
 * Makes a request with an arena and an id; it does not run yet. `timeout` in milliseconds, 0: none. NULL when there is
 * no room (max_requests reached).
 */
tl_request *request_new(struct worker *w, int64_t timeout);

/*
 * Runs `run(req, arg)` on a fiber; when it returns, clean-ups run on the loop's stack and the request is freed. Called
 * on the loop's stack. False: no fiber to be had; req is freed.
 */
bool request_start(tl_request *req, void (*run)(tl_request *req, void *arg), void *arg);

/* Frees a request that was never started. */
void request_free(tl_request *req);

/* Writes a new id to req->id: 32 hexadecimal digits, unique among all processes. */
void request_make_id(tl_request *req);

/*
 * Waits for wait_finish(w), on the request's own fiber. TL_OK (also at once, when it has finished already), or
 * TL_CANCELLED: then `cancel` has run and nothing may touch the waiter any more. A request that is cancelled already
 * waits for nothing.
 */
int request_wait(tl_request *req, waiter *w);

/* Both on any stack of the loop's thread. wait_finish never runs anything itself. */
void wait_init(waiter *w, tl_request *req, void (*cancel)(waiter *w), void *owner);
void wait_finish(waiter *w);

/* Cancels: the wait ends, later ones fail at once. Runs nothing of the request itself. The first reason stays. */
void request_cancel(tl_request *req, bool timed_out);

/* Cancels every request whose deadline has passed. The table's own timer does it ten times a second. */
void request_sweep_deadlines(request_table *table);
void request_cancel_all(request_table *table);

/*
 * Runs `run(req, arg)`, a plugin's code, on the request's fiber. False when it was left because the request took more
 * memory than it may, which has been logged.
 */
bool request_run_limited(tl_request *req, void (*run)(tl_request *req, void *arg), void *arg);

/*
 * Called on behalf of a plugin where nothing of the core is half done: at the start of what allocates `more` bytes, or
 * at the end of what has allocated. Does not return when that is too much.
 */
void request_check_memory(tl_request *req, size_t more);

/* What a library holds for the request until its arena, or that of its scope, is freed. */
void request_count_memory(tl_request *req, size_t bytes);

/* As documented in talelio/task.h. */
int request_scoped(tl_request *req, int (*run)(tl_request *req, void *arg), void *arg);

/* Sleeps without HTTP, database or anything else. */
int request_sleep(tl_request *req, int64_t milliseconds);

#endif
