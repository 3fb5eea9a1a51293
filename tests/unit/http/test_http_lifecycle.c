/*
 * Connections and requests that end early or late: limits, lost clients, deadlines, clients that do not read, draining
 * and the end of the server.
 */
#include "tests/unit/http/loopback.h"

#include "core/request/request.h"

#include <sys/resource.h>

static int running, cancelled, ended;

static int hello(tl_request *req)
{
    return http_reply(req, 200, "text/plain", "hello", 5);
}

static int waits(tl_request *req)
{
    running++;
    int result = request_sleep(req, 20000);
    running--;
    ended++;
    if (result != TL_CANCELLED)
        return hello(req);
    cancelled++;
    return TL_CANCELLED;
}

static int waits_briefly(tl_request *req)
{
    running++;
    request_sleep(req, 300);
    running--;
    return hello(req);
}

static int sends_large(tl_request *req)
{
    size_t length = 20 << 20;
    char *body = calloc(1, length);
    assert_non_null(body);
    http_reply(req, 200, "text/plain", body, length);
    free(body);
    return TL_REPLIED;
}

static const route routes[] = {
    {TL_GET, "/hello", hello},
    {TL_GET, "/waits", waits},
    {TL_GET, "/waits-briefly", waits_briefly},
    {TL_GET, "/large", sends_large},
    {0},
};

static int start(void **state)
{
    loopback *l = loopback_prepare();
    l->settings->max_connections = 4;
    l->settings->max_requests = 2;
    l->settings->write_timeout = 500;
    l->settings->request_timeout = 5000;
    running = cancelled = ended = 0;
    loopback_start(l, routes);
    *state = l;
    return 0;
}

static int stop(void **state)
{
    loopback_stop(*state);
    return 0;
}

/* Turns the loop until `*number` has this value. */
static void turn_until(loopback *l, const int *number, int value)
{
    int64_t end = loop_now(l->worker) + PATIENCE_MS;
    while (*number != value) {
        if (loop_now(l->worker) > end)
            fail_msg("expected %d, found %d", value, *number);
        loopback_turn(l);
    }
}

static void turn_until_count(loopback *l, size_t count)
{
    int64_t end = loop_now(l->worker) + PATIENCE_MS;
    while (http_connection_count(l->server) != count) {
        if (loop_now(l->worker) > end)
            fail_msg("expected %zu connections, found %zu", count, http_connection_count(l->server));
        loopback_turn(l);
    }
}

static void test_connections_over_the_limit_wait_for_their_turn(void **state)
{
    loopback *l = *state;
    client *held[4];
    for (int i = 0; i < 4; i++) {
        held[i] = client_new(l);
        answer a = ask(held[i], GET("/hello"));
        expect_text(&a, 200, "hello");
    }
    client *late = client_new(l);
    client_send(late, GET("/hello"));
    expect_open(late);
    assert_int_equal(http_connection_count(l->server), 4);
    client_free(held[0]);
    answer a = client_answer(late, false);
    expect_text(&a, 200, "hello");
    client_free(late);
    for (int i = 1; i < 4; i++)
        client_free(held[i]);
    turn_until_count(l, 0);
}

static void test_requests_over_the_limit_are_503(void **state)
{
    loopback *l = *state;
    client *busy[2], *c = client_new(l);
    for (int i = 0; i < 2; i++) {
        busy[i] = client_new(l);
        client_send(busy[i], GET("/waits"));
    }
    turn_until(l, &running, 2);
    answer a = ask(c, GET("/hello"));
    assert_string_equal(answer_header(&a, "Retry-After"), "1");
    expect_error(&a, 503, "Service Unavailable", NULL);
    /* then what needs no handler is answered still */
    a = ask(c, GET("/missing"));
    expect_error(&a, 404, "Not Found", NULL);
    for (int i = 0; i < 2; i++)
        client_free(busy[i]);
    turn_until(l, &cancelled, 2);
    a = ask(c, GET("/hello"));
    expect_text(&a, 200, "hello");
    client_free(c);
}

static void test_a_client_that_has_gone_cancels_its_handler(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    client_send(c, GET("/waits"));
    turn_until(l, &running, 1);
    client_free(c);
    turn_until(l, &cancelled, 1);
    turn_until_count(l, 0);
}

static void test_a_client_that_has_reset_cancels_its_handler(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    /* given a request behind it, which nobody reads */
    client_send(c, GET("/waits") GET("/hello"));
    turn_until(l, &running, 1);
    struct linger reset = {.l_onoff = 1};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    client_free(c);
    turn_until(l, &cancelled, 1);
    turn_until_count(l, 0);
}

static void test_a_handler_that_takes_too_long_is_503(void **state)
{
    loopback *l = *state;
    l->settings->request_timeout = 200;
    client *c = client_new(l);
    answer a = ask(c, GET("/waits"));
    assert_string_equal(answer_header(&a, "Retry-After"), "1");
    expect_error(&a, 503, "Service Unavailable", "The request took too long");
    assert_int_equal(cancelled, 1);
    a = ask(c, GET("/hello"));
    expect_text(&a, 200, "hello");
    client_free(c);
}

