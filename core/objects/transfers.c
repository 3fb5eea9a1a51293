/*
 * libcurl's multi interface on the worker's loop: sockets and timer are events, and a watch of our own finds transfers
 * on which nothing moves (libcurl's has seconds for its unit and forgets the wait for the first byte).
 */
#include "core/objects/transfers.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/log/log.h"
#include "core/worker.h"

enum { WATCH = 50, KEPT_CONNECTIONS = 32 };

/* Of one socket. */
typedef struct link {
    struct event *event;
    short what;
} link;

static void set_timer(struct event *timer, int64_t milliseconds)
{
    struct timeval tv = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    event_add(timer, &tv);
}

static transfer_end judge(CURLcode code, const transfer *t)
{
    switch (code) {
    case CURLE_OK:
        return TRANSFER_DONE;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
        return TRANSFER_NO_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        /* The only limit that libcurl has been given is the one for connecting. */
        return TRANSFER_NO_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return TRANSFER_UNTRUSTED;
    default:
        return t->is_too_large ? TRANSFER_TOO_LARGE : TRANSFER_BROKEN;
    }
}

static void take_ended(transfers *all)
{
    int left;
    for (CURLMsg *m = curl_multi_info_read(all->multi, &left); m; m = curl_multi_info_read(all->multi, &left)) {
        transfer *t = NULL;
        if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t) != CURLE_OK)
            continue;
        CURLcode code = m->data.result;
        if (code != CURLE_OK && !*t->error)
            snprintf(t->error, sizeof t->error, "%s", curl_easy_strerror(code));
        transfers_remove(t);
        transfer_over(t, judge(code, t));
    }
}

static void act(transfers *all, curl_socket_t fd, int what)
{
    int running;
    curl_multi_socket_action(all->multi, fd, what, &running);
    take_ended(all);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    act(arg, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl tells what it wants to know of a socket. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    (void)easy;
    transfers *all = arg;
    link *l = socket_arg;
    short wanted = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
    if (l && (what == CURL_POLL_REMOVE || l->what != wanted)) {
        event_free(l->event);
        l->event = NULL;
    }
    if (what == CURL_POLL_REMOVE) {
        free(l);
        return 0;
    }
    if (!l) {
        l = calloc(1, sizeof *l);
        if (!l || curl_multi_assign(all->multi, fd, l) != CURLM_OK) {
            free(l);
            return -1;
        }
    }
    if (!l->event) {
        l->what = wanted;
        l->event = event_new(all->worker->base, fd, wanted, on_socket, all);
        if (!l->event || event_add(l->event, NULL) != 0)
            return -1;
    }
    return 0;
}

static int want_timer(CURLM *multi, long milliseconds, void *arg)
{
    (void)multi;
    transfers *all = arg;
    if (milliseconds < 0)
        event_del(all->timer);
    else
        set_timer(all->timer, milliseconds);
    return 0;
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    transfers *all = arg;
    int64_t now = loop_now(all->worker);
    for (transfer *t = TAILQ_FIRST(&all->all), *next; t; t = next) {
        next = TAILQ_NEXT(t, entry);
        if (t->is_paused || now - t->active_at < t->stall_timeout)
            continue;
        snprintf(t->error, sizeof t->error, "nothing moved for %lld ms", (long long)t->stall_timeout);
        transfers_remove(t);
        transfer_over(t, TRANSFER_STALLED);
    }
    if (!TAILQ_EMPTY(&all->all))
        set_timer(all->watch, WATCH);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    transfers *all = arg;
    for (transfer *t = TAILQ_FIRST(&all->all); t; t = TAILQ_NEXT(t, entry)) {
        if (!t->is_kicked)
            continue;
        t->is_kicked = t->is_paused = false;
        t->active_at = loop_now(all->worker);
        curl_easy_pause(t->easy, CURLPAUSE_CONT);
    }
}

void transfers_kick(transfer *t)
{
    t->is_kicked = true;
    event_active(t->owner->kick, EV_TIMEOUT, 0);
}

static bool start_libcurl(transfers *all)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return false;
    all->multi = curl_multi_init();
    if (!all->multi) {
        curl_global_cleanup();
        return false;
    }
    curl_multi_setopt(all->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(all->multi, CURLMOPT_SOCKETDATA, all);
    curl_multi_setopt(all->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(all->multi, CURLMOPT_TIMERDATA, all);
    curl_multi_setopt(all->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
    curl_multi_setopt(all->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return true;
}

CURL *transfers_handle(transfers *all)
{
    return all->multi || start_libcurl(all) ? curl_easy_init() : NULL;
}

bool transfers_add(transfer *t)
{
    transfers *all = t->owner;
    t->active_at = loop_now(all->worker);
    if (curl_multi_add_handle(all->multi, t->easy) != CURLM_OK)
        return false;
    t->is_added = true;
    if (TAILQ_EMPTY(&all->all))
        set_timer(all->watch, WATCH);
    TAILQ_INSERT_TAIL(&all->all, t, entry);
    return true;
}

void transfers_remove(transfer *t)
{
    if (!t->is_added)
        return;
    t->is_added = false;
    TAILQ_REMOVE(&t->owner->all, t, entry);
    curl_multi_remove_handle(t->owner->multi, t->easy);
}

transfers *transfers_new(struct worker *w)
{
    transfers *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    all->worker = w;
    TAILQ_INIT(&all->all);
    all->timer = evtimer_new(w->base, on_timer, all);
    all->watch = evtimer_new(w->base, on_watch, all);
    all->kick = evtimer_new(w->base, on_kick, all);
    if (all->timer && all->watch && all->kick)
        return all;
    transfers_free(all);
    return NULL;
}

void transfers_free(transfers *all)
{
    if (!all)
        return;
    if (all->multi) {
        curl_multi_cleanup(all->multi);
        curl_global_cleanup();
    }
    struct event *events[] = {all->timer, all->watch, all->kick};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i])
            event_free(events[i]);
    free(all);
}
