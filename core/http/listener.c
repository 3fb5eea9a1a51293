/*
 * Accepting: evhttp does it; here is when it may not.
 */
#include <errno.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "core/http/private.h"
#include "core/log/log.h"
#include "core/process/scoreboard.h"

enum { TELL_AGAIN_MS = 60000 };

static void disable(struct evhttp_bound_socket *bound, void *arg)
{
    (void)arg;
    evconnlistener_disable(evhttp_bound_socket_get_listener(bound));
}

static void enable(struct evhttp_bound_socket *bound, void *arg)
{
    (void)arg;
    evconnlistener_enable(evhttp_bound_socket_get_listener(bound));
}

static accepting what_is_right(const struct http_server *h)
{
    if (!h->listens || h->draining || h->accept_failed || h->count >= (size_t)h->settings->max_connections)
        return ACCEPTING_NOT;
    return balance_is_ahead(h) ? ACCEPTING_LATER : ACCEPTING;
}

void listener_decide(struct http_server *h)
{
    scoreboard_slot *board = h->worker->board;
    accepting before = board->accepting;
    accepting now = what_is_right(h);
    if (now == before)
        return;
    board->accepting = (uint8_t)now;
    /* Others may have moved before they could see this. */
    if (now == ACCEPTING_LATER && !balance_is_ahead(h))
        board->accepting = (uint8_t)(now = ACCEPTING);
    evhttp_foreach_bound_socket(h->evhttp, now == ACCEPTING ? enable : disable, NULL);
    if (now != ACCEPTING)
        balance_nudge(h);
}

/*
 * Out of descriptors, usually. The client waits in the queue, and trying again at once would only turn the loop. The
 * argument is evhttp's own, so the server is the worker's.
 */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    (void)listener;
    (void)arg;
    int error = errno;
    struct http_server *h = the_worker->http;
    int64_t now = loop_now(h->worker);
    h->accept_failed = true;
    listener_decide(h);
    /* The master has gone, and another worker knew first. */
    if (error == EINVAL)
        return;
    if (h->accept_told != 0 && now - h->accept_told < TELL_AGAIN_MS)
        return;
    h->accept_told = now;
    log_warning(h->worker, NULL, "cannot accept connections: %s (%zu are open)", strerror(error), h->count);
}

bool http_server_listen(http_server *h, int fd, int nudge)
{
    /* Connections inherit it. A response is one write, so waiting for more to send would only delay pipelined ones. */
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct evconnlistener *listener =
        evconnlistener_new(h->worker->base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED, 0, fd);
    if (!listener)
        return false;
    if (!evhttp_bind_listener(h->evhttp, listener)) {
        evconnlistener_free(listener);
        return false;
    }
    evconnlistener_set_error_cb(listener, on_accept_error);
    if (nudge >= 0 && !balance_with(h, nudge))
        return false;
    h->listens = true;
    if (h->worker->board->accepting == ACCEPTING)
        evconnlistener_enable(listener);
    listener_decide(h);
    return true;
}
