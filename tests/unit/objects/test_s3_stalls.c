/*
 * A storage on which nothing moves, a reader who is slow, and more transfers than connections.
 */
#include "tests/unit/objects/bad_server.h"

#define OBJECT "ETag: \"e1\"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n"

static void prepare(bad_case *t, void (*serve)(bad_server *s, int fd, const bad_request *r), int64_t stall)
{
    bad_case_prepare(t, serve);
    t->storage.settings.stall_timeout = stall;
    storage_start(&t->storage);
}

static void never_answer(bad_server *s, int fd, const bad_request *r)
{
    (void)r;
    bad_hold(s, fd);
}

static void answer_half_once(bad_server *s, int fd, const bad_request *r)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n" OBJECT "\r\n01234";
    if (r->number == 1)
        bad_send(s, fd, answer, sizeof answer - 1);
    never_answer(s, fd, r);
}

static void be_unavailable(tl_request *req, storage *t)
{
    const void *bytes;
    CHECK(objects_get(req, t->store, "k", 100, &bytes, NULL) == TL_UNAVAILABLE && !bytes);
}

/* A listener whose queue is full: the kernel drops what comes. */
static void a_connection_that_is_never_made_is_given_up(void **state)
{
    (void)state;
    bad_case t;
    char url[48];
    int ends[8];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    for (size_t i = 0; i < 8; i++) {
        ends[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(ends[i], (struct sockaddr *)&address, size);
    }
    bad_case_prepare(&t, never_answer);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    t.storage.settings.endpoint = url;
    t.storage.settings.connect_timeout = 200;
    storage_start(&t.storage);
    storage_run(&t.storage, be_unavailable);
    assert_true(storage_logged("it cannot be reached"));
    bad_case_end(&t);
    for (size_t i = 0; i < 8; i++)
        close(ends[i]);
    close(listener);
}

static void a_server_that_says_nothing_is_given_up(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, never_answer, 200);
    storage_run(&t.storage, be_unavailable);
    assert_true(storage_logged("it has stalled: nothing moved for 200 ms"));
    bad_case_end(&t);
}

static void a_body_that_stops_is_given_up(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, answer_half_once, 1000);
    storage_run(&t.storage, be_unavailable);
    assert_true(storage_logged("the transfer ended after 5 of 10 bytes: nothing moved for 1000 ms"));
    bad_case_end(&t);
}

static void with_deadline(tl_request *req, storage *t)
{
    req->deadline = loop_now(req->worker) + 20000;
    tl_object about;
    CHECK(objects_head(req, t->store, "k", &about) == TL_UNAVAILABLE);
}

static void a_visitor_does_not_wait_for_it_twice(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, never_answer, 1000);
    storage_run(&t.storage, with_deadline);
    assert_int_equal(t.server->requests, 1);
    bad_case_end(&t);
}

static void near_deadline(tl_request *req, storage *t)
{
    req->deadline = loop_now(req->worker) + 1;
    CHECK(objects_put(req, t->store, "k", "v", 1, NULL) != TL_OK);
}

static void slow_down(bad_server *s, int fd, const bad_request *r)
{
    (void)r;
    bad_error(s, fd, "503 Slow Down", "SlowDown");
}

static void nothing_is_repeated_when_time_is_up(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, slow_down, 5000);
    storage_run(&t.storage, near_deadline);
    assert_int_equal(t.server->requests, 1);
    bad_case_end(&t);
}

static bad_server *the_server;

/* As soon as the server has the request. */
static void cancel_once_it_is_there(evutil_socket_t fd, short what, void *arg)
{
    tl_request *req = arg;
    const struct timeval soon = {.tv_usec = 1000};
    (void)fd, (void)what;
    if (the_server->requests > 0)
        request_cancel(req, false);
    else
        event_base_once(req->worker->base, -1, EV_TIMEOUT, cancel_once_it_is_there, req, &soon);
}

static void be_cancelled(tl_request *req, storage *t)
{
    const void *bytes;
    cancel_once_it_is_there(-1, 0, req);
    CHECK(objects_get(req, t->store, "k", 100, &bytes, NULL) == TL_CANCELLED);
    CHECK(objects_put(req, t->store, "k", "v", 1, NULL) == TL_CANCELLED);
}

static void a_cancelled_request_waits_for_nothing(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, never_answer, 60000);
    the_server = t.server;
    storage_run(&t.storage, be_cancelled);
    assert_int_equal(t.server->requests, 1);
    bad_case_end(&t);
}

enum { FLOOD = 64 << 20 };

