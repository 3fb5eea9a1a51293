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

static char key[40], other_key[48]; /* the same program may run twice at once, against the same Redis */
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

static redisReply *renew(const char *hash, const char *salt, const char *next, const char *grace)
{
    return ask("EVAL %s 1 %s %s " DAY " " DAY " %s %s %s", session_script_renew, key, grace, salt, hash, next);
}

/* With two tokens at once, of the sessions at `key` and `other_key`. */
static redisReply *renew_two(const char *hash, const char *next, const char *other_hash, const char *other_next)
{
    return ask("EVAL %s 2 %s %s 20 " DAY " " DAY " s %s %s %s %s", session_script_renew, key, other_key, hash, next,
               other_hash, other_next);
}

static const char *what(const redisReply *reply)
{
    return reply->element[0]->str;
}

/* What the renewal came to: the salts that lead to the secret that counts now, or why there are none. */
static void expect_salts(const redisReply *reply, const char *expected)
{
    char salts[200] = "";
    if (strcmp(what(reply), "open") != 0)
        fail_msg("expected the salts %s, found %s", expected, what(reply));
    for (size_t i = 4; i < reply->elements; i++)
        snprintf(salts + strlen(salts), sizeof salts - strlen(salts), "%s%s", i > 4 ? " " : "", reply->element[i]->str);
    assert_string_equal(salts, expected);
}

static long long end(const char *hash, const char *user, const char *grace)
{
    return ask("EVAL %s 1 %s %s %s %s", session_script_end, key, user, grace, hash)->integer;
}

static void wait_for_the_grace(void)
{
    usleep(60000);
}

static int connect_redis(void **state)
{
    (void)state;
    struct timeval patience = {10, 0};
    snprintf(key, sizeof key, "test-session-scripts-%d", (int)getpid());
    snprintf(other_key, sizeof other_key, "%s-other", key);
    redis = redisConnectUnixWithTimeout(fixture_redis(), patience);
    return redis && !redis->err ? 0 : -1;
}

static int disconnect_redis(void **state)
{
    (void)state;
    ask("DEL %s %s", key, other_key);
    freeReplyObject(answer);
    redisFree(redis);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    ask("DEL %s %s", key, other_key);
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
    redisReply *reply = renew("h0", "s1", "h1", "10000");
    expect_salts(reply, "s1");
    assert_int_equal(reply->element[1]->integer, 0);
    assert_true(reply->element[2]->integer > 86390000 && reply->element[2]->integer <= 86400000);
    assert_string_equal(reply->element[3]->str, "7");
    assert_string_equal(ask("HGET %s hash", key)->str, "h1");
}

static void a_rotated_secret_passes_until_its_successor_is_used(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);

    /* given answers that were lost, each longer ago than the grace */
    for (int i = 0; i < 3; i++) {
        expect_salts(renew("h0", i == 0 ? "s1" : "unused", i == 0 ? "h1" : "unused", "20"), "s1");
        wait_for_the_grace();
    }
    /* when the successor arrives after all, then it works, and its own answer may be lost too */
    expect_salts(renew("h1", "s2", "h2", "20"), "s2");
    wait_for_the_grace();
    expect_salts(renew("h1", "unused", "unused", "20"), "s2");
    expect_salts(renew("h2", "s3", "h3", "20"), "s3");
}

static void within_the_grace_a_rotated_secret_gets_the_salts_to_the_present_one(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    renew("h0", "s1", "h1", "10000");
    renew("h1", "s2", "h2", "10000");

    expect_salts(renew("h0", "unused", "unused", "10000"), "s1 s2");
    expect_salts(renew("h1", "unused", "unused", "10000"), "s2");

    /* and nothing has changed */
    expect_salts(renew("h2", "s3", "h3", "10000"), "s3");
}

static void when_its_successor_was_used_longer_ago_a_secret_ends_the_session(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    renew("h0", "s1", "h1", "20");
    renew("h1", "s2", "h2", "20");
    wait_for_the_grace();
    redisReply *reply = renew("h0", "x", "x", "20");
    assert_string_equal(what(reply), "mismatch");
    assert_string_equal(reply->element[1]->str, "7");
    assert_string_equal(what(renew("h2", "x", "x", "20")), "none");
}

