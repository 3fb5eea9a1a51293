/*
 * evhttp as it comes, with the event base that talelio uses: what talelio's own layers are compared with. No gate, no
 * limits, no log.
 *
 *     bare_evhttp PORT      GET /small: 5 bytes; GET /8k: 8192 bytes
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 8192 };

static char large[LARGE];

static void answer(struct evhttp_request *req, const void *bytes, size_t length)
{
    struct evbuffer *body = evbuffer_new();
    if (!body)
        abort();
    evbuffer_add(body, bytes, length);
    evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "text/plain; charset=utf-8");
    evhttp_send_reply(req, 200, "OK", body);
    evbuffer_free(body);
}

static void small(struct evhttp_request *req, void *arg)
{
    (void)arg;
    answer(req, "hello", 5);
}

static void eight_kilobytes(struct evhttp_request *req, void *arg)
{
    (void)arg;
    answer(req, large, sizeof large);
}

int main(int argc, char **argv)
{
    int port = argc == 2 ? atoi(argv[1]) : 0;
    if (port <= 0 || port > 65535) {
        fprintf(stderr, "usage: bare_evhttp PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    memset(large, 'x', sizeof large);
    struct event_config *config = event_config_new();
    if (!config || event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) != 0)
        return 1;
    struct event_base *base = event_base_new_with_config(config);
    struct evhttp *http = base ? evhttp_new(base) : NULL;
    if (!http || evhttp_bind_socket(http, "127.0.0.1", (unsigned short)port) != 0) {
        fprintf(stderr, "bare_evhttp: cannot listen on port %d\n", port);
        return 1;
    }
    evhttp_set_cb(http, "/small", small, NULL);
    evhttp_set_cb(http, "/8k", eight_kilobytes, NULL);
    event_base_dispatch(base);
    return 0;
}
