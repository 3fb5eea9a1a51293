/*
 * Time: a few times a second every connection is looked at, and what has taken too long is ended. Also finds out whose
 * client has gone while its handler runs, as nothing is read then.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/http/private.h"

void connection_kick(connection *c)
{
    bufferevent_trigger_event(c->bev, BEV_EVENT_READING | BEV_EVENT_EOF, 0);
}

/* evhttp tells only of connections that it has had a request on. */
static bool evhttp_has_let_go(const connection *c)
{
    bufferevent_event_cb callback;
    bufferevent_getcb(c->bev, NULL, NULL, &callback, NULL);
    return callback == NULL;
}

static bool nothing_has_arrived(const connection *c)
{
    char byte;
    return recv(bufferevent_getfd(c->bev), &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

static void request_took_too_long(connection *c)
{
    const http_exchange *x = c->exchange;
    bool begun = x && (x->frame.has_request_line || x->head.length > (x->frame.skipped_empty_line ? 2 : 0));
    if (!begun) {
        connection_kick(c);
        return;
    }
    gate_interrupt(c, 408, "The request did not arrive in time");
}

static void look_at_idle(connection *c, int64_t now)
{
    const struct http_server *h = c->server;
    int64_t limit = c->phase == PHASE_FRESH ? h->settings->header_timeout : h->settings->idle_timeout;
    if (now - c->since >= limit) {
        connection_kick(c);
        return;
    }
    /* A client that was active a moment ago is about to ask again, and had rather hear "Connection: close". */
    if (h->draining && now - c->since >= h->drain_grace && nothing_has_arrived(c))
        connection_kick(c);
}

static void look_at_writing(connection *c, int64_t now)
{
    size_t unsent = evbuffer_get_length(bufferevent_get_output(c->bev));
    if (unsent != c->unsent) {
        c->unsent = unsent;
        c->moved = now;
    } else if (now - c->moved >= c->server->settings->write_timeout) {
        c->exchange->streaming ? stream_break(c) : connection_kick(c);
    }
}

/* Only while bytes wait for the client: the handler may take its time. */
static void look_at_streaming(connection *c, int64_t now)
{
    if (evbuffer_get_length(bufferevent_get_output(c->bev)) > 0 && now - c->moved >= c->server->settings->write_timeout)
        stream_break(c);
}

static void look_at(connection *c, int64_t now)
{
    const settings *s = c->server->settings;
    switch (c->phase) {
    case PHASE_FRESH:
    case PHASE_IDLE:
        if (!c->evcon && evhttp_has_let_go(c))
            connection_end(c);
        else
            look_at_idle(c, now);
        break;
    case PHASE_HEAD:
    case PHASE_BODY:
        if (!c->evcon && evhttp_has_let_go(c))
            connection_end(c);
        else if (now - c->since >= (c->phase == PHASE_HEAD ? s->header_timeout : s->body_timeout))
            request_took_too_long(c);
        break;
    case PHASE_STREAMING:
        look_at_streaming(c, now);
        break;
    case PHASE_WRITING:
        look_at_writing(c, now);
        break;
    case PHASE_LINGER:
        if (now - c->since >= LINGER_MS || c->lingered > LINGER_BYTES)
            connection_release(c);
        break;
    case PHASE_ASKING: /* the request has its deadline */
    case PHASE_RUNNING:
    case PHASE_ENDED:
        break;
    }
}

static bool has_client_to_lose(const connection *c)
{
    bool may = c->phase == PHASE_ASKING || c->phase == PHASE_RUNNING || c->phase == PHASE_STREAMING;
    return may && c->exchange->req && !c->exchange->gone;
}

/* Half a close says nothing once an answer is on its way: its reader may have shut down its own side. */
static void look_at_poll(connection *c, short found)
{
    if (c->phase == PHASE_STREAMING) {
        if (found & (POLLHUP | POLLERR))
            stream_break(c);
    } else if (found & (POLLRDHUP | POLLHUP | POLLERR)) {
        c->exchange->gone = true;
        request_cancel(c->exchange->req, false);
    }
}

/* One poll() for all connections whose handlers run. */
static void cancel_lost(struct http_server *h)
{
    size_t n = 0;
    connection *c;
    TAILQ_FOREACH(c, &h->connections, link)
    {
        if (!has_client_to_lose(c))
            continue;
        if (n == h->poll_size) {
            size_t size = h->poll_size ? h->poll_size * 2 : 64;
            struct pollfd *polls = realloc(h->polls, size * sizeof *polls);
            if (polls)
                h->polls = polls;
            connection **polled = realloc(h->polled, size * sizeof(void *));
            if (polled)
                h->polled = polled;
            if (!polls || !polled)
                break;
            h->poll_size = size;
        }
        h->polls[n] = (struct pollfd){.fd = c->fd, .events = POLLRDHUP};
        h->polled[n++] = c;
    }
    if (n == 0 || poll(h->polls, n, 0) <= 0)
        return;
    for (size_t i = 0; i < n; i++)
        look_at_poll(h->polled[i], h->polls[i].revents);
}

/* malloc keeps what lies below something in use, and after many uploads that is most of them. */
static void give_back_memory(struct http_server *h)
{
    if (h->freed < GIVE_BACK || h->held[false] + h->held[true] > 0)
        return;
    h->freed = 0;
    malloc_trim(0);
}

void sweep(evutil_socket_t fd, short what, void *server)
{
    (void)fd;
    (void)what;
    struct http_server *h = server;
    int64_t now = loop_now(h->worker);
    connection *next;
    for (connection *c = TAILQ_FIRST(&h->connections); c; c = next) {
        next = TAILQ_NEXT(c, link);
        look_at(c, now);
    }
    cancel_lost(h);
    give_back_memory(h);
    h->accept_failed = false;
    listener_decide(h);
}
