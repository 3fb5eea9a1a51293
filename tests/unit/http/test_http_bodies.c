/*
 * Bodies of requests on routes that ask who sends: decided at the head, so that nothing is kept of a stranger's. Both
 * for a provider that knows at once and for one that waits.
 */
#include "core/http/private.h"
#include "core/plugin/modules.h"
#include "tests/unit/http/loopback.h"

#define CLOSED(path, length) "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: " length "\r\n"
#define GOOD "Authorization: good\r\n"
#define SLOW "Authorization: slow\r\n"

static int asked, calls;
static tl_request *asking;

static int authenticate(tl_request *req, tl_identity *identity)
{
    asked++;
    const char *given = http_header(req, "Authorization");
    if (given && strncmp(given, "slow", 4) == 0) {
        asking = req;
        int result = request_sleep(req, 20);
        asking = NULL;
        if (result != TL_OK)
            return result;
    }
    if (!given || strstr(given, "bad"))
        return http_fail(req, 403, "Not you");
    *identity = (tl_identity){7, "talel"};
    return TL_OK;
}

static int echo(tl_request *req)
{
    size_t length;
    const void *body = http_body(req, &length);
    calls++;
    return http_reply(req, 200, "text/plain", body, length);
}

static const route routes[] = {
    {TL_POST, "/closed", echo, .auth = TL_AUTH_REQUIRED},
    {TL_POST, "/maybe", echo, .auth = TL_AUTH_OPTIONAL},
    {TL_POST, "/open", echo},
    {TL_GET, "/open", echo},
    {0},
};

static int start(void **state)
{
    static const tl_auth_v1 auth = {sizeof auth, authenticate};
    static tl_module provider = {.name = "auth"};
    static struct module_list modules = {.auth = &auth, .auth_provider = &provider};
    loopback *l = loopback_prepare();
    l->settings->max_body = 100000;
    l->settings->body_timeout = 60000;
    asked = calls = 0;
    loopback_start(l, routes);
    l->worker->modules = &modules;
    *state = client_new(l);
    return 0;
}

static int stop(void **state)
{
    const client *c = *state;
    c->on->worker->modules = NULL;
    return loopback_stop_client(state);
}

static void expect_stranger(client *c)
{
    answer a = client_answer(c, false);
    expect_error(&a, 403, "Forbidden", "Not you");
    assert_int_equal(asked, 1);
    assert_int_equal(calls, 0);
}

static void test_a_stranger_is_refused_before_the_body(void **state)
{
    client *c = *state;
    client_send(c, CLOSED("/closed", "100000") "\r\n");
    expect_stranger(c);
    expect_closed(c);
}

static void test_a_stranger_is_not_told_to_continue(void **state)
{
    client *c = *state;
    client_send(c, CLOSED("/closed", "10") "Expect: 100-continue\r\n\r\n");
    expect_stranger(c);
}

static void test_nothing_of_a_strangers_body_is_kept(void **state)
{
    client *c = *state;
    char body[20000];
    memset(body, 'x', sizeof body);
    client_send(c, CLOSED("/closed", "100000") "Authorization: bad\r\n\r\n");
    client_send_bytes(c, body, sizeof body);
    expect_stranger(c);
    assert_int_equal(c->on->server->held[false] + c->on->server->held[true], 0);
}

static void test_a_small_body_that_is_here_keeps_the_connection(void **state)
{
    client *c = *state;
    client_send(c, CLOSED("/closed", "5") "\r\nhello" CLOSED("/closed", "5") GOOD "\r\nagain");
    answer a = client_answer(c, false);
    expect_error(&a, 403, "Forbidden", "Not you");
    a = client_answer(c, false);
    expect_text(&a, 200, "again");
}

