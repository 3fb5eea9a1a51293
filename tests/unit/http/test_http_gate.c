/*
 * The gate on a real connection: what is in doubt is answered with one error and a close, whatever stands around it and
 * however slowly it comes.
 */
#include "core/http/private.h"
#include "tests/unit/http/loopback.h"

static int calls;

static int hello(tl_request *req)
{
    calls++;
    return http_reply(req, 200, "text/plain", "hello", 5);
}

static int echo(tl_request *req)
{
    size_t length;
    const void *body = http_body(req, &length);
    calls++;
    return http_reply(req, 200, "text/plain", body, length);
}

static const route routes[] = {
    {TL_GET, "/hello", hello},
    {TL_POST, "/echo", echo},
    {TL_PUT, "/small", echo, .max_body = 10},
    {TL_PUT, "/large", echo, .max_body = 5000000},
    {0},
};

static int start(void **state)
{
    static const char *const origins[] = {"https://www.talel.io"};
    loopback *l = loopback_prepare();
    l->settings->max_body = 100000;
    l->settings->cors_origins = (tl_list){origins, 1};
    calls = 0;
    loopback_start(l, routes);
    *state = client_new(l);
    return 0;
}

/* A server that does not wait for long. */
static int start_hasty(void **state)
{
    start(state);
    settings *s = ((client *)*state)->on->settings;
    s->header_timeout = 600;
    s->body_timeout = 1200;
    s->idle_timeout = 900;
    return 0;
}

/* One error, then the end, and no handler has run. */
static void expect_refusal(client *c, int status, const char *type)
{
    answer a = client_answer(c, false);
    assert_string_equal(answer_header(&a, "Connection"), "close");
    expect_error(&a, status, type, NULL);
    expect_closed(c);
    assert_int_equal(calls, 0);
}

static void refuse(void **state, const char *text, int status, const char *type)
{
    client *c = client_new(((client *)*state)->on);
    client_send(c, text);
    expect_refusal(c, status, type);
    client_free(c);
}

