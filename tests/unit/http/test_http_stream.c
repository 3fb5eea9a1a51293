/*
 * Answers that are streamed: that they arrive whole and at the client's pace, or visibly broken.
 */
#include "tests/unit/http/loopback.h"

#include "core/log/log.h"
#include "core/request/request.h"

enum { LARGE = 20 << 20, PIECE = 100000 };

static int running, ended, cancelled;
static size_t written;

static unsigned char byte_at(size_t at)
{
    return (unsigned char)(at * 31 + (at >> 11));
}

/* Writes bytes `from` to `to` in pieces of an odd size. */
static int write_bytes(tl_request *req, size_t from, size_t to)
{
    static unsigned char piece[PIECE];
    while (from < to) {
        size_t n = to - from < PIECE ? to - from : PIECE;
        for (size_t i = 0; i < n; i++)
            piece[i] = byte_at(from + i);
        if (http_stream_write(req, piece, n) != TL_OK) {
            cancelled++;
            return TL_CANCELLED;
        }
        from += n;
        written += n;
    }
    return TL_OK;
}

static int stream(tl_request *req, size_t announced, size_t sent)
{
    running++;
    http_set_header(req, "ETag", "\"large\"");
    if (http_stream_begin(req, 200, "image/png", (int64_t)announced) == TL_OK)
        write_bytes(req, 0, sent);
    running--;
    ended++;
    return TL_REPLIED;
}

static int hello(tl_request *req)
{
    return http_reply(req, 200, "text/plain", "hello", 5);
}

static int sends_large(tl_request *req)
{
    return stream(req, LARGE, LARGE);
}

static int sends_nothing(tl_request *req)
{
    return stream(req, 0, 0);
}

static int returns_early(tl_request *req)
{
    return stream(req, LARGE, 1000);
}

static int returns_before_the_first_byte(tl_request *req)
{
    return stream(req, 10, 0);
}

static int sends_too_much(tl_request *req)
{
    if (http_stream_begin(req, 200, "image/png", 10) == TL_OK) {
        write_bytes(req, 0, 5);
        write_bytes(req, 5, 11);
    }
    return TL_REPLIED;
}

static int sends_at_once(tl_request *req)
{
    char *bytes = calloc(1, LARGE);
    running++;
    if (http_stream_begin(req, 200, "image/png", LARGE) == TL_OK)
        http_stream_write(req, bytes, LARGE);
    free(bytes);
    running--;
    return TL_REPLIED;
}

static int sends_now_and_then(tl_request *req)
{
    running++;
    if (http_stream_begin(req, 206, "image/png", 40) == TL_OK) {
        for (size_t i = 0; i < 4; i++) {
            if (request_sleep(req, 200) != TL_OK || write_bytes(req, i * 10, i * 10 + 10) != TL_OK)
                break;
        }
    }
    running--;
    ended++;
    return TL_REPLIED;
}

static int sends_a_part_and_waits(tl_request *req)
{
    running++;
    if (http_stream_begin(req, 200, "image/png", 40) == TL_OK) {
        write_bytes(req, 0, 10);
        cancelled += request_sleep(req, 20000) == TL_CANCELLED;
    }
    running--;
    ended++;
    return TL_REPLIED;
}

static size_t drained_at;

static int sends_in_slices(tl_request *req)
{
    running++;
    if (http_stream_begin(req, 200, "image/png", LARGE) == TL_OK) {
        for (size_t at = 0; at < LARGE; at += TL_STREAM_ROOM) {
            size_t to = LARGE - at < TL_STREAM_ROOM ? LARGE : at + TL_STREAM_ROOM;
            if (write_bytes(req, at, to) != TL_OK || http_stream_drain(req) != TL_OK)
                break;
            drained_at = to;
        }
    }
    running--;
    ended++;
    return TL_REPLIED;
}

static int not_modified(tl_request *req)
{
    return http_stream_begin(req, 304, "image/png", 40);
}

static int speaks_twice(tl_request *req)
{
    if (http_stream_begin(req, 200, "image/png", 5) == TL_OK) {
        http_set_header(req, "ETag", "\"late\"");
        hello(req);
        http_stream_write(req, "12345", 5);
    }
    return TL_REPLIED;
}

static int writes_only(tl_request *req)
{
    assert_int_not_equal(http_stream_write(req, "1", 1), TL_OK);
    assert_int_not_equal(http_stream_drain(req), TL_OK);
    return hello(req);
}

