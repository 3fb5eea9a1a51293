/*
 * From a reply to bytes on the socket. A handler's reply is kept until the handler has returned; all replies of a turn
 * of the loop are then sent from the loop's stack.
 */
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/http/private.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/plugin/plugin.h"

static bool has_no_body(int status)
{
    return status == 204 || status == 304;
}

bool reply_keep(http_exchange *x, int status, const char *content_type, const void *bytes, size_t length)
{
    if (x->replied)
        return false;
    x->replied = true;
    x->status = status;
    if (!content_type || has_no_body(status))
        return true;
    buffer_add_text(&x->own, "\r\nContent-Type: ");
    buffer_add_text(&x->own, content_type);
    x->length = length;
    if (x->is_head || length == 0)
        return true;
    if (x->reply)
        evbuffer_add(evhttp_request_get_output_buffer(x->reply), bytes, length);
    else if (x->conn)
        buffer_add(&x->early, bytes, length);
    return true;
}

void reply_header(http_exchange *x, const char *name, const char *value)
{
    buffer_add_text(&x->own, "\r\n");
    buffer_add_text(&x->own, name);
    buffer_add_text(&x->own, ": ");
    buffer_add_text(&x->own, value);
}

void reply_error(http_exchange *x, int status, const char *message)
{
    buffer body = {0};
    error_body(&body, status, message);
    reply_keep(x, status, "application/json", body.data, body.length);
    buffer_free(&body);
}

/* evhttp frees what is in its lists with free(). */
static void add_evhttp_header(http_exchange *x, const char *name, char *value)
{
    struct evkeyval *header = calloc(1, sizeof *header);
    char *key = strdup(name);
    if (!header || !key || !value)
        abort();
    header->key = key;
    header->value = value;
    TAILQ_INSERT_TAIL(evhttp_request_get_output_headers(x->reply), header, next);
}

static bool must_close(const http_exchange *x)
{
    const struct http_server *h = x->server;
    return x->refusal.message || x->frame.close || (x->frame.minor == 0 && !x->frame.keep_alive) || h->draining ||
           x->conn->requests + 1 >= (uint64_t)h->settings->max_keepalive;
}

/*
 * evhttp formats every header by itself, which costs more than our own work. So it gets all of ours as the value of
 * one: Date, because it would add one if it saw none. The values have been checked for line ends.
 */
void reply_head(http_exchange *x)
{
    buffer all = {0};
    buffer_reserve(&all, 256 + x->own.length);
    buffer_add_text(&all, server_date(x->server));
    buffer_add(&all, x->own.data, x->own.length);
    buffer_add_text(&all, "\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ");
    buffer_add_text(&all, x->id);
    cors_headers(x, &all);
    x->conn->closing = must_close(x);
    if (x->frame.minor == 0 && !x->conn->closing)
        buffer_add_text(&all, "\r\nConnection: keep-alive");
    add_evhttp_header(x, "Date", buffer_take(&all));
    if (x->conn->closing)
        add_evhttp_header(x, "Connection", strdup("close"));
    if (!has_no_body(x->status)) {
        char length[24];
        snprintf(length, sizeof length, "%zu", x->length);
        add_evhttp_header(x, "Content-Length", strdup(length));
    }
}

/* The target as the log may show it: a secret in it is replaced by the name that the route has for it. */
static const char *shown_target(http_exchange *x, buffer *room)
{
    const frame *f = &x->frame;
    const char *target = f->target.length > 0 ? exchange_text(x, f->target) : f->has_request_line ? "/" : "-";
    if (f->has_query && f->query.at > 0)
        x->head.data[f->query.at - 1] = '?'; /* http_path ended the path there */
    size_t secret_at;
    const char *instead = router_secret(x->server->router, target, &secret_at);
    if (!instead) /* with its fixed part in percent-encoding it still leads to its route */
        return x->route && x->route->secret ? x->route->path : target;
    buffer_add(room, target, secret_at);
    buffer_add_text(room, instead);
    return room->data;
}

void reply_log(http_exchange *x)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t took = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - x->began;
    metrics_count_reply(x->server->worker, x->status, took);
    if (!x->server->settings->log_access)
        return;
    const frame *f = &x->frame;
    const char *method = f->method_text.length > 0 ? exchange_text(x, f->method_text) : "-";
    buffer room = {0};
    logger_access(x->server->worker->log, &(access_entry){
                                              .request_id = x->id,
                                              .remote = remote_address(x),
                                              .method = method,
                                              .target = shown_target(x, &room),
                                              .route = x->route ? x->route->path : NULL,
                                              .plugin = x->route && x->route->module ? x->route->module->name : NULL,
                                              .status = x->status,
                                              .bytes = x->is_head ? 0 : (int64_t)(x->streaming ? x->sent : x->length),
                                              .microseconds = took / 1000,
                                          });
    buffer_free(&room);
}

void reply_finish(http_exchange *x)
{
    struct http_server *h = x->server;
    if (!x->reply) {
        /* Its client has gone, or the gate passes the answer on. */
        if (!x->conn)
            exchange_free(x);
        return;
    }
    if (x->early.length > 0)
        evbuffer_add(evhttp_request_get_output_buffer(x->reply), x->early.data, x->early.length);
    if (!x->streaming)
        reply_head(x);
    reply_log(x);
    TAILQ_REMOVE(&h->live, x, link);
    TAILQ_INSERT_TAIL(&h->answered, x, link);
    x->queued = true;
    server_wake(h);
}

/* evhttp has handed everything to the kernel, and will read the next request or close. */
static void on_sent(struct evhttp_request *reply, void *conn)
{
    (void)reply;
    connection *c = conn;
    http_exchange *x = c->exchange;
    c->exchange = NULL;
    exchange_free(x);
    c->requests++;
    c->server->answered_total++;
    connection_enter(c, PHASE_IDLE);
    if (!c->closing)
        gate_next(c);
}

/*
 * Most answers fit into the socket: written here and now, they spare the loop a turn and two calls of epoll_ctl. What
 * does not fit is left to evhttp; it must not read meanwhile, or a client that has shut down its side would never get
 * the rest.
 */
static void write_now(connection *c)
{
    struct evbuffer *output = bufferevent_get_output(c->bev);
    evbuffer_unfreeze(output, 1);
    evbuffer_write(output, c->fd);
    evbuffer_freeze(output, 1);
    c->unsent = evbuffer_get_length(output);
    c->moved = c->since;
    if (c->unsent == 0)
        bufferevent_trigger(c->bev, EV_WRITE, 0);
    else
        bufferevent_disable(c->bev, EV_READ);
}

void replies_send(struct http_server *h)
{
    http_exchange *x;
    while ((x = TAILQ_FIRST(&h->answered))) {
        TAILQ_REMOVE(&h->answered, x, link);
        TAILQ_INSERT_TAIL(&h->live, x, link);
        x->queued = false;
        connection *c = x->conn;
        if (x->streaming && !stream_is_whole(x)) {
            stream_break(c);
            continue;
        }
        connection_enter(c, PHASE_WRITING);
        evhttp_request_set_on_complete_cb(x->reply, on_sent, c);
        if (x->streaming && stream_finish(x))
            continue;
        if (!x->streaming)
            evhttp_send_reply(x->reply, x->status, http_reason(x->status), NULL);
        write_now(c);
    }
}
