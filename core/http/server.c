/*
 * The server: what is made at start, drained and freed at the end, and run once a turn of the loop.
 */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/http/private.h"

static void run_turn(evutil_socket_t fd, short what, void *server)
{
    (void)fd;
    (void)what;
    struct http_server *h = server;
    h->awake = false;
    replies_send(h);
    connections_clean(h);
    if (h->draining && h->count == 0 && h->drained) {
        void (*drained)(void *) = h->drained;
        h->drained = NULL;
        drained(h->drained_arg);
    }
}

void server_wake(struct http_server *h)
{
    if (h->awake)
        return;
    h->awake = true;
    /* An active event runs in this turn of the loop, after the callback that is running now. */
    event_active(h->turn, EV_TIMEOUT, 1);
}

const char *server_date(struct http_server *h)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct timeval now;
    event_base_gettimeofday_cached(h->worker->base, &now);
    if (now.tv_sec != h->date_of) {
        struct tm t;
        h->date_of = now.tv_sec;
        gmtime_r(&h->date_of, &t);
        snprintf(h->date, sizeof h->date, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[t.tm_wday], t.tm_mday,
                 months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    }
    return h->date;
}

static bool start(struct http_server *h)
{
    struct event_base *base = h->worker->base;
    h->evhttp = evhttp_new(base);
    h->turn = event_new(base, -1, 0, run_turn, h);
    h->sweep = event_new(base, -1, EV_PERSIST, sweep, h);
    if (!h->evhttp || !h->turn || !h->sweep || !remote_trust(h))
        return false;
    evhttp_set_bevcb(h->evhttp, connection_accept, h);
    evhttp_set_gencb(h->evhttp, exchange_start, h);
    evhttp_set_default_content_type(h->evhttp, NULL);
    const struct timeval pause = {.tv_usec = SWEEP_MS * 1000};
    return event_add(h->sweep, &pause) == 0;
}

http_server *http_server_new(struct worker *w, router *r)
{
    http_server *h = calloc(1, sizeof *h);
    if (!h) {
        router_free(r);
        return NULL;
    }
    h->worker = w;
    h->settings = w->settings;
    h->router = r;
    h->max_held[false] = MAX_STRANGERS;
    h->max_held[true] = MAX_HELD;
    TAILQ_INIT(&h->connections);
    TAILQ_INIT(&h->ended);
    TAILQ_INIT(&h->answered);
    TAILQ_INIT(&h->live);
    TAILQ_INIT(&h->spare);
    unsigned char prefix[8];
    randombytes_buf(prefix, sizeof prefix);
    sodium_bin2hex(h->id_prefix, sizeof h->id_prefix, prefix, sizeof prefix);
    /* A write to a client that has gone must not end the process. */
    signal(SIGPIPE, SIG_IGN);
    if (!start(h)) {
        http_server_free(h);
        return NULL;
    }
    w->http = h;
    return h;
}

void http_server_drain(http_server *h, void (*done)(void *arg), void *arg)
{
    h->draining = true;
    listener_decide(h);
    h->drained = done;
    h->drained_arg = arg;
    /* Closes at once what has been idle for a while. */
    sweep(-1, 0, h);
    if (h->count == 0)
        server_wake(h);
}

void http_server_be_patient(http_server *h, int64_t milliseconds)
{
    h->drain_grace = milliseconds;
}

uint64_t http_request_count(const http_server *h)
{
    return h->answered_total;
}

size_t http_connection_count(const http_server *h)
{
    return h->count;
}

/* Handlers that still run keep their exchange, without a client and without us. */
static void orphan(struct exchange_list *list)
{
    http_exchange *x;
    while ((x = TAILQ_FIRST(list))) {
        x->reply = NULL;
        if (x->conn)
            x->conn->exchange = NULL;
        x->conn = NULL;
        bool runs = x->req != NULL;
        if (!runs)
            exchange_free(x);
        else {
            TAILQ_REMOVE(list, x, link);
            x->server = NULL;
            request_cancel(x->req, false);
        }
    }
}

void http_server_free(http_server *h)
{
    if (!h)
        return;
    h->draining = true;
    listener_decide(h);
    orphan(&h->live);
    orphan(&h->answered);
    if (h->evhttp)
        evhttp_free(h->evhttp);
    connection *c;
    while ((c = TAILQ_FIRST(&h->connections)))
        connection_release(c);
    http_exchange *x;
    while ((x = TAILQ_FIRST(&h->spare)))
        exchange_destroy(x);
    if (h->turn)
        event_free(h->turn);
    if (h->sweep)
        event_free(h->sweep);
    if (h->nudge)
        event_free(h->nudge);
    if (h->worker->http == h)
        h->worker->http = NULL;
    router_free(h->router);
    free(h->by_fd);
    free(h->proxies);
    free(h->polls);
    free(h->polled);
    free(h);
}
