/*
 * Commands and answers over a real Redis.
 */
/* cmocka names a macro "fail", so it comes behind the headers that use the word. */
#include "core/log/log.h"
#include "core/redis/redis.h"
#include "tests/unit/support/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/redis/server.h"

#define COMMAND(req, ...)                                                                                              \
    redis_command(req, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *),                              \
                  (const char *const[]){__VA_ARGS__})

static settings *the_settings;
static worker *the_test_worker;
static char the_prefix[40]; /* the same program may run twice at once, against the same Redis */

static int set_up(void **state)
{
    (void)state;
    the_settings = fixture_settings();
    the_settings->redis_address = fixture_redis();
    snprintf(the_prefix, sizeof(the_prefix), "talelio-test-%d:", (int)getpid());
    the_settings->redis_prefix = the_prefix;
    the_settings->redis_timeout = 20000;
    the_test_worker = fixture_worker_new(the_settings);
    the_test_worker->redis = redis_new(the_test_worker);
    assert_non_null(the_test_worker->redis);
    clear_log();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_free(the_test_worker->redis);
    the_test_worker->redis = NULL;
    fixture_worker_free(the_test_worker);
    return 0;
}

static void run(void (*body)(tl_request *req, void *arg), void *arg)
{
    fixture_run(the_test_worker, body, arg);
    logger_flush(the_test_worker->log);
}

static void set_and_get(tl_request *req, void *arg)
{
    (void)arg;
    const char *key = redis_key(req, "test", "plain");
    tl_redis_value *set = COMMAND(req, "SET", key, "value");
    assert_string_equal(redis_text(set), "OK");
    tl_redis_value *get = COMMAND(req, "GET", key);
    assert_string_equal(redis_text(get), "value");
    assert_false(redis_is_nil(get));
    assert_int_equal(redis_error(req), TL_OK);
    COMMAND(req, "DEL", key);
}

static void stores_and_reads(void **state)
{
    (void)state;
    run(set_and_get, NULL);
}

static void odd_words(tl_request *req, void *arg)
{
    (void)arg;
    static const char *const values[] = {
        "",      " ",    "two words",        "a\r\nb",  "\r\nFLUSHALL\r\n", "*1\r\n$4\r\nPING\r\n",
        "'\"\\", "%s%n", "\xf0\x9f\x91\x8d", "\xff\xfe"};
    const char *key = redis_key(req, "test", "odd\r\nname with spaces");
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_non_null(COMMAND(req, "SET", key, values[i]));
        tl_redis_value *back = COMMAND(req, "GET", key);
        assert_non_null(back);
        assert_string_equal(redis_text(back), values[i]);
    }
    assert_int_equal(redis_integer(COMMAND(req, "DEL", key)), 1);
}

static void a_word_never_becomes_a_command(void **state)
{
    (void)state;
    run(odd_words, NULL);
}

static void ask_missing(tl_request *req, void *arg)
{
    (void)arg;
    tl_redis_value *value = COMMAND(req, "GET", redis_key(req, "test", "missing"));
    assert_non_null(value);
    assert_true(redis_is_nil(value));
    assert_null(redis_text(value));
    assert_int_equal(redis_integer(value), 0);
    assert_int_equal(redis_count(value), 0);
}

static void a_missing_key_is_nil(void **state)
{
    (void)state;
    run(ask_missing, NULL);
}

static void ask_script(tl_request *req, void *arg)
{
    (void)arg;
    tl_redis_value *value =
        COMMAND(req, "EVAL", "return {1, 'two', {3, false}, redis.error_reply('ERR inner'), ARGV[1]}", "0", "five");
    assert_int_equal(redis_count(value), 5);
    assert_int_equal(redis_integer(redis_item(value, 0)), 1);
    assert_string_equal(redis_text(redis_item(value, 1)), "two");
    assert_int_equal(redis_count(redis_item(value, 2)), 2);
    assert_int_equal(redis_integer(redis_item(redis_item(value, 2), 0)), 3);
    assert_true(redis_is_nil(redis_item(redis_item(value, 2), 1)));
    assert_null(redis_text(redis_item(value, 3)));
    assert_string_equal(redis_text(redis_item(value, 4)), "five");
    assert_null(redis_item(value, 5));
}

