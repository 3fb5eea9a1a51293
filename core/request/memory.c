/*
 * What one request may take. The arena counts itself; what libraries hold for a request (JSON, results of statements)
 * is counted beside it. A request that has taken too much is left by a jump out of the plugin's code, back to its
 * caller: its clean-ups run, nothing of it goes on.
 *
 * The jump happens only in calls that leave nothing of the core half done: see request_check_memory.
 */
#include <setjmp.h>

#include "core/log/log.h"
#include "core/plugin/plugin.h"
#include "core/request/request.h"
#include "core/request/scope.h"
#include "core/worker.h"

static size_t taken(const tl_request *req)
{
    size_t bytes = arena_size(req->arena) + req->outside;
    for (const scope *s = req->scope; s; s = s->outer_scope)
        bytes += arena_size(s->outer);
    return bytes;
}

static void tell(tl_request *req)
{
    logger_write(req->worker->log, TL_LOG_ERROR, request_plugin(req), req,
                 "%s took more than %lld MiB of memory ([server] request_memory) and was ended",
                 req->route ? req->route->path : "work without a route",
                 (long long)(req->worker->settings->request_memory >> 20));
}

void request_check_memory(tl_request *req, size_t more)
{
    if (!req->leave)
        return;
    size_t limit = (size_t)req->worker->settings->request_memory;
    size_t now = taken(req);
    if (now <= limit && more <= limit - now)
        return;
    if (fiber_current(req->worker->fibers) != req->fiber)
        return;
    tell(req);
    sigjmp_buf *leave = req->leave;
    req->leave = NULL;
    while (req->scope)
        scope_end(req);
    siglongjmp(*leave, 1);
}

void request_count_memory(tl_request *req, size_t bytes)
{
    req->outside += bytes;
}

/* Apart from request_run_limited: what a function that calls sigsetjmp keeps in its own frame is lost in the jump. */
static bool run_until_left(tl_request *req, sigjmp_buf *leave, void (*run)(tl_request *req, void *arg), void *arg)
{
    if (sigsetjmp(*leave, 0) != 0)
        return false;
    run(req, arg);
    return true;
}

bool request_run_limited(tl_request *req, void (*run)(tl_request *req, void *arg), void *arg)
{
    sigjmp_buf leave;
    tl_module *module = req->module;
    req->leave = &leave;
    bool returned = run_until_left(req, &leave, run, arg);
    req->leave = NULL;
    req->module = module;
    return returned;
}