static void test_each_kind_of_refusal(void **state)
{
    refuse(state, "GET /hello HTTP/1.1\n\n", 400, "Bad Request");
    refuse(state, "GET /hello HTTP/1.1\r\n\r\n", 400, "Bad Request");
    refuse(state, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", 413, "Content Too Large");
    refuse(state, "PUT /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", 413, "Content Too Large");
    refuse(state, "PUT /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n", 413,
           "Content Too Large");
    refuse(state, "PUT /sm%61ll HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", 413, "Content Too Large");
    refuse(state, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n", 400, "Bad Request");
    refuse(state, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417, "Expectation Failed");
    refuse(state, "BREW /echo HTTP/1.1\r\nHost: a\r\n\r\n", 501, "Not Implemented");
    refuse(state, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "Not Implemented");
    refuse(state, "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", 505, "HTTP Version Not Supported");
    refuse(state, "\x16\x03\x01", 400, "Bad Request");
}

static void test_lines_and_heads_are_limited(void **state)
{
    static char text[50000];
    memset(text, 'a', sizeof text - 1);
    memcpy(text, "GET /", 5);
    refuse(state, text, 414, "URI Too Long");
    static const char start_of_head[] = "GET /hello HTTP/1.1\r\nHost: a\r\nX: ";
    memcpy(text, start_of_head, sizeof start_of_head - 1);
    refuse(state, text, 431, "Request Header Fields Too Large");
}

static void test_a_route_may_take_larger_bodies(void **state)
{
    client *c = *state;
    size_t length = 3000000;
    char *body = malloc(length);
    assert_non_null(body);
    memset(body, 'x', length);
    client_send(c, "PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
    assert_true(client_send_bytes(c, body, length));
    free(body);
    answer a = client_answer(c, false);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.length, length);
    answer_free(&a);
}

static void test_good_requests_in_front_are_answered_first(void **state)
{
    client *c = *state;
    client_send(c, GET("/hello") GET("/hello") "GET /hello HTTP/1.1\r\nHost : a\r\n\r\n" GET("/hello"));
    for (int i = 0; i < 2; i++) {
        answer a = client_answer(c, false);
        expect_text(&a, 200, "hello");
    }
    assert_int_equal(calls, 2);
    calls = 0;
    expect_refusal(c, 400, "Bad Request");
}

static void test_nothing_is_smuggled(void **state)
{
    static const char *const fronts[] = {
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\n\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0;\n\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: a\r\nX: a\n\nGET /hello HTTP/1.1\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++) {
        char text[500];
        snprintf(text, sizeof text, "%s" GET("/hello"), fronts[i]);
        client *c = client_new(((client *)*state)->on);
        client_send(c, text);
        answer a = client_answer(c, false);
        assert_true(a.status >= 400);
        answer_free(&a);
        expect_closed(c);
        client_free(c);
        assert_int_equal(calls, 0);
    }
}

static void test_the_answer_is_the_same_however_the_bytes_are_cut(void **state)
{
    static const char text[] = "\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "3;x\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n"
                               "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfghi" GET("/hello");
    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        client *c = client_new(((client *)*state)->on);
        assert_true(client_send_bytes(c, text, cut));
        loopback_turn(c->on);
        assert_true(client_send_bytes(c, text + cut, sizeof text - 1 - cut));
        static const char *const expected[] = {"abcde", "fghi", "hello"};
        for (size_t i = 0; i < 3; i++) {
            answer a = client_answer(c, false);
            expect_text(&a, 200, expected[i]);
        }
        client_free(c);
    }
}

static void test_100_continue_comes_before_the_body(void **state)
{
    client *c = *state;
    client_send(c, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    answer a = client_answer(c, false);
    assert_int_equal(a.status, 100);
    answer_free(&a);
    a = ask(c, "hello");
    expect_text(&a, 200, "hello");
    /* given a body that is there already, then nothing is said in between */
    a = ask(c, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    expect_text(&a, 200, "hello");
    a = ask(c, "GET /hello HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
    expect_text(&a, 200, "hello");
    /* given a body that is refused, then there is no word that it is welcome */
    client_send(c, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 500000\r\n\r\n");
    calls = 0;
    expect_refusal(c, 413, "Content Too Large");
}

static void test_a_slow_head_has_a_deadline(void **state)
{
    client *c = *state;
    client_send(c, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ");
    int64_t began = loop_now(c->on->worker);
    /* given a byte now and then, then it does not help */
    while (!client_take(c) && loop_now(c->on->worker) - began < 5000) {
        send(c->fd, "a", 1, MSG_NOSIGNAL);
        loopback_turn_for(c->on, 50);
    }
    assert_true(loop_now(c->on->worker) - began < 5000);
    expect_refusal(c, 408, "Request Timeout");
}

static void test_a_slow_body_has_a_deadline(void **state)
{
    client *c = *state;
    client_send(c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    expect_refusal(c, 408, "Request Timeout");
}

static void test_silent_connections_are_closed_without_a_word(void **state)
{
    client *c = *state;
    expect_closed(c);
    /* given one that has been served */
    client *served = client_new(c->on);
    answer a = ask(served, GET("/hello"));
    expect_text(&a, 200, "hello");
    expect_closed(served);
    client_free(served);
}

static void test_a_client_that_still_sends_can_read_the_refusal(void **state)
{
    client *c = *state;
    client_send(c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
    char bytes[16384] = "";
    for (int i = 0; i < 40; i++)
        assert_true(client_send_bytes(c, bytes, sizeof bytes));
    expect_refusal(c, 413, "Content Too Large");
}

static void test_refusals_tell_known_origins(void **state)
{
    client *c = *state;
    client_send(c, "POST /echo HTTP/1.1\r\nHost: a\r\nOrigin: https://www.talel.io\r\nContent-Length: 1000000\r\n\r\n");
    answer a = client_answer(c, false);
    assert_string_equal(answer_header(&a, "Access-Control-Allow-Origin"), "https://www.talel.io");
    assert_string_equal(answer_header(&a, "Vary"), "Origin");
    expect_error(&a, 413, "Content Too Large", NULL);
}

static void test_bodies_are_limited_all_together(void **state)
{
    client *c = *state;
    c->on->server->max_held[false] = 15000;
    char body[10000];
    memset(body, 'x', sizeof body);
    /* given one that is on its way, then another as large is too much */
    client *first = client_new(c->on);
    client_send(first, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n");
    assert_true(client_send_bytes(first, body, 9999));
    client_send(c, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2710\r\n");
    assert_true(client_send_bytes(c, body, 10000));
    answer a = client_answer(c, false);
    assert_string_equal(answer_header(&a, "Retry-After"), "1");
    expect_error(&a, 503, "Service Unavailable", NULL);
    expect_closed(c);
    /* then the first one is served, and its bytes no longer count */
    for (int i = 0; i < 3; i++) {
        if (i > 0) {
            client_send(first, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n");
            assert_true(client_send_bytes(first, body, 9999));
        }
        a = ask(first, "x");
        assert_int_equal(a.status, 200);
        assert_int_equal(a.length, 10000);
        answer_free(&a);
    }
    client_free(first);
}

static void test_a_client_may_leave_at_any_byte(void **state)
{
    loopback *l = ((client *)*state)->on;
    static const char text[] =
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (size_t length = 0; length < sizeof text; length++) {
        client *c = client_new(l);
        assert_true(client_send_bytes(c, text, length));
        loopback_turn(l);
        client_free(c);
    }
    int64_t end = loop_now(l->worker) + PATIENCE_MS;
    /* then none of them is left; the first one stays */
    while (http_connection_count(l->server) > 1 && loop_now(l->worker) < end)
        loopback_turn(l);
    assert_true(http_connection_count(l->server) <= 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, loopback_stop_client)
#define TEST_HASTY(name) cmocka_unit_test_setup_teardown(name, start_hasty, loopback_stop_client)
    const struct CMUnitTest tests[] = {
        TEST(test_each_kind_of_refusal),
        TEST(test_lines_and_heads_are_limited),
        TEST(test_a_route_may_take_larger_bodies),
        TEST(test_good_requests_in_front_are_answered_first),
        TEST(test_nothing_is_smuggled),
        TEST(test_the_answer_is_the_same_however_the_bytes_are_cut),
        TEST(test_100_continue_comes_before_the_body),
        TEST_HASTY(test_a_slow_head_has_a_deadline),
        TEST_HASTY(test_a_slow_body_has_a_deadline),
        TEST_HASTY(test_silent_connections_are_closed_without_a_word),
        TEST(test_a_client_that_still_sends_can_read_the_refusal),
        TEST(test_refusals_tell_known_origins),
        TEST(test_bodies_are_limited_all_together),
        TEST(test_a_client_may_leave_at_any_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