static void a_script_answers_with_nested_arrays(void **state)
{
    (void)state;
    run(ask_script, NULL);
}

static void make_errors(tl_request *req, void *arg)
{
    (void)arg;
    const char *key = redis_key(req, "test", "type");
    COMMAND(req, "SET", key, "text");
    assert_null(COMMAND(req, "LPUSH", key, "element"));
    assert_int_equal(redis_error(req), TL_ERROR);
    assert_null(COMMAND(req, "NOSUCHCOMMAND", "hunter2"));
    assert_int_equal(redis_error(req), TL_ERROR);
    assert_non_null(COMMAND(req, "DEL", key));
    assert_int_equal(redis_error(req), TL_OK);
}

static void an_error_is_logged_without_the_words(void **state)
{
    (void)state;
    run(make_errors, NULL);
    assert_int_equal(count_in_log("WRONGTYPE"), 1);
    assert_int_equal(count_in_log("unknown command"), 1);
    assert_int_equal(count_in_log("hunter2"), 0);
    assert_int_equal(count_in_log("NOSUCHCOMMAND"), 0);
}

static void make_key(tl_request *req, void *arg)
{
    snprintf(arg, 100, "%s", redis_key(req, "session", "a:b"));
}

static void keys_have_the_prefix(void **state)
{
    (void)state;
    char key[100], expected[100];
    run(make_key, key);
    snprintf(expected, sizeof(expected), "%ssession:a:b", the_prefix);
    assert_string_equal(key, expected);
}

static void send_unfit(tl_request *req, void *arg)
{
    (void)arg;
    assert_null(COMMAND(req, "select", "1"));
    assert_int_equal(redis_error(req), TL_ERROR);
    assert_null(COMMAND(req, "SUBSCRIBE", "channel"));
    assert_int_equal(redis_error(req), TL_ERROR);
    assert_null(COMMAND(req, "MULTI"));
    assert_int_equal(redis_error(req), TL_ERROR);
    assert_null(COMMAND(req, "BLPOP", "list", "0"));
    assert_int_equal(redis_error(req), TL_ERROR);
    assert_null(COMMAND(req, "XREAD", "BLOCK", "0", "STREAMS", "s", "$"));
    assert_int_equal(redis_error(req), TL_ERROR);
    assert_null(COMMAND(req, "GET", NULL));
    assert_int_equal(redis_error(req), TL_ERROR);
    assert_null(redis_command(req, 0, NULL));
    assert_int_equal(redis_error(req), TL_ERROR);
    assert_non_null(COMMAND(req, "XREAD", "STREAMS", redis_key(req, "test", "BLOCK"), "0"));
    assert_non_null(COMMAND(req, "PING"));
}

static void what_would_change_the_shared_connection_is_refused(void **state)
{
    (void)state;
    run(send_unfit, NULL);
}

typedef struct crowd {
    size_t left;
    size_t ok;
    size_t unavailable;
    size_t cancelled;
    size_t other;
    bool done;
} crowd;

typedef struct member {
    crowd *crowd;
    size_t number;
} member;

static void count_result(crowd *c, int error)
{
    switch (error) {
    case TL_OK:
        c->ok++;
        break;
    case TL_UNAVAILABLE:
        c->unavailable++;
        break;
    case TL_CANCELLED:
        c->cancelled++;
        break;
    default:
        c->other++;
        break;
    }
    c->done = --c->left == 0;
}

static void echo(tl_request *req, void *arg)
{
    member *m = arg;
    const char *text = arena_format(req->arena, "number %zu", m->number);
    tl_redis_value *value = COMMAND(req, "ECHO", text);
    if (value && strcmp(redis_text(value), text) != 0)
        fail_msg("an answer went to the wrong request");
    count_result(m->crowd, redis_error(req));
}

static void start_crowd(crowd *c, member *members, size_t count, tl_request **requests)
{
    *c = (crowd){.left = count};
    for (size_t i = 0; i < count; i++) {
        members[i] = (member){c, i};
        tl_request *req = request_new(the_test_worker, 0);
        assert_non_null(req);
        if (requests)
            requests[i] = req;
        assert_true(request_start(req, echo, &members[i]));
    }
}

