/*
 * A real server on 127.0.0.1 and clients on real sockets, all in one thread: reading an answer turns the loop.
 */
#ifndef TESTS_UNIT_HTTP_LOOPBACK_H
#define TESTS_UNIT_HTTP_LOOPBACK_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/http/buffer.h"
#include "core/http/http.h"
#include "core/json/json.h"
#include "core/log/log.h"
#include "core/plugin/plugin.h"
#include "tests/unit/support/fixture.h"

#include <cmocka.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"

enum { PATIENCE_MS = 60000 };

typedef struct loopback {
    settings *settings;
    worker *worker;
    http_server *server;
    int listener;
    struct sockaddr_in address;
} loopback;

typedef struct client {
    loopback *on;
    int fd;
    bool ended;  /* the server has closed */
    buffer come; /* and was not taken yet */
} client;

typedef struct answer {
    int status;
    char *head; /* status line and headers, malloc */
    char *body; /* malloc, NUL behind it */
    size_t length;
} answer;

static tl_module loopback_module = {.name = "notes"};

/* Settings may be changed between prepare and start. */
static inline loopback *loopback_prepare(void)
{
    loopback *l = calloc(1, sizeof *l);
    assert_non_null(l);
    l->settings = fixture_settings();
    l->listener = -1;
    return l;
}

static inline void loopback_start(loopback *l, const route *routes)
{
    l->worker = fixture_worker_new(l->settings);
    router *r = router_new();
    problems *found = problems_new();
    for (; routes->path; routes++) {
        route copy = *routes;
        copy.module = &loopback_module;
        router_add(r, &copy, found);
    }
    assert_int_equal(problems_count(found), 0);
    problems_free(found);
    l->server = http_server_new(l->worker, r);
    assert_non_null(l->server);
    l->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    l->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof l->address;
    assert_int_equal(bind(l->listener, (struct sockaddr *)&l->address, size), 0);
    assert_int_equal(listen(l->listener, 64), 0);
    assert_int_equal(getsockname(l->listener, (struct sockaddr *)&l->address, &size), 0);
    assert_true(http_server_listen(l->server, l->listener, -1));
}

static inline void loopback_stop(loopback *l)
{
    http_server_free(l->server);
    fixture_worker_free(l->worker);
    close(l->listener);
    free(l);
}

static inline void loopback_turn(loopback *l)
{
    event_base_loop(l->worker->base, EVLOOP_NONBLOCK);
    usleep(200);
}

static inline void loopback_turn_for(loopback *l, int milliseconds)
{
    int64_t end = loop_now(l->worker) + milliseconds;
    while (loop_now(l->worker) < end)
        loopback_turn(l);
}

/* Whether a line of the log holds this text. */
static inline bool log_has(loopback *l, const char *text)
{
    return fixture_log_count(l->worker, text) > 0;
}

static inline client *client_new(loopback *l)
{
    client *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->on = l;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&l->address, sizeof l->address), 0);
    assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
    return c;
}

static inline void client_free(client *c)
{
    close(c->fd);
    buffer_free(&c->come);
    free(c);
}

/* A tear-down for tests whose state is a client. */
static inline int loopback_stop_client(void **state)
{
    client *c = *state;
    loopback *l = c->on;
    client_free(c);
    loopback_stop(l);
    return 0;
}

/* Sends as much as the server takes; false when it has closed. */
static inline bool client_send_bytes(client *c, const void *bytes, size_t length)
{
    int64_t end = loop_now(c->on->worker) + PATIENCE_MS;
    for (size_t sent = 0; sent < length;) {
        ssize_t n = send(c->fd, (const char *)bytes + sent, length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n > 0)
            sent += (size_t)n;
        loopback_turn(c->on);
        if (loop_now(c->on->worker) > end)
            fail_msg("the server does not read");
    }
    return true;
}

static inline void client_send(client *c, const char *text)
{
    assert_true(client_send_bytes(c, text, strlen(text)));
}

