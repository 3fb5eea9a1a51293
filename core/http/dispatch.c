/*
 * From a complete request to its handler: routing, authorization, and what the core answers by itself.
 */
#include <string.h>
#include <strings.h>

#include "core/db/db.h"
#include "core/http/private.h"
#include "core/log/log.h"
#include "core/plugin/plugin.h"

static void answer_error(http_exchange *x, int status, const char *message)
{
    reply_error(x, status, message);
    reply_finish(x);
}

/* What the gate has refused. */
static void refuse(http_exchange *x)
{
    if (x->refusal.status == 503)
        reply_header(x, "Retry-After", "1");
    reply_error(x, x->refusal.status, x->refusal.message);
}

static void answer_busy(http_exchange *x, const char *message)
{
    reply_header(x, "Retry-After", "1");
    answer_error(x, 503, message);
}

static path_result split_path(http_exchange *x)
{
    const frame_span path = x->frame.path;
    if (path.length == 0) {
        x->path.count = 0;
        return PATH_OK;
    }
    buffer_reserve(&x->scratch, path.length);
    return path_split(x->head.data + path.at, path.length, x->scratch.data, &x->path);
}

static bool query_is_sound(http_exchange *x)
{
    const frame_span query = x->frame.query;
    const char *text = x->head.data + query.at;
    if (!memchr(text, '%', query.length))
        return true;
    /* Behind the segments of the path, which may lie in the same memory. */
    size_t offset = x->frame.path.length;
    buffer_reserve(&x->scratch, offset + query.length);
    return query_is_valid(text, query.length, x->scratch.data + offset);
}

static void answer_options(http_exchange *x, unsigned methods)
{
    char allow[ALLOW_SIZE];
    router_allow_text(methods, allow);
    reply_header(x, "Allow", allow);
    cors_preflight(x, allow);
    reply_keep(x, 204, NULL, NULL, 0);
    reply_finish(x);
}

static bool needs_authorization(http_exchange *x, const route *to)
{
    return to->auth == TL_AUTH_REQUIRED ||
           (to->auth == TL_AUTH_OPTIONAL && frame_find(&x->frame, x->head.data, "Authorization", 0) >= 0);
}

/* Who asks? False when the request has been answered with a refusal. */
static bool authorize(tl_request *req, http_exchange *x)
{
    if (!needs_authorization(x, x->route))
        return true;
    tl_module *provider = NULL;
    const tl_auth_v1 *auth = req->worker->modules ? module_auth(req->worker->modules, &provider) : NULL;
    if (!auth) {
        log_error(req->worker, req, "no plugin provides %s", TL_AUTH_V1);
        http_fail(req, 500, "Internal server error");
        return false;
    }
    tl_module *module = req->module;
    req->module = provider;
    int result = auth->authenticate(req, &req->identity);
    req->module = module;
    /* Fail closed: whoever has been answered is not let in. */
    if (result == TL_OK && !x->replied) {
        req->has_identity = true;
        return true;
    }
    if (!x->replied)
        http_fail_service(req, TL_AUTH_V1, result);
    return false;
}

static void forget_body(waiter *w)
{
    http_exchange *x = w->owner;
    x->whole = NULL;
}

/* Of a request whose sender was asked for first. False when it has been answered, or its client has gone. */
static bool await_body(tl_request *req, http_exchange *x)
{
    if (x->reply || req->cancelled)
        return !req->cancelled;
    waiter w;
    wait_init(&w, req, forget_body, x);
    x->whole = &w;
    x->known = req->has_identity;
    /* The gate has its own limits of time for a body. */
    req->deadline = 0;
    if (x->conn->phase == PHASE_ASKING)
        gate_go_on(x->conn);
    if (request_wait(req, &w) != TL_OK)
        return false;
    x->whole = NULL;
    req->deadline = loop_now(req->worker) + req->worker->settings->request_timeout;
    if (!x->refusal.message)
        return true;
    refuse(x);
    return false;
}

static bool is_coded(tl_request *req)
{
    const char *codings = http_header(req, "Content-Encoding");
    size_t length = codings ? strlen(codings) : 0, at = 0;
    frame_span item;
    while (codings && frame_list_next(codings, length, &at, &item)) {
        bool is_plain = item.length == 0 || (item.length == 8 && strncasecmp(codings + item.at, "identity", 8) == 0);
        if (!is_plain)
            return true;
    }
    return false;
}

/* A body in a content coding gets to no handler: none would understand it. False when the request has been answered. */
static bool body_is_plain(tl_request *req, http_exchange *x)
{
    if (x->body.length == 0 || !is_coded(req))
        return true;
    reply_header(x, "Accept-Encoding", "identity");
    http_fail(req, 415, "Expected a body without Content-Encoding");
    return false;
}