static void send_flood(bad_server *s, int fd, const bad_request *r)
{
    char head[256];
    static unsigned char piece[65536];
    (void)r;
    int length = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" OBJECT "\r\n", FLOOD);
    bool goes_on = bad_send(s, fd, head, (size_t)length);
    for (size_t at = 0; at < FLOOD && goes_on; at += sizeof piece) {
        pattern_fill(piece, at, sizeof piece);
        goes_on = bad_send(s, fd, piece, sizeof piece);
    }
}

/* Longer than stall_timeout: a reader who takes his time is no stall. */
static void read_one_and_sleep(tl_request *req, storage *t)
{
    const void *bytes;
    size_t length, at = 0;
    int error;
    tl_download *d = objects_download_begin(req, t->store, "k", 0, -1, NULL, &error);
    CHECK(d && objects_download_read(req, d, &bytes, &length) == TL_OK && length > 0);
    at = length;
    /* until nothing has been sent for that long, for the buffers are full */
    size_t sent = the_server->sent;
    for (int quiet = 0; quiet < 60; quiet++) {
        CHECK(request_sleep(req, 20) == TL_OK);
        if (the_server->sent != sent)
            quiet = 0;
        sent = the_server->sent;
    }
    CHECK(sent < FLOOD / 2);
    while ((error = objects_download_read(req, d, &bytes, &length)) == TL_OK && length > 0) {
        CHECK(length <= 256 * 1024 && pattern_is(bytes, at, length));
        at += length;
    }
    CHECK(error == TL_OK && at == FLOOD);
}

static void a_slow_reader_stops_the_server(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, send_flood, 1000);
    the_server = t.server;
    storage_run(&t.storage, read_one_and_sleep);
    assert_int_equal(t.server->requests, 1);
    bad_case_end(&t);
}

static void answer_one_object(bad_server *s, int fd, const bad_request *r)
{
    (void)r;
    bad_answer(s, fd, "200 OK", OBJECT, "x");
}

static void hold_the_only_connection(tl_request *req, storage *t)
{
    const void *bytes;
    size_t length;
    int error;
    tl_object about;
    tl_download *d = objects_download_begin(req, t->store, "k", 0, -1, NULL, &error);
    CHECK(d);
    CHECK(objects_head(req, t->store, "k", &about) == TL_UNAVAILABLE);
    CHECK(objects_download_read(req, d, &bytes, &length) == TL_OK && length == 1);
    CHECK(objects_download_read(req, d, &bytes, &length) == TL_OK && length == 0);
    CHECK(objects_head(req, t->store, "k", &about) == TL_OK);
}

static void more_transfers_than_connections_wait_a_while(void **state)
{
    (void)state;
    bad_case t;
    bad_case_prepare(&t, answer_one_object);
    t.storage.settings.connections = 1;
    t.storage.settings.connect_timeout = 200;
    storage_start(&t.storage);
    storage_run(&t.storage, hold_the_only_connection);
    assert_true(storage_logged("1 transfers are under way, the limit of [store:test] connections"));
    bad_case_end(&t);
}

static int served_at_once;

static void head_and_count(tl_request *req, void *arg)
{
    storage *t = arg;
    tl_object about;
    served_at_once += objects_head(req, t->store, "k", &about) == TL_OK;
}

static void those_who_wait_in_line_get_their_turn(void **state)
{
    (void)state;
    bad_case t;
    bad_case_prepare(&t, answer_one_object);
    t.storage.settings.connections = 2;
    storage_start(&t.storage);
    served_at_once = 0;
    for (int i = 0; i < 20; i++)
        assert_true(request_start(request_new(t.storage.worker, 0), head_and_count, &t.storage));
    storage_settle(&t.storage);
    assert_int_equal(served_at_once, 20);
    bad_case_end(&t);
}

static void ask_health(tl_request *req, storage *t)
{
    CHECK(objects_check(req, t->store) == TL_UNAVAILABLE);
}

static void a_health_check_asks_once(void **state)
{
    (void)state;
    bad_case t;
    prepare(&t, slow_down, 5000);
    storage_run(&t.storage, ask_health);
    assert_int_equal(t.server->requests, 1);
    bad_case_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_that_is_never_made_is_given_up),
        cmocka_unit_test(a_server_that_says_nothing_is_given_up),
        cmocka_unit_test(a_body_that_stops_is_given_up),
        cmocka_unit_test(a_visitor_does_not_wait_for_it_twice),
        cmocka_unit_test(nothing_is_repeated_when_time_is_up),
        cmocka_unit_test(a_cancelled_request_waits_for_nothing),
        cmocka_unit_test(a_slow_reader_stops_the_server),
        cmocka_unit_test(more_transfers_than_connections_wait_a_while),
        cmocka_unit_test(those_who_wait_in_line_get_their_turn),
        cmocka_unit_test(a_health_check_asks_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
