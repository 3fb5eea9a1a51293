/*
 * Putting a worker together and taking it apart again, in the order in which its parts lean on each other.
 */
#include "core/process/runtime.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/db/db.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/migrate/migrate.h"
#include "core/objects/objects.h"
#include "core/pool/isolation.h"
#include "core/pool/pool.h"
#include "core/redis/redis.h"
#include "core/request/request.h"

enum {
    KEPT_ARENAS = 256,
    KEPT_STACKS = 256,
    DATABASE_PATIENCE = 2000, /* milliseconds for the database's first word */
    DATABASE_POLL = 2,
};

static bool open_parts(worker *w, const runtime_plan *plan)
{
    const settings *s = w->settings;
    w->base = loop_new();
    if (!w->base)
        return false;
    /* A command's few lines are for the person who typed it, at once. */
    w->log = logger_new(s, plan->role == ROLE_COMMAND ? NULL : w->base, plan->name);
    w->arenas = arena_pool_new(KEPT_ARENAS);
    w->fibers = fiber_pool_new(KEPT_STACKS, (size_t)s->max_requests);
    w->requests = request_table_new(w);
    if (!w->requests)
        return false;
    w->pool = pool_new(w, (size_t)s->blocking_threads, (size_t)s->blocking_queue);
    w->isolation = isolation_new(w, (size_t)s->blocking_threads, (size_t)s->blocking_queue);
    return w->pool && w->isolation;
}

void runtime_connect(runtime *r, problems *found)
{
    worker *w = &r->worker;
    size_t before = problems_count(found);
    objects_recover(w->objects);
    w->migrations = migration_list_load(r->config, w->settings, found);
    /* A schema check made of half the files would blame the database. */
    if (problems_count(found) == before)
        w->db = db_new(w, migration_check_sql(w->migrations));
    w->redis = redis_new(w);
}

void runtime_open(runtime *r, config *c, const settings *s, const runtime_plan *plan, problems *found)
{
    *r = (runtime){.config = c};
    worker *w = &r->worker;
    *w = (worker){
        .role = plan->role,
        .slot = plan->slot,
        .generation = plan->generation,
        .first_copy = plan->first_copy,
        .settings = s,
        .board = plan->board ? plan->board : &r->own_board,
        .boards = plan->boards,
        .board_count = plan->board_count,
    };
    the_worker = w;
    if (!open_parts(w, plan)) {
        problems_add(found, NULL, 0, "the event loop cannot be set up: are there enough file descriptors?");
        return;
    }
    w->metrics = metrics_open(plan->metrics_fd, plan->metrics_block, plan->name, plan->generation);
    metrics_add_core(w);
    w->objects = objects_new(w);
    if (s->store_count > 0 && !w->objects)
        problems_add(found, NULL, 0, "the stores cannot be made: is there enough memory?");
    if (!plan->serverless)
        runtime_connect(r, found);
    w->modules = module_list_load(w, c, found);
    /* Only now it is known which keys of the plugins are secrets. */
    config_check_production(c, s, found);
}

void runtime_close(runtime *r)
{
    worker *w = &r->worker;
    if (w->http)
        http_server_free(w->http);
    module_list_stop(w->modules);
    if (w->redis)
        redis_free(w->redis);
    if (w->db)
        db_free(w->db);
    objects_free(w->objects);
    if (w->pool)
        pool_free(w->pool);
    isolation_free(w->isolation);
    if (w->requests)
        request_table_free(w->requests);
    if (w->fibers)
        fiber_pool_free(w->fibers);
    if (w->arenas)
        arena_pool_free(w->arenas);
    module_list_free(w->modules);
    if (w->migrations)
        migration_list_free(w->migrations);
    metrics_close(w->metrics);
    if (w->log)
        logger_free(w->log);
    if (w->base)
        event_base_free(w->base);
    the_worker = NULL;
}

int runtime_start(runtime *r, tl_request *req, bool strict, problems *found)
{
    worker *w = &r->worker;
    int64_t until = loop_now(w) + DATABASE_PATIENCE;
    while (w->db && db_state_of(w->db) == DB_CONNECTING && loop_now(w) < until)
        if (request_sleep(req, DATABASE_POLL) != TL_OK)
            return TL_ERROR;
    if (strict && w->db && db_state_of(w->db) == DB_REFUSED) {
        problems_add(found, NULL, 0, "[postgres] the database cannot be used: %s", db_reason(w->db));
        return TL_ERROR;
    }
    return module_list_start(w->modules, req, found);
}

typedef struct running {
    void (*run)(tl_request *req, void *arg);
    void *arg;
    struct event_base *base;
    bool done;
} running;

static void run_then_tell(tl_request *req, void *arg)
{
    running *r = arg;
    r->run(req, r->arg);
    r->done = true;
    event_base_loopbreak(r->base);
}

bool runtime_run(runtime *r, void (*run)(tl_request *req, void *arg), void *arg)
{
    running work = {.run = run, .arg = arg, .base = r->worker.base};
    tl_request *req = request_new(&r->worker, 0);
    if (!req || !request_start(req, run_then_tell, &work))
        return false;
    while (!work.done)
        if (event_base_loop(r->worker.base, EVLOOP_NO_EXIT_ON_EMPTY) != 0)
            return false;
    return true;
}

static void wake(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

bool runtime_settle(runtime *r, int milliseconds)
{
    worker *w = &r->worker;
    if (!w->requests)
        return true;
    struct event *tick = event_new(w->base, -1, EV_PERSIST, wake, NULL);
    if (!tick)
        return request_count(w->requests) == 0;
    event_add(tick, &(struct timeval){.tv_usec = 10000});
    int64_t until = loop_now(w) + milliseconds;
    while (request_count(w->requests) > 0 && loop_now(w) < until) {
        request_cancel_all(w->requests);
        event_base_loop(w->base, EVLOOP_ONCE);
    }
    event_free(tick);
    return request_count(w->requests) == 0;
}