static void test_a_strangers_chunks_end_the_connection(void **state)
{
    client *c = *state;
    client_send(c, "POST /closed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    expect_stranger(c);
    expect_closed(c);
}

static void test_who_may_is_told_to_continue_and_asked_once(void **state)
{
    client *c = *state;
    client_send(c, CLOSED("/closed", "5") GOOD "Expect: 100-continue\r\n\r\n");
    answer a = client_answer(c, true);
    assert_int_equal(a.status, 100);
    answer_free(&a);
    a = ask(c, "hello");
    expect_text(&a, 200, "hello");
    assert_int_equal(asked, 1);
    expect_open(c);
}

static void test_a_body_in_pieces_reaches_the_handler_whole(void **state)
{
    client *c = *state;
    client_send(c, CLOSED("/closed", "10") GOOD "\r\nhel");
    loopback_turn_for(c->on, 5);
    client_send(c, "lo ");
    answer a = ask(c, "you!");
    expect_text(&a, 200, "hello you!");
    client_send(c, "POST /closed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" GOOD "\r\n5\r\nhel");
    loopback_turn_for(c->on, 5);
    a = ask(c, "lo\r\n0\r\n\r\n");
    expect_text(&a, 200, "hello");
    assert_int_equal(asked, 2);
}

static void test_a_provider_that_waits_holds_the_body_back(void **state)
{
    client *c = *state;
    char body[50000];
    memset(body, 'x', sizeof body);
    client_send(c, CLOSED("/closed", "100000") SLOW "\r\nx");
    client_send_bytes(c, body, sizeof body);
    assert_int_equal(c->on->server->held[false], 0);
    client_send_bytes(c, body, sizeof body - 1);
    answer a = client_answer(c, false);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.length, 100000);
    answer_free(&a);
    assert_int_equal(asked, 1);
    expect_open(c);
}

static void test_a_provider_that_waits_refuses(void **state)
{
    client *c = *state;
    client_send(c, CLOSED("/closed", "5") "Authorization: slow bad\r\n\r\nhello" CLOSED("/closed", "3") SLOW "\r\nyes");
    answer a = client_answer(c, false);
    expect_error(&a, 403, "Forbidden", "Not you");
    a = client_answer(c, false);
    expect_text(&a, 200, "yes");
}

static void test_a_provider_that_waits_too_long_is_503(void **state)
{
    client *c = *state;
    client_send(c, CLOSED("/closed", "50") SLOW "\r\nhello");
    while (!asking)
        loopback_turn(c->on);
    request_cancel(asking, true);
    answer a = client_answer(c, false);
    expect_error(&a, 503, "Service Unavailable", NULL);
    expect_closed(c);
}

static void test_a_client_that_leaves_while_it_is_asked_for(void **state)
{
    client *c = *state;
    client *other = client_new(c->on);
    client_send(other, CLOSED("/closed", "50") SLOW "\r\nhello");
    while (!asking)
        loopback_turn(c->on);
    client_free(other);
    while (http_connection_count(c->on->server) > 1)
        loopback_turn(c->on);
    assert_int_equal(calls, 0);
}

static void test_a_client_that_leaves_within_its_body(void **state)
{
    client *c = *state;
    client *other = client_new(c->on);
    client_send(other, CLOSED("/closed", "50") GOOD "\r\nhello");
    client_free(other);
    while (http_connection_count(c->on->server) > 1 || request_count(c->on->worker->requests) > 0)
        loopback_turn(c->on);
    assert_int_equal(c->on->server->held[true], 0);
    assert_int_equal(calls, 0);
}

static void test_a_body_that_does_not_come_is_408(void **state)
{
    client *c = *state;
    c->on->settings->body_timeout = 300;
    client_send(c, CLOSED("/closed", "50") GOOD "\r\nhello");
    answer a = client_answer(c, false);
    expect_error(&a, 408, "Request Timeout", NULL);
    expect_closed(c);
    assert_int_equal(calls, 0);
}

static void test_a_body_may_take_longer_than_a_handler(void **state)
{
    client *c = *state;
    c->on->settings->request_timeout = 150;
    client_send(c, CLOSED("/closed", "5") GOOD "\r\nhel");
    loopback_turn_for(c->on, 500);
    answer a = ask(c, "lo");
    expect_text(&a, 200, "hello");
}

static void test_broken_chunks_are_refused_by_name(void **state)
{
    client *c = *state;
    client_send(c, "POST /closed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" GOOD "\r\nxyz\r\n");
    answer a = client_answer(c, false);
    expect_error(&a, 400, "Bad Request", NULL);
    expect_closed(c);
}