static void a_session_of_the_version_before_goes_on(void **state)
{
    (void)state;
    /* given what that one wrote, whose chain ended with a step of long ago */
    long long now = atoll(ask("TIME")->element[0]->str) * 1000;
    ask("HSET %s user 7 hash h2 created %lld chain %s", key, now - 7200000,
        "[{\"hash\":\"h0\",\"salt\":\"s1\",\"at\":1700000000000},{\"hash\":\"h1\",\"salt\":\"s2\",\"at\":1700000005000}"
        "]");
    ask("PEXPIRE %s 60000", key);
    expect_salts(renew("h1", "unused", "unused", "10000"), "s2");
    expect_salts(renew("h2", "s3", "h3", "10000"), "s3");
    assert_string_equal(what(renew("h0", "x", "x", "10000")), "mismatch");
}

static void a_clock_that_goes_back_leaves_no_gap_in_the_chain(void **state)
{
    (void)state;
    long long now = atoll(ask("TIME")->element[0]->str) * 1000;
    char chain[300];
    snprintf(chain, sizeof chain,
             "[{\"hash\":\"h0\",\"salt\":\"s1\",\"at\":%lld},{\"hash\":\"h1\",\"salt\":\"s2\",\"at\":%lld},"
             "{\"hash\":\"h2\",\"salt\":\"s3\",\"at\":%lld}]",
             now, now + 5000, now - 3600000);
    ask("HSET %s user 7 hash h3 created %lld chain %s", key, now - 7200000, chain);
    expect_salts(renew("h2", "x", "x", "1000"), "s3");
    assert_string_equal(what(renew("h0", "x", "x", "1000")), "mismatch");
}

static void an_unknown_secret_ends_the_session(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    assert_string_equal(what(renew("other", "x", "x", "10000")), "mismatch");
    assert_int_equal(ask("EXISTS %s", key)->integer, 0);
}

static void no_session_is_said_so_and_none_is_made(void **state)
{
    (void)state;
    assert_string_equal(what(renew("h0", "x", "x", "10000")), "none");
    assert_int_equal(ask("EXISTS %s", key)->integer, 0);
}

/* A session that began so long ago. */
static void start_before(const char *which, const char *user, const char *hash, long long milliseconds)
{
    ask("EVAL %s 1 %s %s %s " DAY " " DAY, session_script_start, which, user, hash);
    long long created = atoll(ask("HGET %s created", which)->str);
    ask("HSET %s created %lld", which, created - milliseconds);
}

static void a_stale_token_beside_one_that_opens_a_session_ends_nothing(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    start_before(other_key, "7", "i0", 60000);
    redisReply *reply = renew_two("stale", "x", "i0", "i1");
    expect_salts(reply, "s");
    assert_int_equal(reply->element[1]->integer, 1);
    assert_int_equal(ask("EXISTS %s %s", key, other_key)->integer, 2);
}

static void stale_tokens_alone_end_their_sessions(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    start_before(other_key, "7", "i0", 60000);
    assert_string_equal(what(renew_two("stale", "x", "stale", "x")), "mismatch");
    assert_int_equal(ask("EXISTS %s %s", key, other_key)->integer, 0);
}

static void of_two_sessions_the_later_login_counts(void **state)
{
    (void)state;
    start_before(other_key, "8", "i0", 0);
    start_before(key, "7", "h0", 60000);
    redisReply *reply = renew_two("h0", "h1", "i0", "i1");
    assert_int_equal(reply->element[1]->integer, 1);
    assert_string_equal(reply->element[3]->str, "8");
    assert_string_equal(ask("HGET %s hash", key)->str, "h0");
    assert_string_equal(ask("HGET %s hash", other_key)->str, "i1");
}

static void of_two_tokens_of_a_session_the_one_that_counts_is_rotated(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    renew("h0", "s1", "h1", "10000");
    redisReply *reply =
        ask("EVAL %s 3 %s %s %s 10000 " DAY " " DAY " s2 h0 x h1 h2 h0 x", session_script_renew, key, key, key);
    expect_salts(reply, "s2");
    assert_int_equal(reply->element[1]->integer, 1);
    assert_string_equal(ask("HGET %s hash", key)->str, "h2");
}