/* Takes what has come; false when nothing has. */
static inline bool client_take(client *c)
{
    char bytes[65536];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        c->ended = true;
    if (n <= 0)
        return false;
    buffer_add(&c->come, bytes, (size_t)n);
    return true;
}

/* Turns the loop until more has come; false when the server has closed. */
static inline bool client_wait(client *c)
{
    int64_t end = loop_now(c->on->worker) + PATIENCE_MS;
    while (!client_take(c)) {
        if (c->ended)
            return false;
        if (loop_now(c->on->worker) > end)
            fail_msg("the server does not answer; so far: %s", c->come.data ? c->come.data : "nothing");
        loopback_turn(c->on);
    }
    return true;
}

static inline void answer_free(answer *a)
{
    free(a->head);
    free(a->body);
    *a = (answer){0};
}

/* The value of a header in static memory, or NULL. */
static inline const char *answer_header(const answer *a, const char *name)
{
    static char value[2000];
    size_t length = strlen(name);
    for (const char *line = strstr(a->head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') {
            const char *from = line + 2 + length + 1 + strspn(line + 2 + length + 1, " ");
            snprintf(value, sizeof value, "%.*s", (int)strcspn(from, "\r"), from);
            return value;
        }
    }
    return NULL;
}

static inline void client_drop(client *c, size_t length)
{
    memmove(c->come.data, c->come.data + length, c->come.length - length + 1);
    c->come.length -= length;
}

/* The next response. `to_head`: it answers HEAD and has no body. */
static inline answer client_answer(client *c, bool to_head)
{
    answer a = {0};
    char *end;
    while (!c->come.data || !(end = strstr(c->come.data, "\r\n\r\n"))) {
        if (!client_wait(c))
            fail_msg("closed without an answer: %s", c->come.data ? c->come.data : "nothing");
    }
    a.head = strndup(c->come.data, (size_t)(end - c->come.data) + 2);
    assert_int_equal(sscanf(a.head, "HTTP/1.1 %d ", &a.status), 1);
    client_drop(c, (size_t)(end - c->come.data) + 4);
    const char *length = answer_header(&a, "Content-Length");
    bool without = to_head || a.status == 204 || a.status == 304 || a.status < 200;
    assert_true(length || without);
    a.length = without ? 0 : strtoul(length, NULL, 10);
    while (c->come.length < a.length) {
        if (!client_wait(c))
            fail_msg("closed in the middle of an answer (%zu of %zu bytes)", c->come.length, a.length);
    }
    a.body = calloc(1, a.length + 1);
    assert_non_null(a.body);
    memcpy(a.body, c->come.data, a.length);
    client_drop(c, a.length);
    return a;
}

static inline answer ask(client *c, const char *request)
{
    client_send(c, request);
    return client_answer(c, false);
}

static inline void expect_closed(client *c)
{
    while (client_wait(c))
        ;
    assert_int_equal(c->come.length, 0);
}

static inline void expect_open(client *c)
{
    loopback_turn_for(c->on, 50);
    client_take(c);
    assert_false(c->ended);
    assert_int_equal(c->come.length, 0);
}

/* The error object of every error. */
static inline void expect_error(answer *a, int status, const char *type, const char *message)
{
    char expected[1000];
    assert_int_equal(a->status, status);
    assert_string_equal(answer_header(a, "Content-Type"), "application/json");
    assert_string_equal(answer_header(a, "X-Content-Type-Options"), "nosniff");
    assert_non_null(answer_header(a, "X-Request-Id"));
    if (message) {
        snprintf(expected, sizeof expected, "{\"error\":{\"message\":\"%s\",\"status\":%d,\"type\":\"%s\"}}", message,
                 status, type);
        assert_string_equal(a->body, expected);
    } else {
        snprintf(expected, sizeof expected, "\",\"status\":%d,\"type\":\"%s\"}}", status, type);
        assert_non_null(strstr(a->body, expected));
    }
    answer_free(a);
}

static inline void expect_text(answer *a, int status, const char *text)
{
    assert_int_equal(a->status, status);
    assert_string_equal(a->body, text);
    answer_free(a);
}

#endif
