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

void listener_pause(struct http_server *h)
{
    if (h->paused)
        return;
    h->paused = true;
    evhttp_foreach_bound_socket(h->evhttp, disable, NULL);
}

void listener_resume(struct http_server *h)
{
    if (!h->paused || h->draining || h->accept_failed || h->count >= (size_t)h->settings->max_connections)
        return;
    h->paused = false;
    evhttp_foreach_bound_socket(h->evhttp, enable, NULL);
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
    listener_pause(h);
    if (h->accept_told != 0 && now - h->accept_told < TELL_AGAIN_MS)
        return;
    h->accept_told = now;
    log_warning(h->worker, NULL, "cannot accept connections: %s (%zu are open)", strerror(error), h->count);
}

bool http_server_listen(http_server *h, int fd)
{
    /* Connections inherit it. A response is one write, so waiting for more to send would only delay pipelined ones. */
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct evconnlistener *listener = evconnlistener_new(h->worker->base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (!listener)
        return false;
    if (!evhttp_bind_listener(h->evhttp, listener)) {
        evconnlistener_free(listener);
        return false;
    }
    evconnlistener_set_error_cb(listener, on_accept_error);
    if (h->paused)
        evconnlistener_disable(listener);
    return true;
}
