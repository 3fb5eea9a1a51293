/*
 * What the session scripts do inside a real Redis.
 */
/* Before cmocka, which makes `fail` a macro. */
#include "tests/unit/support/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "plugins/auth/session_scripts.h"

#define DAY "86400000"

static char key[40]; /* the same program may run twice at once, against the same Redis */
static redisContext *redis;
static redisReply *answer;

/* The answer to one command lives until the next. */
static redisReply *ask(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (answer)
        freeReplyObject(answer);
    answer = redisvCommand(redis, format, args);
    va_end(args);
    assert_non_null(answer);
    if (answer->type == REDIS_REPLY_ERROR)
        fail_msg("%s", answer->str);
    return answer;
}

static long long start(const char *user, const char *hash, const char *idle, const char *lifetime)
{
    return ask("EVAL %s 1 %s %s %s %s %s", session_script_start, key, user, hash, idle, lifetime)->integer;
}

static redisReply *rotate(const char *hash, const char *salt, const char *next, const char *grace)
{
    return ask("EVAL %s 1 %s %s %s %s %s " DAY " " DAY, session_script_rotate, key, hash, salt, next, grace);
}

static const char *what(const redisReply *reply)
{
    return reply->element[0]->str;
}

static long long end(const char *hash, const char *user, const char *grace)
{
    return ask("EVAL %s 1 %s %s %s %s", session_script_end, key, hash, user, grace)->integer;
}

static int connect_redis(void **state)
{
    (void)state;
    struct timeval patience = {10, 0};
    snprintf(key, sizeof key, "test-session-scripts-%d", (int)getpid());
    redis = redisConnectUnixWithTimeout(fixture_redis(), patience);
    return redis && !redis->err ? 0 : -1;
}

static int disconnect_redis(void **state)
{
    (void)state;
    ask("DEL %s", key);
    freeReplyObject(answer);
    redisFree(redis);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    ask("DEL %s", key);
    return 0;
}

static void a_session_lasts_the_shorter_of_idle_and_lifetime(void **state)
{
    (void)state;
    assert_int_equal(start("7", "h0", "60000", DAY), 60000);
    long long left = ask("PTTL %s", key)->integer;
    assert_true(left > 50000 && left <= 60000);
    assert_int_equal(start("7", "h0", DAY, "60000"), 60000);
}

static void a_session_remembers_its_user(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    assert_string_equal(ask("HGET %s user", key)->str, "7");
}

static void the_right_secret_is_replaced(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    redisReply *reply = rotate("h0", "s1", "h1", "10000");
    assert_string_equal(what(reply), "rotated");
    assert_true(reply->element[1]->integer > 86390000 && reply->element[1]->integer <= 86400000);
    assert_string_equal(ask("HGET %s hash", key)->str, "h1");
}

static void within_the_grace_a_rotated_secret_gets_the_salts_to_the_present_one(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    rotate("h0", "s1", "h1", "10000");
    rotate("h1", "s2", "h2", "10000");

    redisReply *reply = rotate("h0", "unused", "unused", "10000");
    assert_string_equal(what(reply), "grace");
    assert_int_equal(reply->elements, 4);
    assert_true(reply->element[1]->integer > 86390000);
    assert_string_equal(reply->element[2]->str, "s1");
    assert_string_equal(reply->element[3]->str, "s2");

    reply = rotate("h1", "unused", "unused", "10000");
    assert_string_equal(what(reply), "grace");
    assert_int_equal(reply->elements, 3);
    assert_string_equal(reply->element[2]->str, "s2");

    /* and nothing has changed */
    assert_string_equal(what(rotate("h2", "s3", "h3", "10000")), "rotated");
}

static void after_the_grace_a_rotated_secret_ends_the_session(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    rotate("h0", "s1", "h1", "20");
    usleep(60000);
    assert_string_equal(what(rotate("h0", "x", "x", "20")), "mismatch");
    assert_string_equal(what(rotate("h1", "x", "x", "20")), "none");
}

