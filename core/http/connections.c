/*
 * Connections from accept to close. evhttp believes that it owns them; we hold a reference to each bufferevent, so that
 * a descriptor stays open after evhttp has let go, and the client can read our last answer although it still sends: a
 * close with unread bytes would throw away what the client has not read yet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/private.h"
#include "core/process/scoreboard.h"

static void *checked(void *made)
{
    if (made)
        return made;
    fputs("talelio: out of memory\n", stderr);
    abort();
}

struct bufferevent *connection_accept(struct event_base *base, void *server)
{
    struct http_server *h = server;
    connection *c = checked(calloc(1, sizeof *c));
    c->server = h;
    c->fd = -1;
    /* NULL here would make evhttp go on without a gate. */
    c->bev = checked(bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
    bufferevent_incref(c->bev);
    c->input = bufferevent_get_input(c->bev);
    c->gate = checked(evbuffer_add_cb(c->input, gate_callback, c));
    connection_enter(c, PHASE_FRESH);
    TAILQ_INSERT_TAIL(&h->connections, c, link);
    h->count++;
    h->worker->board->connections = (uint32_t)h->count;
    listener_decide(h);
    return c->bev;
}

void connection_learn_fd(connection *c)
{
    struct http_server *h = c->server;
    c->fd = bufferevent_getfd(c->bev);
    size_t fd = (size_t)c->fd;
    if (fd >= h->by_fd_size) {
        size_t size = h->by_fd_size ? h->by_fd_size : 64;
        while (size <= fd)
            size *= 2;
        h->by_fd = checked(realloc(h->by_fd, size * sizeof(void *)));
        memset(h->by_fd + h->by_fd_size, 0, (size - h->by_fd_size) * sizeof(void *));
        h->by_fd_size = size;
    }
    h->by_fd[fd] = c;
}

static void on_close(struct evhttp_connection *evcon, void *conn)
{
    (void)evcon;
    connection_end(conn);
}

connection *connection_of(struct http_server *h, struct evhttp_request *reply)
{
    struct evhttp_connection *evcon = evhttp_request_get_connection(reply);
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));
    connection *c = fd >= 0 && (size_t)fd < h->by_fd_size ? h->by_fd[fd] : NULL;
    if (c && !c->evcon) {
        c->evcon = evcon;
        evhttp_connection_set_closecb(evcon, on_close, c);
    }
    return c;
}

void connection_enter(connection *c, phase next)
{
    c->phase = next;
    c->since = loop_now(c->server->worker);
}

/* The handler goes on without a client; its request ends by itself. */
static void leave_exchange(connection *c)
{
    http_exchange *x = c->exchange;
    c->exchange = NULL;
    if (!x)
        return;
    if (x->streaming)
        stream_lost(x);
    x->reply = NULL;
    if (!x->req) {
        exchange_free(x);
        return;
    }
    x->conn = NULL;
    request_cancel(x->req, false);
}

void connection_end(connection *c)
{
    if (c->phase >= PHASE_ENDED)
        return;
    leave_exchange(c);
    connection_enter(c, PHASE_ENDED);
    TAILQ_INSERT_TAIL(&c->server->ended, c, ended);
    server_wake(c->server);
}

static void on_linger_event(struct bufferevent *bev, short what, void *conn)
{
    (void)bev;
    (void)what;
    connection_release(conn);
}

/* evhttp has shut down our side; the client's end of it closes the connection, or the sweep does. */
static void linger(connection *c)
{
    connection_enter(c, PHASE_LINGER);
    bufferevent_setcb(c->bev, NULL, NULL, on_linger_event, c);
    bufferevent_disable(c->bev, EV_WRITE);
    bufferevent_enable(c->bev, EV_READ);
}

void connections_clean(struct http_server *h)
{
    connection *c;
    while ((c = TAILQ_FIRST(&h->ended))) {
        TAILQ_REMOVE(&h->ended, c, ended);
        if (c->closing)
            linger(c);
        else
            connection_release(c);
    }
}

void connection_release(connection *c)
{
    struct http_server *h = c->server;
    leave_exchange(c);
    TAILQ_REMOVE(&h->connections, c, link);
    if (c->fd >= 0 && h->by_fd[c->fd] == c)
        h->by_fd[c->fd] = NULL;
    evbuffer_remove_cb_entry(c->input, c->gate);
    if (c->aside)
        evbuffer_free(c->aside);
    stream_unwatch(c);
    bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
    bufferevent_disable(c->bev, EV_READ | EV_WRITE);
    bufferevent_decref(c->bev);
    free(c);
    h->count--;
    h->worker->board->connections = (uint32_t)h->count;
    listener_decide(h);
    if (h->draining && h->count == 0)
        server_wake(h);
}