static void ping(tl_request *req, void *arg)
{
    const char *text = redis_text(COMMAND(req, "PING"));
    *(bool *)arg = text && strcmp(text, "PONG") == 0;
}

/* Answers come in order: then those to all commands before have come, too. */
static void ping_works(void)
{
    bool works = false;
    run(ping, &works);
    assert_true(works);
}

static void every_request_gets_its_own_answer(void **state)
{
    (void)state;
    static member members[1000];
    crowd c;
    ping_works();
    start_crowd(&c, members, 1000, NULL);
    assert_true(fixture_until(the_test_worker, &c.done, 30000));
    assert_int_equal(c.ok, 1000);
}

static void more_than_the_queue_is_refused_at_once(void **state)
{
    (void)state;
    static member members[100];
    crowd c;
    ping_works();
    the_settings->redis_queue = 60;
    start_crowd(&c, members, 100, NULL);
    assert_int_equal(c.unavailable, 40);
    assert_true(fixture_until(the_test_worker, &c.done, 30000));
    assert_int_equal(c.ok, 60);
    logger_flush(the_test_worker->log);
    assert_int_equal(count_in_log("the limit of [redis] queue"), 1);
}

/* The queue has room for a round and one command behind it, so an answer that frees nothing makes the next round fail.
 */
static void ten_thousand_cancelled_commands_leave_nothing_behind(void **state)
{
    (void)state;
    enum { ROUND = 1000 };
    static member members[ROUND + 1];
    static tl_request *requests[ROUND];
    ping_works();
    the_settings->redis_queue = ROUND + 1;
    for (int round = 0; round < 10; round++) {
        crowd c;
        start_crowd(&c, members, ROUND, requests);
        for (size_t i = 0; i < ROUND; i++)
            request_cancel(requests[i], false);
        assert_true(fixture_until(the_test_worker, &c.done, 30000));
        assert_int_equal(c.cancelled, ROUND);
        ping_works();
    }
    crowd c;
    start_crowd(&c, members, ROUND + 1, NULL);
    assert_true(fixture_until(the_test_worker, &c.done, 30000));
    assert_int_equal(c.ok, ROUND + 1);
}

static void cancelled_before(tl_request *req, void *arg)
{
    *(tl_request **)arg = req;
    assert_int_equal(request_sleep(req, 60000), TL_CANCELLED);
    assert_null(COMMAND(req, "PING"));
    assert_int_equal(redis_error(req), TL_CANCELLED);
    *(tl_request **)arg = NULL;
}

static void a_cancelled_request_sends_nothing(void **state)
{
    (void)state;
    tl_request *sleeper = request_new(the_test_worker, 0);
    assert_true(request_start(sleeper, cancelled_before, &sleeper));
    request_cancel(sleeper, false);
    ping_works();
    assert_null(sleeper);
}

/* The wait for the first connect is such a wait, too. */
static void cancelling_works_while_the_first_connect_is_going_on(void **state)
{
    (void)state;
    crowd c;
    member one;
    tl_request *req;
    start_crowd(&c, &one, 1, &req);
    request_cancel(req, false);
    assert_true(fixture_until(the_test_worker, &c.done, 30000));
    assert_int_equal(c.cancelled, 1);
    ping_works();
}

static void commands_under_way_end_with_the_connection(void **state)
{
    (void)state;
    static member members[10];
    crowd c;
    ping_works();
    start_crowd(&c, members, 10, NULL);
    redis_free(the_test_worker->redis);
    the_test_worker->redis = NULL;
    assert_true(fixture_until(the_test_worker, &c.done, 30000));
    assert_int_equal(c.unavailable, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stores_and_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_word_never_becomes_a_command, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_key_is_nil, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_script_answers_with_nested_arrays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_error_is_logged_without_the_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_have_the_prefix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_would_change_the_shared_connection_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_request_gets_its_own_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_the_queue_is_refused_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ten_thousand_cancelled_commands_leave_nothing_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_request_sends_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelling_works_while_the_first_connect_is_going_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(commands_under_way_end_with_the_connection, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
