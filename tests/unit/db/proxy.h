/*
 * For the tests of core/db: a proxy in front of the real server, on the loop of the test, that can be cut off or fall
 * silent.
 */
#ifndef TESTS_UNIT_DB_PROXY_H
#define TESTS_UNIT_DB_PROXY_H

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/db/database.h"

typedef struct proxy proxy;

typedef struct proxy_pair {
    LIST_ENTRY(proxy_pair) next;
    proxy *owner;
    struct bufferevent *client;
    struct bufferevent *server;
} proxy_pair;

struct proxy {
    worker *worker;
    struct evconnlistener *listener;
    char port[8];
    bool silent;
    int accepted;
    LIST_HEAD(proxy_pairs, proxy_pair) pairs;
};

static inline void proxy_end_pair(proxy_pair *pair)
{
    LIST_REMOVE(pair, next);
    bufferevent_free(pair->client);
    bufferevent_free(pair->server);
    free(pair);
}

static inline void proxy_pass_on(struct bufferevent *from, void *arg)
{
    proxy_pair *pair = arg;
    if (!pair->owner->silent)
        bufferevent_write_buffer(from == pair->client ? pair->server : pair->client, bufferevent_get_input(from));
}

static inline void proxy_event(struct bufferevent *from, short what, void *arg)
{
    (void)from;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        proxy_end_pair(arg);
}

static inline socklen_t proxy_target(struct sockaddr_storage *out)
{
    const char *host = url_part("host"), *port = url_part("port");
    memset(out, 0, sizeof *out);
    if (*host == '/') {
        struct sockaddr_un *un = (struct sockaddr_un *)out;
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof un->sun_path, "%.80s/.s.PGSQL.%.8s", host, *port ? port : "5432");
        return sizeof *un;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)atoi(*port ? port : "5432"));
    inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &in->sin_addr);
    return sizeof *in;
}

static inline void proxy_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int length,
                                void *arg)
{
    (void)listener, (void)peer, (void)length;
    proxy *p = arg;
    proxy_pair *pair = calloc(1, sizeof *pair);
    struct sockaddr_storage target;
    socklen_t target_length = proxy_target(&target);
    p->accepted++;
    pair->owner = p;
    pair->client = bufferevent_socket_new(p->worker->base, fd, BEV_OPT_CLOSE_ON_FREE);
    pair->server = bufferevent_socket_new(p->worker->base, -1, BEV_OPT_CLOSE_ON_FREE);
    LIST_INSERT_HEAD(&p->pairs, pair, next);
    bufferevent_setcb(pair->client, proxy_pass_on, NULL, proxy_event, pair);
    bufferevent_setcb(pair->server, proxy_pass_on, NULL, proxy_event, pair);
    bufferevent_enable(pair->client, EV_READ | EV_WRITE);
    bufferevent_enable(pair->server, EV_READ | EV_WRITE);
    if (bufferevent_socket_connect(pair->server, (struct sockaddr *)&target, (int)target_length) != 0)
        proxy_end_pair(pair);
}

/* New connections are taken, on the port of before. */
static inline void proxy_open(proxy *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(p->port))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->listener = evconnlistener_new_bind(p->worker->base, proxy_accept, p, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
                                          64, (struct sockaddr *)&at, sizeof at);
    assert_non_null(p->listener);
    socklen_t length = sizeof at;
    getsockname(evconnlistener_get_fd(p->listener), (struct sockaddr *)&at, &length);
    snprintf(p->port, sizeof p->port, "%u", ntohs(at.sin_port));
}

/* Ends every connection that goes through it. */
static inline void proxy_end_pairs(proxy *p)
{
    while (!LIST_EMPTY(&p->pairs))
        proxy_end_pair(LIST_FIRST(&p->pairs));
}

/* The server has gone: connections break, and new ones are refused. */
static inline void proxy_cut(proxy *p)
{
    evconnlistener_free(p->listener);
    p->listener = NULL;
    proxy_end_pairs(p);
}

/* No byte goes through any more; connections are still taken. */
static inline void proxy_silence(proxy *p, bool silent)
{
    p->silent = silent;
    proxy_pair *pair, *next;
    for (pair = LIST_FIRST(&p->pairs); pair && !silent; pair = next) {
        next = LIST_NEXT(pair, next);
        proxy_pass_on(pair->client, pair);
        proxy_pass_on(pair->server, pair);
    }
}

static inline void proxy_free(proxy *p)
{
    if (p->listener)
        proxy_cut(p);
    else
        proxy_end_pairs(p);
    free(p);
}

/* A worker whose pool goes through a proxy on 127.0.0.1. */
static inline worker *open_pool_behind(settings *s, const char *check, proxy **out)
{
    worker *w = fixture_worker_new(s);
    proxy *p = calloc(1, sizeof *p);
    p->worker = w;
    LIST_INIT(&p->pairs);
    proxy_open(p);
    s->postgres_url = url_at("127.0.0.1", p->port);
    w->db = db_new(w, check);
    *out = p;
    return w;
}

static inline void close_pool_behind(worker *w, proxy *p)
{
    db_free(w->db);
    w->db = NULL;
    proxy_free(p);
    fixture_worker_free(w);
}

#endif