static void an_unknown_secret_ends_the_session(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    assert_string_equal(what(rotate("other", "x", "x", "10000")), "mismatch");
    assert_int_equal(ask("EXISTS %s", key)->integer, 0);
}

static void no_session_is_said_so_and_none_is_made(void **state)
{
    (void)state;
    assert_string_equal(what(rotate("h0", "x", "x", "10000")), "none");
    assert_int_equal(ask("EXISTS %s", key)->integer, 0);
}

static void use_renews_the_idle_time_but_not_the_lifetime(void **state)
{
    (void)state;
    start("7", "h0", "60000", DAY);
    rotate("h0", "s1", "h1", "10000");
    assert_true(ask("PTTL %s", key)->integer > 86390000);

    /* given a session that began a day less a minute ago */
    ask("DEL %s", key);
    start("7", "h0", DAY, DAY);
    long long created = atoll(ask("HGET %s created", key)->str);
    ask("HSET %s created %lld", key, created - 86340000);
    redisReply *reply = rotate("h0", "s1", "h1", "10000");
    assert_true(reply->element[1]->integer > 50000 && reply->element[1]->integer <= 60000);
    assert_true(ask("PTTL %s", key)->integer <= 60000);
}

static void a_session_past_its_lifetime_is_none(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    ask("HSET %s created 1", key);
    assert_string_equal(what(rotate("h0", "s1", "h1", "10000")), "none");
    assert_int_equal(ask("EXISTS %s", key)->integer, 0);
}

static void the_chain_keeps_the_last_64_steps(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    for (int i = 0; i < 70; i++) {
        char hash[8], next[8];
        snprintf(hash, sizeof hash, "h%d", i);
        snprintf(next, sizeof next, "h%d", i + 1);
        assert_string_equal(what(rotate(hash, "s", next, "60000")), "rotated");
    }
    assert_int_equal(rotate("h6", "x", "x", "60000")->elements, 2 + 64);
    assert_string_equal(what(rotate("h5", "x", "x", "60000")), "mismatch");
}

static void its_user_ends_a_session_with_the_right_secret_only(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    assert_int_equal(end("h0", "8", "10000"), 0);
    assert_int_equal(end("other", "7", "10000"), 0);
    assert_int_equal(ask("EXISTS %s", key)->integer, 1);
    assert_int_equal(end("h0", "7", "10000"), 1);
    assert_int_equal(ask("EXISTS %s", key)->integer, 0);
    assert_int_equal(end("h0", "7", "10000"), 0);
}

static void a_secret_within_the_grace_ends_it_too_and_a_later_one_does_not(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    rotate("h0", "s1", "h1", "10000");
    usleep(60000);
    assert_int_equal(end("h0", "7", "20"), 0);
    assert_int_equal(end("h0", "7", "10000"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_session_lasts_the_shorter_of_idle_and_lifetime, forget),
        cmocka_unit_test_setup(a_session_remembers_its_user, forget),
        cmocka_unit_test_setup(the_right_secret_is_replaced, forget),
        cmocka_unit_test_setup(within_the_grace_a_rotated_secret_gets_the_salts_to_the_present_one, forget),
        cmocka_unit_test_setup(after_the_grace_a_rotated_secret_ends_the_session, forget),
        cmocka_unit_test_setup(an_unknown_secret_ends_the_session, forget),
        cmocka_unit_test_setup(no_session_is_said_so_and_none_is_made, forget),
        cmocka_unit_test_setup(use_renews_the_idle_time_but_not_the_lifetime, forget),
        cmocka_unit_test_setup(a_session_past_its_lifetime_is_none, forget),
        cmocka_unit_test_setup(the_chain_keeps_the_last_64_steps, forget),
        cmocka_unit_test_setup(its_user_ends_a_session_with_the_right_secret_only, forget),
        cmocka_unit_test_setup(a_secret_within_the_grace_ends_it_too_and_a_later_one_does_not, forget),
    };
    return cmocka_run_group_tests(tests, connect_redis, disconnect_redis);
}
