/*
 * Requests: from request_new to the end of their fiber, and what waits and cancels in between. What a request waits for
 * is the services' own.
 */
#include "core/request/request.h"

#include <event2/event.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/db.h"
#include "core/http/http.h"
#include "core/log/log.h"
#include "core/plugin/plugin.h"
#include "core/worker.h"

TAILQ_HEAD(request_list, tl_request);

enum { SWEEP_MILLISECONDS = 100, ID_HALF = 16 };

struct request_table {
    worker *worker;
    struct request_list all;
    struct request_list ready;
    size_t count;
    const tl_request *current; /* the one whose code runs */
    bool ready_is_active;      /* the event below is in the loop's queue already */
    bool sweep_is_armed;
    struct event *ready_event;
    struct event *sweep_event;
    char id_prefix[ID_HALF + 1];
    uint64_t id_counter;
};

static void run_ready(evutil_socket_t fd, short what, void *arg);
static void run_sweep(evutil_socket_t fd, short what, void *arg);

request_table *request_table_new(worker *w)
{
    request_table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->worker = w;
    TAILQ_INIT(&table->all);
    TAILQ_INIT(&table->ready);
    unsigned char prefix[ID_HALF / 2];
    randombytes_buf(prefix, sizeof prefix);
    sodium_bin2hex(table->id_prefix, sizeof table->id_prefix, prefix, sizeof prefix);
    table->ready_event = event_new(w->base, -1, 0, run_ready, table);
    table->sweep_event = event_new(w->base, -1, 0, run_sweep, table);
    if (!table->ready_event || !table->sweep_event) {
        request_table_free(table);
        return NULL;
    }
    return table;
}

void request_table_free(request_table *table)
{
    if (!table)
        return;
    if (table->count > 0) {
        fprintf(stderr, "talelio: request_table_free: %zu requests are alive\n", table->count);
        abort();
    }
    if (table->sweep_event)
        event_free(table->sweep_event);
    if (table->ready_event)
        event_free(table->ready_event);
    free(table);
}

size_t request_count(const request_table *table)
{
    return table->count;
}

const tl_request *request_current(const request_table *table)
{
    return table->current;
}

const char *request_plugin(const tl_request *req)
{
    return req->module ? req->module->name : NULL;
}

static void arm_sweep(request_table *table)
{
    static const struct timeval pause = {.tv_usec = SWEEP_MILLISECONDS * 1000};
    table->sweep_is_armed = event_add(table->sweep_event, &pause) == 0;
}

void request_make_id(tl_request *req)
{
    static const char digits[] = "0123456789abcdef";
    request_table *table = req->worker->requests;
    uint64_t number = ++table->id_counter;
    memcpy(req->id, table->id_prefix, ID_HALF);
    for (int i = 2 * ID_HALF - 1; i >= ID_HALF; i--, number >>= 4)
        req->id[i] = digits[number & 15];
    req->id[2 * ID_HALF] = '\0';
}

tl_request *request_new(worker *w, int64_t timeout)
{
    request_table *table = w->requests;
    if (table->count >= (size_t)w->settings->max_requests)
        return NULL;
    arena *memory = arena_new(w->arenas);
    tl_request *req = arena_alloc(memory, sizeof *req);
    req->worker = w;
    req->arena = memory;
    if (timeout > 0) {
        req->deadline = loop_now(w) + timeout;
        if (!table->sweep_is_armed)
            arm_sweep(table);
    }
    request_make_id(req);
    TAILQ_INSERT_TAIL(&table->all, req, in_all);
    table->count++;
    return req;
}

void request_free(tl_request *req)
{
    request_table *table = req->worker->requests;
    req->ended = true;
    req->fiber = NULL;
    if (req->db)
        db_request_end(req);
    TAILQ_REMOVE(&table->all, req, in_all);
    table->count--;
    arena_free(req->arena);
}

/* Beside a command there is nobody who would wait. */
static void report_slow(tl_request *req, int64_t milliseconds)
{
    if (req->worker->role == ROLE_COMMAND)
        return;
    const char *plugin = request_plugin(req);
    logger_write(req->worker->log, TL_WARNING, plugin, req,
                 "%s of %s held the loop for %lld ms, and every other request waited", //
                 req->route ? req->route->path : "work without a route", plugin ? plugin : "the core",
                 (long long)milliseconds);
}

