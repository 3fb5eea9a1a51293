/*
 * Answers that are sent while they are made: the head at once, then bytes as fast as the client takes them. At most a
 * window of them is held here. Ends in one of two ways: complete, with keep-alive as after any other answer, or with a
 * reset, so that not even a client that ignores Content-Length takes a part for the whole.
 */
#include <string.h>
#include <sys/socket.h>

#include "core/db/db.h"
#include "core/http/private.h"
#include "core/log/log.h"
#include "core/plugin/plugin.h"

/* A handler waits while STREAM_WINDOW bytes are unsent, until no more than STREAM_LOW are. */
enum { STREAM_LOW = 64 * 1024, STREAM_WINDOW = STREAM_LOW + TL_STREAM_ROOM };

static void complain(tl_request *req, const char *what)
{
    logger_write(req->worker->log, TL_LOG_ERROR, request_plugin(req), req, "a stream %s", what);
}

/* Bytes have gone to the kernel. */
static void on_taken(struct evbuffer *output, const struct evbuffer_cb_info *info, void *conn)
{
    connection *c = conn;
    if (info->n_deleted == 0)
        return;
    c->moved = loop_now(c->server->worker);
    http_exchange *x = c->exchange;
    if (!x || !x->room || evbuffer_get_length(output) > STREAM_LOW)
        return;
    waiter *w = x->room;
    x->room = NULL;
    wait_finish(w);
}

static void send_head(http_exchange *x)
{
    connection *c = x->conn;
    struct evbuffer *output = bufferevent_get_output(c->bev);
    connection_enter(c, PHASE_STREAMING);
    c->moved = c->since;
    c->taken = evbuffer_add_cb(output, on_taken, c);
    bufferevent_set_max_single_write(c->bev, STREAM_WINDOW);
    evhttp_send_reply_start(x->reply, x->status, http_reason(x->status));
    /* As while any handler runs: what the client sends stays in the kernel. */
    bufferevent_disable(c->bev, EV_READ);
}

int http_stream_begin(tl_request *req, int status, const char *content_type, int64_t length)
{
    http_exchange *x = req->http;
    /* Whoever has gone, or has waited too long, wants none; the latter is told when the handler returns. */
    if (!x || req->cancelled || !x->reply)
        return TL_REPLIED;
    if (length < 0) {
        complain(req, "needs a length");
        return http_fail(req, 500, "Internal server error");
    }
    bool first = !x->replied;
    http_reply(req, status, content_type ? content_type : "application/octet-stream", NULL, 0);
    if (!first || x->status != status)
        return TL_REPLIED;
    x->length = (size_t)length;
    if (x->is_head || status == 204 || status == 304)
        return TL_REPLIED;
    if (req->db)
        db_request_end(req);
    req->deadline = 0;
    x->streaming = true;
    remote_address(x); /* for the log, when the connection has gone by then */
    reply_head(x);
    send_head(x);
    return TL_OK;
}

static void forget_room(waiter *w)
{
    http_exchange *x = w->owner;
    x->room = NULL;
}

static int wait_for_room(tl_request *req, http_exchange *x)
{
    waiter w;
    wait_init(&w, req, forget_room, x);
    x->room = &w;
    return request_wait(req, &w);
}

int http_stream_write(tl_request *req, const void *bytes, size_t length)
{
    http_exchange *x = req->http;
    if (!x || !x->streaming) {
        if (x && !req->cancelled)
            complain(req, "was written to that has not begun");
        return TL_CANCELLED;
    }
    if (length > x->length - x->sent) {
        complain(req, "got more bytes than it was to have, and is broken off");
        x->broken = true;
        return TL_CANCELLED;
    }
    const char *from = bytes;
    while (length > 0) {
        if (req->cancelled || x->broken || !x->conn)
            return TL_CANCELLED;
        struct evbuffer *output = bufferevent_get_output(x->conn->bev);
        size_t unsent = evbuffer_get_length(output), n = length;
        if (unsent >= STREAM_WINDOW) {
            if (wait_for_room(req, x) != TL_OK)
                return TL_CANCELLED;
            continue;
        }
        if (n > STREAM_WINDOW - unsent)
            n = STREAM_WINDOW - unsent;
        if (unsent == 0) /* the client's time starts now */
            x->conn->moved = loop_now(req->worker);
        if (evbuffer_add(output, from, n) != 0)
            return TL_CANCELLED;
        from += n;
        length -= n;
        x->sent += n;
    }
    return TL_OK;
}

int http_stream_drain(tl_request *req)
{
    http_exchange *x = req->http;
    while (x && x->streaming && x->conn && evbuffer_get_length(bufferevent_get_output(x->conn->bev)) > STREAM_LOW) {
        if (wait_for_room(req, x) != TL_OK)
            return TL_CANCELLED;
    }
    return req->cancelled || !x || !x->streaming || !x->conn ? TL_CANCELLED : TL_OK;
}

void stream_unwatch(connection *c)
{
    if (c->taken)
        evbuffer_remove_cb_entry(bufferevent_get_output(c->bev), c->taken);
    c->taken = NULL;
}

void stream_lost(http_exchange *x)
{
    size_t unsent = evbuffer_get_length(bufferevent_get_output(x->conn->bev));
    x->sent -= unsent < x->sent ? unsent : x->sent;
    /* evhttp lets go of an answer whose connection fails in the middle. */
    if (x->reply && !evhttp_request_get_connection(x->reply))
        evhttp_request_free(x->reply);
    stream_unwatch(x->conn);
}

bool stream_is_whole(const http_exchange *x)
{
    return !x->broken && x->sent == x->length;
}

void stream_ended(tl_request *req, const http_exchange *x)
{
    if (stream_is_whole(x) || req->cancelled || x->broken)
        return;
    logger_write(req->worker->log, TL_LOG_ERROR, request_plugin(req), req,
                 "the handler of %s returned after %zu of %zu bytes: the connection is reset", x->route->path, x->sent,
                 x->length);
}

bool stream_finish(http_exchange *x)
{
    connection *c = x->conn;
    bool all_out = evbuffer_get_length(bufferevent_get_output(c->bev)) == 0;
    stream_unwatch(c);
    evhttp_send_reply_end(x->reply);
    return all_out;
}

void stream_break(connection *c)
{
    /* On Linux this resets a TCP connection at once, whatever else holds its descriptor. Elsewhere the end comes before
     * the announced length, which is all that a unix socket can say. */
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    c->closing = false;
    (void)connect(c->fd, &nowhere, sizeof nowhere);
    connection_kick(c);
}