static void test_a_client_that_does_not_read_is_let_go(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    client_send(c, GET("/large"));
    turn_until_count(l, 0);
    client_free(c);
}

static void test_a_client_that_reads_slowly_gets_everything(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    l->settings->write_timeout = 1500;
    client_send(c, GET("/large"));
    /* given more time than the timeout altogether, but something read again and again */
    for (int i = 0; i < 20; i++) {
        loopback_turn_for(l, 100);
        for (int n = 0; n < 15; n++)
            client_take(c);
        assert_false(c->ended);
    }
    answer a = client_answer(c, false);
    assert_int_equal(a.length, 20 << 20);
    answer_free(&a);
    client_free(c);
}

static void test_running_out_of_descriptors_only_delays(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    client_send(c, "GET /hello HTTP/1.1\r\n");
    client *late = client_new(l);
    /* given no descriptor left for the second one */
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_true(send(late->fd, GET("/hello"), strlen(GET("/hello")), MSG_NOSIGNAL) > 0);
    int turns = 0;
    for (int64_t end = loop_now(l->worker) + 600; loop_now(l->worker) < end; turns++)
        event_base_loop(l->worker->base, EVLOOP_ONCE);
    size_t accepted = http_connection_count(l->server);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(accepted, 1);
    /* then the loop has waited, not turned */
    assert_true(turns < 100);
    answer a = client_answer(late, false);
    expect_text(&a, 200, "hello");
    a = ask(c, "Host: a\r\n\r\n");
    expect_text(&a, 200, "hello");
    client_free(c);
    client_free(late);
}

static void set_flag(void *arg)
{
    *(int *)arg = 1;
}

static void test_draining_answers_what_is_under_way(void **state)
{
    loopback *l = *state;
    client *busy = client_new(l), *partial = client_new(l), *idle = client_new(l);
    answer a = ask(idle, GET("/hello"));
    expect_text(&a, 200, "hello");
    client_send(busy, GET("/waits-briefly"));
    client_send(partial, "GET /hello HTTP/1.1\r\nHost:");
    turn_until(l, &running, 1);
    /* given a request that has arrived and was not read yet */
    assert_true(send(idle->fd, GET("/hello"), strlen(GET("/hello")), MSG_NOSIGNAL) > 0);

    int drained = 0;
    http_server_drain(l->server, set_flag, &drained);
    assert_int_equal(drained, 0);
    a = client_answer(idle, false);
    assert_string_equal(answer_header(&a, "Connection"), "close");
    expect_text(&a, 200, "hello");
    a = client_answer(busy, false);
    assert_string_equal(answer_header(&a, "Connection"), "close");
    expect_text(&a, 200, "hello");
    assert_int_equal(drained, 0);
    a = ask(partial, " a\r\n\r\n");
    assert_string_equal(answer_header(&a, "Connection"), "close");
    expect_text(&a, 200, "hello");
    expect_closed(idle);
    expect_closed(busy);
    expect_closed(partial);
    client_free(idle);
    client_free(busy);
    client_free(partial);
    turn_until(l, &drained, 1);
    assert_int_equal(http_connection_count(l->server), 0);
}

static void test_draining_closes_what_is_idle(void **state)
{
    loopback *l = *state;
    client *idle = client_new(l), *fresh = client_new(l);
    answer a = ask(idle, GET("/hello"));
    expect_text(&a, 200, "hello");
    turn_until_count(l, 2);
    int drained = 0;
    http_server_drain(l->server, set_flag, &drained);
    expect_closed(idle);
    expect_closed(fresh);
    turn_until(l, &drained, 1);
    client_free(idle);
    client_free(fresh);
}

static void test_draining_accepts_nobody(void **state)
{
    loopback *l = *state;
    int drained = 0;
    http_server_drain(l->server, set_flag, &drained);
    turn_until(l, &drained, 1);
    client *late = client_new(l);
    loopback_turn_for(l, 100);
    assert_int_equal(http_connection_count(l->server), 0);
    client_free(late);
}

static void test_a_server_may_end_while_handlers_run(void **state)
{
    loopback *l = *state;
    client *busy = client_new(l), *reading = client_new(l), *partial = client_new(l);
    client_send(busy, GET("/waits"));
    client_send(reading, GET("/large"));
    client_send(partial, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    turn_until(l, &running, 1);
    http_server_free(l->server);
    l->server = NULL;
    turn_until(l, &ended, 1);
    assert_int_equal(cancelled, 1);
    client_free(busy);
    client_free(reading);
    client_free(partial);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_connections_over_the_limit_wait_for_their_turn),
        TEST(test_requests_over_the_limit_are_503),
        TEST(test_a_client_that_has_gone_cancels_its_handler),
        TEST(test_a_client_that_has_reset_cancels_its_handler),
        TEST(test_a_handler_that_takes_too_long_is_503),
        TEST(test_a_client_that_does_not_read_is_let_go),
        TEST(test_a_client_that_reads_slowly_gets_everything),
        TEST(test_running_out_of_descriptors_only_delays),
        TEST(test_draining_answers_what_is_under_way),
        TEST(test_draining_closes_what_is_idle),
        TEST(test_draining_accepts_nobody),
        TEST(test_a_server_may_end_while_handlers_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
