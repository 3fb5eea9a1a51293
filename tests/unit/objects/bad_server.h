/*
 * A small HTTP server for the tests of failures, on a thread of its own: for every request the test's function writes
 * what it likes. One connection at a time, one request each.
 */
#ifndef TESTS_UNIT_OBJECTS_BAD_SERVER_H
#define TESTS_UNIT_OBJECTS_BAD_SERVER_H

#include "tests/unit/objects/storage.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

typedef struct bad_request {
    int number; /* from 1 */
    char head[16384];
    const char *body;
    size_t length;
} bad_request;

typedef struct bad_server bad_server;

struct bad_server {
    void (*serve)(bad_server *s, int fd, const bad_request *r);
    atomic_int requests;
    atomic_size_t sent; /* by bad_send */
    atomic_bool stop;
    char heads[16][4096]; /* of the first requests, to be looked at when nobody asks any more */
    int listener;
    char url[48];
    pthread_t thread;
};

/* False when the other side has gone. */
static inline bool bad_send(bad_server *s, int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0 && !s->stop) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        if (poll(&ready, 1, 20) == 0)
            continue;
        ssize_t count = send(fd, at, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno == EAGAIN)
            continue;
        if (count <= 0)
            return false;
        s->sent += (size_t)count;
        at += count;
        length -= (size_t)count;
    }
    return !s->stop;
}

/* A whole answer; `headers` end with \r\n each. */
static inline void bad_answer(bad_server *s, int fd, const char *status, const char *headers, const char *body)
{
    char head[2048];
    int length = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
                          status, strlen(body), headers);
    bad_send(s, fd, head, (size_t)length);
    bad_send(s, fd, body, strlen(body));
}

static inline void bad_error(bad_server *s, int fd, const char *status, const char *code)
{
    char body[512];
    snprintf(body, sizeof body,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>%s</Code><Message>secret words</Message></Error>",
             code);
    bad_answer(s, fd, status, "Content-Type: application/xml\r\n", body);
}

/* Holds the connection without a word, until the other side or the test has had enough. */
static inline void bad_hold(bad_server *s, int fd)
{
    char byte;
    while (!s->stop) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 20) > 0 && recv(fd, &byte, 1, 0) <= 0)
            return;
    }
}

static inline bool bad_has(const bad_request *r, const char *text)
{
    return strcasestr(r->head, text) != NULL;
}

/* The value of a header, in a buffer that the next call takes. */
static inline const char *bad_header(const bad_request *r, const char *name)
{
    static char value[4096];
    const char *at = strcasestr(r->head, name);
    snprintf(value, sizeof value, "%.*s", at ? (int)strcspn(at + strlen(name), "\r") : 0, at ? at + strlen(name) : "");
    return value;
}

static inline bool bad_read(bad_server *s, int fd, bad_request *r, char *bytes, size_t size)
{
    size_t used = 0;
    char *end = NULL;
    size_t expected = 0;
    while (!s->stop && (!end || used < expected)) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 20) == 0)
            continue;
        ssize_t count = recv(fd, bytes + used, size - 1 - used, 0);
        if (count <= 0)
            return false;
        used += (size_t)count;
        bytes[used] = '\0';
        if (!end && (end = memmem(bytes, used, "\r\n\r\n", 4))) {
            snprintf(r->head, sizeof r->head, "%.*s", (int)(end + 2 - bytes), bytes);
            r->body = end + 4;
            r->length = strtoul(bad_header(r, "\ncontent-length: "), NULL, 10);
            expected = (size_t)(r->body - bytes) + r->length;
        }
    }
    return !s->stop;
}

static inline void *bad_run(void *arg)
{
    bad_server *s = arg;
    size_t size = 16 << 20;
    char *bytes = malloc(size);
    while (!s->stop) {
        struct pollfd ready = {.fd = s->listener, .events = POLLIN};
        if (poll(&ready, 1, 20) <= 0)
            continue;
        int fd = accept(s->listener, NULL, NULL);
        bad_request r = {0};
        if (fd >= 0 && bad_read(s, fd, &r, bytes, size)) {
            r.number = ++s->requests;
            if (r.number <= 16)
                snprintf(s->heads[r.number - 1], sizeof s->heads[0], "%.4000s", r.head);
            s->serve(s, fd, &r);
        }
        if (fd >= 0) {
            shutdown(fd, SHUT_WR);
            close(fd);
        }
    }
    free(bytes);
    return NULL;
}

static inline bad_server *bad_start(void (*serve)(bad_server *s, int fd, const bad_request *r))
{
    bad_server *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->serve = serve;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(s->listener, 64), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, bad_run, s), 0);
    return s;
}

static inline void bad_stop(bad_server *s)
{
    s->stop = true;
    pthread_join(s->thread, NULL);
    close(s->listener);
    free(s);
}

/* A store at a bad server. */
typedef struct bad_case {
    storage storage;
    bad_server *server;
} bad_case;

static inline void bad_case_prepare(bad_case *t, void (*serve)(bad_server *s, int fd, const bad_request *r))
{
    memset(t, 0, sizeof *t);
    t->server = bad_start(serve);
    t->storage.is_s3 = true;
    strcpy(t->storage.bucket, "bucket");
    t->storage.settings = (store_settings){.name = "test",
                                           .driver = "s3",
                                           .folder = "",
                                           .endpoint = t->server->url,
                                           .region = "us-east-1",
                                           .bucket = "bucket",
                                           .path_style = true,
                                           .access_key = "KEY",
                                           .secret_key = "very-secret",
                                           .ca_file = "",
                                           .connections = 8,
                                           .connect_timeout = 2000,
                                           .stall_timeout = 5000,
                                           .public_url = ""};
}

static inline void bad_case_end(bad_case *t)
{
    storage_stop(&t->storage);
    bad_stop(t->server);
}

/* The whole of a case in which nothing but the server's behaviour differs. */
static inline void bad_case_run(bad_case *t, void (*serve)(bad_server *s, int fd, const bad_request *r),
                                void (*body)(tl_request *req, storage *t))
{
    bad_case_prepare(t, serve);
    storage_start(&t->storage);
    storage_run(&t->storage, body);
    assert_false(storage_logged("very-secret"));
    assert_false(storage_logged("secret words"));
}

#endif
