/*
 * The gate: what arrives on a connection is read here before evhttp sees it, held until one request is complete and
 * without doubt, and then replaced by a constant line that makes evhttp call us. evhttp never parses a byte that a
 * client chose.
 *
 * It runs in a callback of the connection's input buffer: after the read, before evhttp. One request at a time: what
 * arrives behind it stays in the buffer until it has been answered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/http/private.h"

static const char stand_in[] = "GET / HTTP/1.1\r\n\r\n";

enum { STAND_IN = sizeof stand_in - 1 };

static void take(connection *c, size_t length)
{
    evbuffer_drain(c->input, length);
}

/* Complete and fine, or refused: evhttp's turn. */
static void release(connection *c)
{
    evbuffer_prepend(c->input, stand_in, STAND_IN);
    connection_enter(c, PHASE_RUNNING);
}

void gate_refuse(connection *c, int status, const char *message)
{
    bool was_inside = c->inside;
    c->inside = true;
    if (!c->exchange)
        c->exchange = exchange_new(c);
    c->exchange->refusal = (frame_refusal){status, message};
    exchange_drop_body(c->exchange);
    take(c, evbuffer_get_length(c->input));
    release(c);
    c->inside = was_inside;
}

/* The bytes at the front that lie together in memory. */
static char *front(connection *c, size_t *length)
{
    size_t total = evbuffer_get_length(c->input);
    size_t together = evbuffer_get_contiguous_space(c->input);
    *length = together > 0 || total == 0 ? together : total;
    return *length > 0 ? (char *)evbuffer_pullup(c->input, (ev_ssize_t)*length) : NULL;
}

static bool has_body(const frame *f)
{
    return f->chunked || f->content_length > 0;
}

/* The usual request arrives in one read and has no body: its last bytes become the stand-in, where they are. */
static void release_in_place(connection *c, char *bytes, size_t length)
{
    memcpy(bytes + length - STAND_IN, stand_in, STAND_IN);
    take(c, length - STAND_IN);
    connection_enter(c, PHASE_RUNNING);
}

/* Reads the head; true when it is complete and there is a body to read. */
static bool read_head(connection *c)
{
    http_exchange *x = c->exchange;
    const settings *s = c->server->settings;
    const frame_limits limits = {(size_t)s->max_request_line, (size_t)s->max_headers};
    size_t length;
    char *bytes;
    while ((bytes = front(c, &length))) {
        size_t before = x->head.length;
        frame_status status;
        if (before == 0) {
            status = frame_head(&x->frame, bytes, length, &limits);
            buffer_add(&x->head, bytes, status == FRAME_DONE ? x->frame.length : length);
        } else {
            buffer_add(&x->head, bytes, length);
            status = frame_head(&x->frame, x->head.data, x->head.length, &limits);
        }
        if (status == FRAME_REFUSED) {
            gate_refuse(c, x->frame.refusal.status, x->frame.refusal.message);
            return false;
        }
        if (status == FRAME_MORE) {
            take(c, length);
            continue;
        }
        size_t used = x->frame.length - before;
        x->head.length = x->frame.length;
        if (!has_body(&x->frame) && used >= STAND_IN) {
            release_in_place(c, bytes, used);
            return false;
        }
        take(c, used);
        return true;
    }
    return false;
}

/* The answer does without the body: one that is here already is dropped, and one that is still to come ends the
 * connection. */
static void skip_body(connection *c)
{
    http_exchange *x = c->exchange;
    size_t have = evbuffer_get_length(c->input);
    bool is_here = !x->frame.chunked && x->frame.content_length <= have;
    if (!is_here)
        x->frame.close = true;
    take(c, is_here ? (size_t)x->frame.content_length : have);
    release(c);
}

/* evhttp must see none of it, and no more may arrive. */
static void set_aside(connection *c)
{
    if (!(c->aside = evbuffer_new()) || evbuffer_add_buffer(c->aside, c->input) != 0) {
        fputs("talelio: out of memory\n", stderr);
        abort();
    }
    bufferevent_disable(c->bev, EV_READ);
    c->phase = PHASE_ASKING;
}

static void take_back(connection *c)
{
    evbuffer_prepend_buffer(c->input, c->aside);
    evbuffer_free(c->aside);
    c->aside = NULL;
    bufferevent_enable(c->bev, EV_READ);
}