static void fiber_main(void *arg)
{
    tl_request *req = arg;
    req->fiber = fiber_current(req->worker->fibers);
    req->run(req, req->run_arg);
    req->ended = true;
}

/* Around every run of a fiber. Clean-ups run here too, on the loop's stack, so they cannot wait. */
static int64_t begin_slice(tl_request *req)
{
    req->worker->requests->current = req;
    return loop_now(req->worker);
}

static void end_slice(tl_request *req, int64_t began)
{
    request_table *table = req->worker->requests;
    int64_t limit = req->worker->settings->log_slow_handler;
    if (limit > 0) {
        int64_t took = loop_now(req->worker) - began;
        if (took > limit)
            report_slow(req, took);
    }
    if (req->ended)
        request_free(req);
    table->current = NULL;
}

bool request_start(tl_request *req, void (*run)(tl_request *req, void *arg), void *arg)
{
    req->run = run;
    req->run_arg = arg;
    request_table *table = req->worker->requests;
    int64_t began = begin_slice(req);
    if (!fiber_start(req->worker->fibers, fiber_main, req)) {
        request_free(req);
        table->current = NULL;
        return false;
    }
    end_slice(req, began);
    return true;
}

static void make_ready(tl_request *req)
{
    request_table *table = req->worker->requests;
    TAILQ_INSERT_TAIL(&table->ready, req, in_ready);
    if (table->ready_is_active)
        return;
    /* An active event runs in this turn of the loop, after the callback that is running now. */
    table->ready_is_active = true;
    event_active(table->ready_event, EV_TIMEOUT, 1);
}

static void run_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    request_table *table = arg;
    struct request_list batch = TAILQ_HEAD_INITIALIZER(batch);
    TAILQ_CONCAT(&batch, &table->ready, in_ready);
    table->ready_is_active = false;
    tl_request *req;
    while ((req = TAILQ_FIRST(&batch))) {
        TAILQ_REMOVE(&batch, req, in_ready);
        int64_t began = begin_slice(req);
        fiber_resume(req->fiber);
        end_slice(req, began);
    }
}

void wait_init(waiter *w, tl_request *req, void (*cancel)(waiter *w), void *owner)
{
    *w = (waiter){.req = req, .cancel = cancel, .owner = owner};
}

void wait_finish(waiter *w)
{
    if (w->finished)
        return;
    w->finished = true;
    if (w->waiting) {
        w->waiting = false;
        make_ready(w->req);
    }
}

/* After this nobody else knows of the waiter. */
static void run_cancel(waiter *w)
{
    void (*cancel)(waiter *) = w->cancel;
    w->waiting = false;
    w->cancel = NULL;
    cancel(w);
}

int request_wait(tl_request *req, waiter *w)
{
    if (w->finished)
        return TL_OK;
    if (w->cancel && (req->cancelled || req->ended)) {
        run_cancel(w);
        return TL_CANCELLED;
    }
    if (!req->fiber || fiber_current(req->worker->fibers) != req->fiber) {
        fprintf(stderr, "talelio: a request waits outside of its own fiber (plugin %s)\n",
                request_plugin(req) ? request_plugin(req) : "none");
        abort();
    }
    req->wait = w;
    w->waiting = true;
    fiber_suspend(req->worker->fibers);
    req->wait = NULL;
    return w->finished ? TL_OK : TL_CANCELLED;
}

void request_cancel(tl_request *req, bool timed_out)
{
    if (req->cancelled || req->ended)
        return;
    req->cancelled = true;
    req->timed_out = timed_out;
    waiter *w = req->wait;
    if (w && w->waiting && w->cancel) {
        run_cancel(w);
        make_ready(req);
    }
}

void request_sweep_deadlines(request_table *table)
{
    int64_t now = loop_now(table->worker);
    tl_request *req;
    TAILQ_FOREACH(req, &table->all, in_all)
    {
        if (req->deadline > 0 && req->deadline <= now)
            request_cancel(req, true);
    }
}

static void run_sweep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    request_table *table = arg;
    request_sweep_deadlines(table);
    /* An idle worker sleeps: the next request with a deadline starts the timer again. */
    table->sweep_is_armed = false;
    if (table->count > 0)
        arm_sweep(table);
}

void request_cancel_all(request_table *table)
{
    tl_request *req;
    TAILQ_FOREACH(req, &table->all, in_all)
    {
        request_cancel(req, false);
    }
}