static void answer_for_handler(tl_request *req, http_exchange *x)
{
    if (req->cancelled) {
        http_fail_service(req, "request", TL_CANCELLED);
        return;
    }
    const tl_module *module = x->route->module;
    logger_write(req->worker->log, TL_LOG_ERROR, module ? module->name : NULL, req,
                 "the handler of %s returned without a reply (plugin %s)", x->route->path,
                 module ? module->name : "none");
    http_fail(req, 500, "Internal server error");
}

static void run_plugins(tl_request *req, void *exchange)
{
    http_exchange *x = exchange;
    if (authorize(req, x) && await_body(req, x) && body_is_plain(req, x))
        x->route->handler(req);
}

static void run_handler(tl_request *req, void *exchange)
{
    http_exchange *x = exchange;
    if (!request_run_limited(req, run_plugins, x) && !x->replied)
        http_fail(req, 500, "Internal server error");
    if (req->db)
        db_request_end(req);
    if (!x->replied)
        answer_for_handler(req, x);
    if (x->streaming)
        stream_ended(req, x);
    x->req = NULL;
    req->http = NULL;
    /* Without the body. Where nothing has waited yet, the gate is still there to see it. */
    if (x->conn && x->conn->phase == PHASE_ASKING)
        gate_answer(x->conn);
    if (x->conn) {
        reply_finish(x);
        return;
    }
    if (x->streaming && x->server)
        reply_log(x);
    exchange_free(x);
}

static void copy_parameters(tl_request *req, http_exchange *x, const route_match *match)
{
    x->parameters = arena_alloc_raw(req->arena, sizeof(char *) * (match->parameter_count + 1));
    for (size_t i = 0; i < match->parameter_count; i++) {
        size_t at = match->parameters[i];
        x->parameters[i] = arena_copy_bytes(req->arena, x->path.item[at].text, x->path.item[at].length);
    }
}

static void start_handler(http_exchange *x, const route_match *match)
{
    struct worker *w = x->server->worker;
    tl_request *req = request_new(w, w->settings->request_timeout);
    if (!req) {
        answer_busy(x, "The server is busy");
        return;
    }
    memcpy(req->id, x->id, sizeof req->id);
    req->http = x;
    req->changes_nothing = x->is_head;
    req->route = match->route;
    req->module = match->route->module;
    x->req = req;
    x->route = match->route;
    copy_parameters(req, x, match);
    if (!request_start(req, run_handler, x)) {
        x->req = NULL;
        answer_busy(x, "The server is busy");
    }
}

/* What path and method lead to. NULL, or what is malformed. */
static const char *find_route(http_exchange *x, route_match *match)
{
    *match = (route_match){0};
    path_result path = split_path(x);
    if (path == PATH_MALFORMED)
        return "Malformed path";
    if (x->frame.has_query && !query_is_sound(x))
        return "Malformed query";
    if (path == PATH_OK)
        router_find(x->server->router, &x->path, x->method, match);
    return NULL;
}

body_verdict exchange_judge_head(http_exchange *x)
{
    exchange_identify(x);
    route_match match;
    /* A GET has no use for one (RFC 9110, 9.3.1). */
    if (x->frame.is_asterisk || x->method == TL_GET || find_route(x, &match) || !match.route)
        return BODY_UNWANTED;
    x->max_body = match.route->max_body > 0 ? match.route->max_body : (size_t)x->server->settings->max_body;
    if (x->frame.content_length > x->max_body)
        return BODY_TOO_LARGE;
    if (!needs_authorization(x, match.route))
        return BODY_WANTED;
    start_handler(x, &match);
    if (!x->req)
        return BODY_UNWANTED;
    return x->whole ? BODY_WANTED : BODY_UNDECIDED;
}

void exchange_dispatch(http_exchange *x)
{
    if (x->req) {
        wait_finish(x->whole);
        return;
    }
    if (x->replied) {
        reply_finish(x);
        return;
    }
    if (x->refusal.message) {
        refuse(x);
        reply_finish(x);
        return;
    }
    if (x->frame.is_asterisk) {
        answer_options(x, ~0u);
        return;
    }
    route_match match;
    const char *malformed = find_route(x, &match);
    if (malformed) {
        answer_error(x, 400, malformed);
        return;
    }
    if (match.route) {
        start_handler(x, &match);
    } else if (match.allow == 0) {
        answer_error(x, 404, "Not found");
    } else if (x->frame.method == FRAME_OPTIONS) {
        answer_options(x, match.allow);
    } else {
        char allow[ALLOW_SIZE];
        reply_header(x, "Allow", router_allow_text(match.allow, allow));
        answer_error(x, 405, "Method not allowed");
    }
}