static void use_renews_the_idle_time_but_not_the_lifetime(void **state)
{
    (void)state;
    start("7", "h0", "60000", DAY);
    renew("h0", "s1", "h1", "10000");
    assert_true(ask("PTTL %s", key)->integer > 86390000);
    /* also when the answer was lost and the token comes again */
    ask("PEXPIRE %s 60000", key);
    renew("h0", "x", "x", "10000");
    assert_true(ask("PTTL %s", key)->integer > 86390000);

    /* given a session that began a day less a minute ago */
    ask("DEL %s", key);
    start_before(key, "7", "h0", 86340000);
    for (int i = 0; i < 2; i++) {
        redisReply *reply = renew("h0", "s1", "h1", "10000");
        assert_true(reply->element[2]->integer > 50000 && reply->element[2]->integer <= 60000);
        assert_true(ask("PTTL %s", key)->integer <= 60000);
    }
}

static void a_session_past_its_lifetime_is_none(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    renew("h0", "s1", "h1", "10000");
    ask("HSET %s created 1", key);
    assert_string_equal(what(renew("h0", "x", "x", "10000")), "none");
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
        expect_salts(renew(hash, "s", next, "60000"), "s");
    }
    assert_int_equal(renew("h6", "x", "x", "60000")->elements, 4 + 64);
    assert_string_equal(what(renew("h5", "x", "x", "60000")), "mismatch");
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

static void a_secret_that_passes_ends_it_too_and_a_later_one_does_not(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    renew("h0", "s1", "h1", "10000");
    renew("h1", "s2", "h2", "10000");
    wait_for_the_grace();
    assert_int_equal(end("h0", "7", "20"), 0);
    assert_int_equal(end("h1", "7", "20"), 1);
}

static void every_session_that_a_token_opens_is_ended_at_once(void **state)
{
    (void)state;
    start("7", "h0", DAY, DAY);
    start_before(other_key, "7", "i0", 0);
    assert_int_equal(ask("EVAL %s 3 %s %s %s 7 20 h0 i0 x", session_script_end, key, other_key, key)->integer, 2);
    assert_int_equal(ask("EXISTS %s %s", key, other_key)->integer, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_session_lasts_the_shorter_of_idle_and_lifetime, forget),
        cmocka_unit_test_setup(a_session_remembers_its_user, forget),
        cmocka_unit_test_setup(the_right_secret_is_replaced, forget),
        cmocka_unit_test_setup(a_rotated_secret_passes_until_its_successor_is_used, forget),
        cmocka_unit_test_setup(within_the_grace_a_rotated_secret_gets_the_salts_to_the_present_one, forget),
        cmocka_unit_test_setup(when_its_successor_was_used_longer_ago_a_secret_ends_the_session, forget),
        cmocka_unit_test_setup(a_session_of_the_version_before_goes_on, forget),
        cmocka_unit_test_setup(a_clock_that_goes_back_leaves_no_gap_in_the_chain, forget),
        cmocka_unit_test_setup(an_unknown_secret_ends_the_session, forget),
        cmocka_unit_test_setup(no_session_is_said_so_and_none_is_made, forget),
        cmocka_unit_test_setup(a_stale_token_beside_one_that_opens_a_session_ends_nothing, forget),
        cmocka_unit_test_setup(stale_tokens_alone_end_their_sessions, forget),
        cmocka_unit_test_setup(of_two_sessions_the_later_login_counts, forget),
        cmocka_unit_test_setup(of_two_tokens_of_a_session_the_one_that_counts_is_rotated, forget),
        cmocka_unit_test_setup(use_renews_the_idle_time_but_not_the_lifetime, forget),
        cmocka_unit_test_setup(a_session_past_its_lifetime_is_none, forget),
        cmocka_unit_test_setup(the_chain_keeps_the_last_64_steps, forget),
        cmocka_unit_test_setup(its_user_ends_a_session_with_the_right_secret_only, forget),
        cmocka_unit_test_setup(a_secret_that_passes_ends_it_too_and_a_later_one_does_not, forget),
        cmocka_unit_test_setup(every_session_that_a_token_opens_is_ended_at_once, forget),
    };
    return cmocka_run_group_tests(tests, connect_redis, disconnect_redis);
}