static const route routes[] = {
    {TL_GET, "/hello", hello},
    {TL_GET, "/large", sends_large},
    {TL_GET, "/nothing", sends_nothing},
    {TL_GET, "/early", returns_early},
    {TL_GET, "/before", returns_before_the_first_byte},
    {TL_GET, "/more", sends_too_much},
    {TL_GET, "/at-once", sends_at_once},
    {TL_GET, "/slowly", sends_now_and_then},
    {TL_GET, "/waits", sends_a_part_and_waits},
    {TL_GET, "/slices", sends_in_slices},
    {TL_GET, "/304", not_modified},
    {TL_GET, "/twice", speaks_twice},
    {TL_GET, "/writes-only", writes_only},
    {0},
};

static int start(void **state)
{
    loopback *l = loopback_prepare();
    l->settings->write_timeout = 500;
    l->settings->request_timeout = 400;
    l->settings->log_slow_handler = 0;
    running = ended = cancelled = 0;
    written = 0;
    loopback_start(l, routes);
    *state = l;
    return 0;
}

static int stop(void **state)
{
    loopback_stop(*state);
    return 0;
}

static void turn_until(loopback *l, const int *number, int value)
{
    int64_t end = loop_now(l->worker) + PATIENCE_MS;
    while (*number != value) {
        if (loop_now(l->worker) > end)
            fail_msg("expected %d, found %d", value, *number);
        loopback_turn(l);
    }
}

static void turn_until_nobody_is_connected(loopback *l)
{
    int64_t end = loop_now(l->worker) + PATIENCE_MS;
    while (http_connection_count(l->server) != 0) {
        if (loop_now(l->worker) > end)
            fail_msg("%zu connections are left", http_connection_count(l->server));
        loopback_turn(l);
    }
}

static void expect_bytes(const answer *a, size_t length)
{
    assert_int_equal(a->length, length);
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)a->body[i] != byte_at(i))
            fail_msg("byte %zu is another one", i);
    }
}

/* Reads to the end of the connection, and says how it ended: 0, or ECONNRESET. */
static int read_to_end(client *c)
{
    int64_t end = loop_now(c->on->worker) + PATIENCE_MS;
    char bytes[65536];
    for (;;) {
        ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EAGAIN)
            return errno;
        if (loop_now(c->on->worker) > end)
            fail_msg("the connection does not end");
        loopback_turn(c->on);
    }
}

