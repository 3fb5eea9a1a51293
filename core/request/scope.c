/*
 * Scopes: parts of a request with memory of their own.
 */
#include "core/request/scope.h"

#include "core/db/db.h"
#include "core/worker.h"

void scope_end(tl_request *req)
{
    scope *s = req->scope;
    arena_free(req->arena);
    req->arena = s->outer;
    req->outside = s->outside;
    req->scope = s->outer_scope;
    db_scope_end(req);
}

int request_scoped(tl_request *req, int (*run)(tl_request *req, void *arg), void *arg)
{
    db_scope_begin(req);
    scope s = {.outer_scope = req->scope, .outer = req->arena, .outside = req->outside};
    req->scope = &s;
    req->arena = arena_new(req->worker->arenas);
    int result = run(req, arg);
    scope_end(req);
    return result;
}
