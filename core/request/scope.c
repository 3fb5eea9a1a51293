/*
 * Scopes: parts of a request with memory of their own.
 */
#include "core/db/db.h"
#include "core/request/request.h"
#include "core/worker.h"

int request_scoped(tl_request *req, int (*run)(tl_request *req, void *arg), void *arg)
{
    arena *outer = req->arena;
    db_scope_begin(req);
    req->arena = arena_new(req->worker->arenas);
    int result = run(req, arg);
    arena_free(req->arena);
    req->arena = outer;
    db_scope_end(req);
    return result;
}