static void test_strangers_leave_room_for_those_who_are_known(void **state)
{
    /* given strangers who fill what they may take all together */
    client *c = *state;
    c->on->server->max_held[false] = 15000;
    char body[10000];
    memset(body, 'x', sizeof body);
    client *stranger = client_new(c->on);
    client_send(stranger, CLOSED("/open", "20000") "\r\n");
    assert_true(client_send_bytes(stranger, body, sizeof body));
    client *another = client_new(c->on);
    client_send(another, CLOSED("/maybe", "10000") "\r\n");
    assert_true(client_send_bytes(another, body, sizeof body));
    answer a = client_answer(another, false);
    expect_error(&a, 503, "Service Unavailable", NULL);

    /* when somebody who is known sends as much */
    client_send(c, CLOSED("/closed", "10000") GOOD "\r\n");
    assert_true(client_send_bytes(c, body, sizeof body));

    /* then it is taken */
    a = client_answer(c, false);
    assert_int_equal(a.status, 200);
    answer_free(&a);
    client_free(stranger);
    client_free(another);
}

static void test_slow_strangers_give_way_to_others(void **state)
{
    /* given strangers who fill what they may take all together, and send no more */
    client *c = *state;
    c->on->server->max_held[false] = 15000;
    char body[9000];
    memset(body, 'x', sizeof body);
    client *slow = client_new(c->on);
    client_send(slow, CLOSED("/open", "20000") "\r\n");
    assert_true(client_send_bytes(slow, body, sizeof body));
    loopback_turn_for(c->on, STRANGER_MS + 100);

    /* when another one sends his at once */
    client_send(c, CLOSED("/open", "9000") "\r\n");
    assert_true(client_send_bytes(c, body, sizeof body));

    /* then he is served, and the slow one is told to come again */
    answer a = client_answer(c, false);
    assert_int_equal(a.status, 200);
    answer_free(&a);
    a = client_answer(slow, false);
    expect_error(&a, 503, "Service Unavailable", NULL);
    expect_closed(slow);
    client_free(slow);
}

static void test_a_get_is_answered_without_its_body(void **state)
{
    client *c = *state;
    client_send(c, "GET /open HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    answer a = client_answer(c, false);
    expect_text(&a, 200, "");
    client_send(c, "GET /open HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n");
    a = client_answer(c, false);
    expect_text(&a, 200, "");
    expect_closed(c);
}

static void test_a_body_for_no_route_is_not_read(void **state)
{
    client *c = *state;
    client_send(c, CLOSED("/nowhere", "100000") "Expect: 100-continue\r\n\r\n");
    answer a = client_answer(c, false);
    expect_error(&a, 404, "Not Found", NULL);
    expect_closed(c);
}

static void test_a_server_that_ends_meanwhile(void **state)
{
    client *c = *state;
    client *reading = client_new(c->on), *slow = client_new(c->on);
    client_send(reading, CLOSED("/closed", "50") GOOD "\r\nhello");
    client_send(slow, CLOSED("/closed", "50") SLOW "\r\nhello");
    while (!asking)
        loopback_turn(c->on);
    client_free(reading);
    client_free(slow);
    /* stop() frees the server with both requests alive */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_a_stranger_is_refused_before_the_body),
        TEST(test_a_stranger_is_not_told_to_continue),
        TEST(test_nothing_of_a_strangers_body_is_kept),
        TEST(test_a_small_body_that_is_here_keeps_the_connection),
        TEST(test_a_strangers_chunks_end_the_connection),
        TEST(test_who_may_is_told_to_continue_and_asked_once),
        TEST(test_a_body_in_pieces_reaches_the_handler_whole),
        TEST(test_a_provider_that_waits_holds_the_body_back),
        TEST(test_a_provider_that_waits_refuses),
        TEST(test_a_provider_that_waits_too_long_is_503),
        TEST(test_a_client_that_leaves_while_it_is_asked_for),
        TEST(test_a_client_that_leaves_within_its_body),
        TEST(test_a_body_that_does_not_come_is_408),
        TEST(test_a_body_may_take_longer_than_a_handler),
        TEST(test_broken_chunks_are_refused_by_name),
        TEST(test_strangers_leave_room_for_those_who_are_known),
        TEST(test_slow_strangers_give_way_to_others),
        TEST(test_a_get_is_answered_without_its_body),
        TEST(test_a_body_for_no_route_is_not_read),
        TEST(test_a_server_that_ends_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