static void reset_on_close(const client *c)
{
    const struct linger reset = {.l_onoff = 1};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

static void test_a_stream_arrives_whole_and_the_connection_stays(void **state)
{
    client *c = client_new(*state);
    for (int i = 0; i < 2; i++) {
        answer a = ask(c, GET("/large"));
        assert_int_equal(a.status, 200);
        assert_string_equal(answer_header(&a, "Content-Type"), "image/png");
        assert_string_equal(answer_header(&a, "ETag"), "\"large\"");
        assert_string_equal(answer_header(&a, "X-Content-Type-Options"), "nosniff");
        assert_non_null(answer_header(&a, "X-Request-Id"));
        assert_null(answer_header(&a, "Connection"));
        expect_bytes(&a, LARGE);
        answer_free(&a);
    }
    answer a = ask(c, GET("/hello"));
    expect_text(&a, 200, "hello");
    client_free(c);
}

static void test_one_large_write_is_a_stream_too(void **state)
{
    client *c = client_new(*state);
    answer a = ask(c, GET("/at-once"));
    assert_int_equal(a.length, LARGE);
    answer_free(&a);
    client_free(c);
}

static void test_an_empty_stream_is_an_answer(void **state)
{
    client *c = client_new(*state);
    answer a = ask(c, GET("/nothing") GET("/hello"));
    assert_string_equal(answer_header(&a, "Content-Length"), "0");
    expect_text(&a, 200, "");
    a = client_answer(c, false);
    expect_text(&a, 200, "hello");
    client_free(c);
}

static void test_the_head_goes_out_before_the_bytes(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    client_send(c, GET("/waits"));
    while (!c->come.data || !strstr(c->come.data, "\r\n\r\n"))
        assert_true(client_wait(c));
    assert_int_equal(running, 1);
    assert_non_null(strstr(c->come.data, "Content-Length: 40\r\n"));
    reset_on_close(c);
    client_free(c);
    turn_until(l, &ended, 1);
}

static void test_head_is_answered_without_bytes(void **state)
{
    client *c = client_new(*state);
    client_send(c, "HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n" GET("/hello"));
    answer a = client_answer(c, true);
    assert_int_equal(a.status, 200);
    assert_int_equal(strtol(answer_header(&a, "Content-Length"), NULL, 10), LARGE);
    assert_string_equal(answer_header(&a, "Content-Type"), "image/png");
    answer_free(&a);
    a = client_answer(c, false);
    expect_text(&a, 200, "hello");
    assert_int_equal(written, 0);
    client_free(c);
}

static void test_not_modified_has_no_bytes(void **state)
{
    client *c = client_new(*state);
    answer a = ask(c, GET("/304") GET("/hello"));
    assert_int_equal(a.status, 304);
    assert_null(answer_header(&a, "Content-Length"));
    answer_free(&a);
    a = client_answer(c, false);
    expect_text(&a, 200, "hello");
    client_free(c);
}

static void test_http_1_0_gets_it_and_the_end(void **state)
{
    client *c = client_new(*state);
    answer a = ask(c, "GET /large HTTP/1.0\r\n\r\n");
    assert_string_equal(answer_header(&a, "Connection"), "close");
    expect_bytes(&a, LARGE);
    answer_free(&a);
    expect_closed(c);
    client_free(c);
}

static void test_what_is_sent_behind_is_answered_behind(void **state)
{
    client *c = client_new(*state);
    client_send(c, GET("/large") GET("/hello") GET("/large"));
    answer a = client_answer(c, false);
    expect_bytes(&a, LARGE);
    answer_free(&a);
    a = client_answer(c, false);
    expect_text(&a, 200, "hello");
    a = client_answer(c, false);
    expect_bytes(&a, LARGE);
    answer_free(&a);
    client_free(c);
}

static void test_a_handler_waits_for_a_slow_client(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    l->settings->write_timeout = PATIENCE_MS;
    int small = 65536;
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    client_send(c, GET("/large"));
    turn_until(l, &running, 1);
    /* then it has written what the kernel and the window hold, however long that takes, and no more */
    size_t before = written;
    for (int quiet = 0; quiet < 200; quiet++) {
        loopback_turn(l);
        if (written != before)
            quiet = 0;
        before = written;
    }
    assert_int_equal(running, 1);
    assert_true(written < LARGE / 2);
    answer a = client_answer(c, false);
    expect_bytes(&a, LARGE);
    answer_free(&a);
    client_free(c);
}

static void test_a_handler_may_wait_until_nearly_all_is_taken(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    l->settings->write_timeout = PATIENCE_MS;
    drained_at = 0;
    client_send(c, GET("/slices"));
    turn_until(l, &running, 1);
    loopback_turn_for(l, 100);
    /* then at most the slice that waits is written and not drained */
    assert_true(drained_at < LARGE && written <= drained_at + TL_STREAM_ROOM);
    answer a = client_answer(c, false);
    expect_bytes(&a, LARGE);
    answer_free(&a);
    turn_until(l, &ended, 1);
    assert_int_equal(drained_at, LARGE);
    client_free(c);
}

static void test_a_client_that_takes_nothing_is_let_go(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    client_send(c, GET("/large"));
    turn_until(l, &ended, 1);
    assert_int_equal(cancelled, 1);
    turn_until_nobody_is_connected(l);
    assert_int_equal(read_to_end(c), ECONNRESET);
    client_free(c);
}

static void test_a_client_that_takes_a_little_again_and_again_gets_everything(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    l->settings->write_timeout = 1500;
    client_send(c, GET("/large"));
    /* given far more time than write_timeout and request_timeout */
    for (int i = 0; i < 30; i++) {
        loopback_turn_for(l, 100);
        for (int n = 0; n < 8; n++)
            client_take(c);
        assert_false(c->ended);
    }
    answer a = client_answer(c, false);
    expect_bytes(&a, LARGE);
    answer_free(&a);
    client_free(c);
}

static void test_a_handler_may_take_its_time_between_bytes(void **state)
{
    /* given 800 ms, and a request_timeout of 400 and a write_timeout of 500 */
    client *c = client_new(*state);
    answer a = ask(c, GET("/slowly"));
    assert_int_equal(a.status, 206);
    expect_bytes(&a, 40);
    answer_free(&a);
    client_free(c);
}

static void test_a_handler_that_returns_early_breaks_the_connection(void **state)
{
    loopback *l = *state;
    static const char *const paths[] = {GET("/early"), GET("/before")};
    for (int i = 0; i < 2; i++) {
        client *c = client_new(l);
        client_send(c, paths[i]);
        assert_int_equal(read_to_end(c), ECONNRESET);
        client_free(c);
    }
    turn_until_nobody_is_connected(l);
    assert_true(log_has(l, "the handler of /early returned after 1000 of 20971520 bytes"));
    assert_true(log_has(l, "the handler of /before returned after 0 of 10 bytes"));
}

static void test_a_stream_of_too_many_bytes_is_broken_off(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    client_send(c, GET("/more"));
    assert_int_equal(read_to_end(c), ECONNRESET);
    client_free(c);
    assert_true(log_has(l, "got more bytes than it was to have"));
}

static void test_a_client_that_goes_ends_the_handler(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    client_send(c, GET("/large"));
    turn_until(l, &running, 1);
    client_free(c);
    turn_until(l, &ended, 1);
    assert_int_equal(cancelled, 1);
    turn_until_nobody_is_connected(l);
}

static void test_a_client_that_resets_ends_a_handler_that_waits(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    client_send(c, GET("/waits"));
    assert_true(client_wait(c));
    turn_until(l, &running, 1);
    reset_on_close(c);
    client_free(c);
    turn_until(l, &ended, 1);
    assert_int_equal(cancelled, 1);
    turn_until_nobody_is_connected(l);
}

static void test_a_client_that_has_said_all_gets_everything(void **state)
{
    client *c = client_new(*state);
    client_send(c, GET("/large"));
    while (!c->come.data)
        assert_true(client_wait(c));
    shutdown(c->fd, SHUT_WR);
    answer a = client_answer(c, false);
    expect_bytes(&a, LARGE);
    answer_free(&a);
    client_free(c);
}

static void test_the_first_answer_counts(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    answer a = ask(c, GET("/twice"));
    assert_null(answer_header(&a, "ETag"));
    expect_text(&a, 200, "12345");
    assert_true(log_has(l, "a second reply (status 200) to one request is dropped"));
    assert_true(log_has(l, "a header comes after the head"));
    a = ask(c, GET("/writes-only"));
    expect_text(&a, 200, "hello");
    assert_true(log_has(l, "a stream was written to that has not begun"));
    client_free(c);
}

static void test_the_access_log_has_the_bytes_sent(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    answer a = ask(c, GET("/slowly"));
    answer_free(&a);
    assert_true(log_has(l, "GET /slowly 206 40 "));
    client_send(c, GET("/waits"));
    while (!c->come.data || !strstr(c->come.data, "\r\n\r\n"))
        assert_true(client_wait(c));
    size_t head = (size_t)(strstr(c->come.data, "\r\n\r\n") + 4 - c->come.data);
    while (c->come.length < head + 10)
        assert_true(client_wait(c));
    reset_on_close(c);
    client_free(c);
    turn_until(l, &ended, 2);
    assert_true(log_has(l, "GET /waits 200 10 "));
}

static void set_flag(void *arg)
{
    *(int *)arg = 1;
}

static void test_draining_waits_for_streams(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    client_send(c, GET("/slowly"));
    turn_until(l, &running, 1);
    int drained = 0;
    http_server_drain(l->server, set_flag, &drained);
    answer a = client_answer(c, false);
    expect_bytes(&a, 40);
    answer_free(&a);
    expect_closed(c);
    client_free(c);
    turn_until(l, &drained, 1);
    assert_int_equal(ended, 1);
}

static void test_a_server_may_end_while_streams_go_on(void **state)
{
    loopback *l = *state;
    client *stuck = client_new(l), *waiting = client_new(l);
    client_send(stuck, GET("/large"));
    client_send(waiting, GET("/waits"));
    turn_until(l, &running, 2);
    loopback_turn_for(l, 20);
    http_server_free(l->server);
    l->server = NULL;
    turn_until(l, &ended, 2);
    assert_int_equal(cancelled, 2);
    client_free(stuck);
    client_free(waiting);
}

static void test_cancelled_handlers_break_their_streams(void **state)
{
    loopback *l = *state;
    client *c = client_new(l);
    client_send(c, GET("/waits"));
    turn_until(l, &running, 1);
    request_cancel_all(l->worker->requests);
    assert_int_equal(read_to_end(c), ECONNRESET);
    client_free(c);
    turn_until(l, &ended, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_a_stream_arrives_whole_and_the_connection_stays),
        TEST(test_one_large_write_is_a_stream_too),
        TEST(test_an_empty_stream_is_an_answer),
        TEST(test_the_head_goes_out_before_the_bytes),
        TEST(test_head_is_answered_without_bytes),
        TEST(test_not_modified_has_no_bytes),
        TEST(test_http_1_0_gets_it_and_the_end),
        TEST(test_what_is_sent_behind_is_answered_behind),
        TEST(test_a_handler_waits_for_a_slow_client),
        TEST(test_a_handler_may_wait_until_nearly_all_is_taken),
        TEST(test_a_client_that_takes_nothing_is_let_go),
        TEST(test_a_client_that_takes_a_little_again_and_again_gets_everything),
        TEST(test_a_handler_may_take_its_time_between_bytes),
        TEST(test_a_handler_that_returns_early_breaks_the_connection),
        TEST(test_a_stream_of_too_many_bytes_is_broken_off),
        TEST(test_a_client_that_goes_ends_the_handler),
        TEST(test_a_client_that_resets_ends_a_handler_that_waits),
        TEST(test_a_client_that_has_said_all_gets_everything),
        TEST(test_the_first_answer_counts),
        TEST(test_the_access_log_has_the_bytes_sent),
        TEST(test_draining_waits_for_streams),
        TEST(test_a_server_may_end_while_streams_go_on),
        TEST(test_cancelled_handlers_break_their_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