static void begin_body(connection *c)
{
    http_exchange *x = c->exchange;
    chunks_reset(&x->chunks);
    /* The phase keeps the time of the request's first byte. */
    c->phase = PHASE_BODY;
    if (x->frame.expect_continue && has_body(&x->frame) && evbuffer_get_length(c->input) == 0) {
        /* Nothing else is on its way to this client, so it goes out at once; if not, the client must not wait. */
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        if (send(c->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof go_on - 1)
            x->frame.close = true;
    }
}

/* Between head and body: true when the body is to be read now. */
static bool accept_body(connection *c)
{
    switch (has_body(&c->exchange->frame) ? exchange_judge_head(c->exchange) : BODY_WANTED) {
    case BODY_WANTED:
        begin_body(c);
        return true;
    case BODY_UNWANTED:
        skip_body(c);
        return false;
    case BODY_UNDECIDED:
        set_aside(c);
        return false;
    case BODY_TOO_LARGE:
        gate_refuse(c, 413, "The body is too large");
        return false;
    }
    return false;
}

/* evhttp reads what the gate has let through outside of its own callback. */
static void wake_evhttp(connection *c)
{
    if (c->phase == PHASE_RUNNING)
        bufferevent_trigger(c->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

void gate_interrupt(connection *c, int status, const char *message)
{
    gate_refuse(c, status, message);
    wake_evhttp(c);
}

/*
 * Strangers who send slowly must not keep out those who send a login at once. All of them are looked at, but only after
 * the room has had the time to fill again.
 */
static void refuse_slow_strangers(struct http_server *h, const connection *but)
{
    int64_t now = loop_now(h->worker);
    if (now - h->made_room < STRANGER_MS)
        return;
    h->made_room = now;
    connection *c;
    TAILQ_FOREACH(c, &h->connections, link)
    {
        if (c == but || c->phase != PHASE_BODY || c->exchange->known || now - c->since < STRANGER_MS)
            continue;
        gate_interrupt(c, 503, "The server is busy");
    }
}

/* Each body has its limit; this one is for all of them, so that strangers leave room for those who have been let in.
 * False when the request has been refused. */
static bool hold(connection *c, size_t more)
{
    struct http_server *h = c->server;
    bool known = c->exchange->known;
    h->held[known] += more;
    if (!known && h->held[known] > h->max_held[known])
        refuse_slow_strangers(h, c);
    if (h->held[known] <= h->max_held[known])
        return true;
    gate_refuse(c, 503, "The server is busy");
    return false;
}

/*
 * For the whole body at once, unless it is large: a body that grows is copied as it does, and of many that arrive in
 * step all are copied in one turn of the loop. This takes addresses; memory is taken as bytes fill it.
 */
static void make_room(buffer *body, size_t arrived, size_t wanted)
{
    size_t room = wanted < BODY_ROOM ? wanted : BODY_ROOM;
    buffer_reserve(body, arrived > room ? arrived : room);
}

static void read_sized_body(connection *c)
{
    http_exchange *x = c->exchange;
    size_t have = evbuffer_get_length(c->input);
    size_t wanted = (size_t)x->frame.content_length - x->body.length;
    size_t n = have < wanted ? have : wanted;
    make_room(&x->body, n, wanted);
    evbuffer_remove(c->input, x->body.data + x->body.length, n);
    x->body.length += n;
    x->body.data[x->body.length] = '\0';
    if (hold(c, n) && n == wanted)
        release(c);
}

static void read_chunked_body(connection *c)
{
    http_exchange *x = c->exchange;
    size_t length;
    char *bytes;
    while ((bytes = front(c, &length))) {
        size_t used, before = x->body.length;
        frame_status status = chunks_read(&x->chunks, bytes, length, x->max_body, &x->body, &used);
        if (!hold(c, x->body.length - before))
            return;
        if (status == FRAME_REFUSED) {
            gate_refuse(c, x->chunks.refusal.status, x->chunks.refusal.message);
            return;
        }
        take(c, used);
        if (status == FRAME_DONE) {
            release(c);
            return;
        }
    }
}

static void read_on(connection *c)
{
    if (evbuffer_get_length(c->input) == 0)
        return;
    if (!c->exchange)
        c->exchange = exchange_new(c);
    if (c->phase == PHASE_FRESH || c->phase == PHASE_IDLE) {
        bool fresh = c->phase == PHASE_FRESH;
        int64_t accepted = c->since;
        connection_enter(c, PHASE_HEAD);
        if (fresh)
            c->since = accepted;
    }
    if (c->phase == PHASE_HEAD && (!read_head(c) || !accept_body(c)))
        return;
    if (c->phase != PHASE_BODY)
        return;
    if (c->exchange->frame.chunked)
        read_chunked_body(c);
    else
        read_sized_body(c);
}

void gate_next(connection *c)
{
    c->inside = true;
    read_on(c);
    c->inside = false;
}

void gate_go_on(connection *c)
{
    c->inside = true;
    take_back(c);
    begin_body(c);
    c->inside = false;
    gate_next(c);
    wake_evhttp(c);
}

void gate_answer(connection *c)
{
    c->inside = true;
    take_back(c);
    skip_body(c);
    c->inside = false;
    wake_evhttp(c);
}

void gate_callback(struct evbuffer *input, const struct evbuffer_cb_info *info, void *conn)
{
    connection *c = conn;
    if (info->n_added == 0 || c->inside)
        return;
    if (c->fd < 0)
        connection_learn_fd(c);
    if (c->phase == PHASE_ENDED || c->phase == PHASE_LINGER) {
        c->lingered += info->n_added;
        c->inside = true;
        evbuffer_drain(input, evbuffer_get_length(input));
        c->inside = false;
        return;
    }
    if (c->phase <= PHASE_BODY)
        gate_next(c);
}
