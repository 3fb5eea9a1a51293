/*
 * The connection: log-in, outages, stalls. Each test starts, stops and stalls a Redis of its own.
 */
/* cmocka names a macro "fail", so it comes behind the headers that use the word. */
#include "core/log/log.h"
#include "core/redis/address.h"
#include "core/redis/connection.h"
#include "core/redis/redis.h"
#include "tests/unit/support/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/redis/server.h"

#define COMMAND(req, ...)                                                                                              \
    redis_command(req, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *),                              \
                  (const char *const[]){__VA_ARGS__})

static settings *the_settings;
static worker *the_test_worker;
static redis_server the_server;

static int set_up(void **state)
{
    (void)state;
    redis_server_prepare(&the_server, "");
    the_settings = fixture_settings();
    the_settings->redis_address = the_server.socket;
    the_test_worker = fixture_worker_new(the_settings);
    clear_log();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_free(the_test_worker->redis);
    the_test_worker->redis = NULL;
    fixture_worker_free(the_test_worker);
    redis_server_remove(&the_server);
    return 0;
}

static void connect_redis(void)
{
    the_test_worker->redis = redis_new(the_test_worker);
    assert_non_null(the_test_worker->redis);
}

static void ping(tl_request *req, void *arg)
{
    COMMAND(req, "PING");
    *(int *)arg = redis_error(req);
}

static int ping_once(void)
{
    int error = 1;
    fixture_run(the_test_worker, ping, &error);
    logger_flush(the_test_worker->log);
    return error;
}

static void sleep_a_little(tl_request *req, void *arg)
{
    (void)arg;
    request_sleep(req, 20);
}

/* Until Redis answers again; the limit is far above the longest pause between two attempts. */
static int ping_until_it_works(void)
{
    int error = ping_once();
    for (int i = 0; i < 500 && error != TL_OK; i++) {
        fixture_run(the_test_worker, sleep_a_little, NULL);
        error = ping_once();
    }
    return error;
}

static int64_t milliseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void a_command_waits_for_the_first_connect(void **state)
{
    (void)state;
    redis_server_run(&the_server);
    connect_redis();
    assert_int_equal(ping_once(), TL_OK);
}

static void the_connection_has_a_name(void **state)
{
    (void)state;
    redis_server_run(&the_server);
    connect_redis();
    assert_int_equal(ping_once(), TL_OK);
    redisContext *c = redis_server_connect(&the_server);
    redisReply *list = redisCommand(c, "CLIENT LIST");
    assert_non_null(strstr(list->str, " name=talelio "));
    freeReplyObject(list);
    redisFree(c);
}

static void the_right_password_opens(void **state)
{
    (void)state;
    strcpy(the_server.password, "pass word'\"\r\n");
    redis_server_run(&the_server);
    the_settings->redis_password = the_server.password;
    connect_redis();
    assert_int_equal(ping_once(), TL_OK);
}

static void a_wrong_password_is_told_without_showing_it(void **state)
{
    (void)state;
    strcpy(the_server.password, "right-secret");
    redis_server_run(&the_server);
    the_settings->redis_password = "wrong-secret";
    connect_redis();
    assert_int_equal(ping_once(), TL_UNAVAILABLE);
    assert_int_equal(count_in_log("it refuses the password: WRONGPASS"), 1);
    assert_int_equal(count_in_log("secret"), 0);
}

static void a_missing_password_is_told(void **state)
{
    (void)state;
    strcpy(the_server.password, "right-secret");
    redis_server_run(&the_server);
    connect_redis();
    assert_int_equal(ping_once(), TL_UNAVAILABLE);
    assert_int_equal(count_in_log("NOAUTH"), 1);
}

static void a_user_logs_in_by_name(void **state)
{
    (void)state;
    redis_server_run(&the_server);
    redisContext *c = redis_server_connect(&the_server);
    /* Who may not even give the connection a name. */
    freeReplyObject(redisCommand(c, "ACL SETUSER site on >site-secret ~* +ping +select"));
    the_settings->redis_username = "site";
    the_settings->redis_password = "site-secret";
    connect_redis();
    assert_int_equal(ping_once(), TL_OK);
    redisReply *list = redisCommand(c, "CLIENT LIST");
    assert_non_null(strstr(list->str, " user=site "));
    freeReplyObject(list);
    redisFree(c);
}

static void set_number(tl_request *req, void *arg)
{
    (void)arg;
    assert_non_null(COMMAND(req, "SET", "here", "1"));
}

static void the_database_is_chosen(void **state)
{
    (void)state;
    redis_server_run(&the_server);
    the_settings->redis_database = 3;
    connect_redis();
    fixture_run(the_test_worker, set_number, NULL);
    redisContext *c = redis_server_connect(&the_server);
    freeReplyObject(redisCommand(c, "SELECT 3"));
    redisReply *reply = redisCommand(c, "EXISTS here");
    assert_int_equal(reply->integer, 1);
    freeReplyObject(reply);
    redisFree(c);
}

static void a_database_that_does_not_exist_is_told(void **state)
{
    (void)state;
    redis_server_run(&the_server);
    the_settings->redis_database = 9999;
    connect_redis();
    assert_int_equal(ping_once(), TL_UNAVAILABLE);
    assert_int_equal(count_in_log("it refuses the database"), 1);
}

static void a_server_that_comes_later_is_found(void **state)
{
    (void)state;
    connect_redis();
    assert_int_equal(ping_once(), TL_UNAVAILABLE);
    redis_server_run(&the_server);
    assert_int_equal(ping_until_it_works(), TL_OK);
    assert_int_equal(count_in_log("Redis is away"), 1);
    assert_int_equal(count_in_log("Redis is back"), 1);
}

static void an_outage_ends_by_itself_and_the_next_one_begins_anew(void **state)
{
    (void)state;
    redis_server_run(&the_server);
    connect_redis();
    assert_int_equal(ping_once(), TL_OK);
    int64_t first_pause = the_test_worker->redis->backoff;

    /* when the server goes away, then nobody waits, and the pauses between attempts grow */
    redis_server_stop(&the_server);
    int64_t began = milliseconds_now();
    for (int i = 0; i < 30; i++) {
        assert_int_equal(ping_once(), TL_UNAVAILABLE);
        fixture_run(the_test_worker, sleep_a_little, NULL);
    }
    assert_true(milliseconds_now() - began < 20000);
    assert_true(the_test_worker->redis->backoff > first_pause);

    /* when it is there again, then it is found, and the log has each change once */
    redis_server_run(&the_server);
    assert_int_equal(ping_until_it_works(), TL_OK);
    assert_int_equal(count_in_log("Redis is away"), 1);
    assert_int_equal(count_in_log("Redis is back"), 1);

    /* and the next outage is told too, and begins with the short pauses */
    assert_int_equal(the_test_worker->redis->backoff, first_pause);
    redis_server_stop(&the_server);
    assert_int_equal(ping_once(), TL_UNAVAILABLE);
    assert_int_equal(count_in_log("Redis is away"), 2);
}

static void a_stalled_server_holds_nobody(void **state)
{
    (void)state;
    redis_server_run(&the_server);
    the_settings->redis_timeout = 1000;
    connect_redis();
    assert_int_equal(ping_once(), TL_OK);
    kill(the_server.pid, SIGSTOP);
    int64_t began = milliseconds_now();
    assert_int_equal(ping_once(), TL_UNAVAILABLE);
    /* From here on the connection is gone: nobody waits any more. */
    for (int i = 0; i < 100; i++)
        assert_int_equal(ping_once(), TL_UNAVAILABLE);
    assert_true(milliseconds_now() - began < 10000);
    assert_int_equal(count_in_log("Redis is away: no answer in time"), 1);
    kill(the_server.pid, SIGCONT);
    assert_int_equal(ping_until_it_works(), TL_OK);
}

static void a_first_connect_that_stalls_is_not_waited_for_long(void **state)
{
    (void)state;
    redis_server_run(&the_server);
    kill(the_server.pid, SIGSTOP);
    the_settings->redis_timeout = 60000;
    connect_redis();
    int64_t began = milliseconds_now();
    assert_int_equal(ping_once(), TL_UNAVAILABLE);
    assert_true(milliseconds_now() - began < 10000);
    kill(the_server.pid, SIGCONT);
}

static void ping_and_tell(tl_request *req, void *arg)
{
    COMMAND(req, "PING");
    assert_int_equal(redis_error(req), TL_UNAVAILABLE);
    *(bool *)arg = true;
}

static void freeing_while_the_first_connect_is_going_on_ends_the_wait(void **state)
{
    (void)state;
    redis_server_run(&the_server);
    kill(the_server.pid, SIGSTOP);
    connect_redis();
    bool ended = false;
    assert_true(request_start(request_new(the_test_worker, 0), ping_and_tell, &ended));
    redis_free(the_test_worker->redis);
    the_test_worker->redis = NULL;
    assert_true(fixture_until(the_test_worker, &ended, 30000));
    kill(the_server.pid, SIGCONT);
}

static void set_in_full_memory(tl_request *req, void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        assert_null(COMMAND(req, "SET", "key", "value"));
        assert_int_equal(redis_error(req), TL_UNAVAILABLE);
    }
}

static void a_server_in_a_bad_state_counts_as_unavailable(void **state)
{
    (void)state;
    redis_server_run(&the_server);
    redisContext *c = redis_server_connect(&the_server);
    freeReplyObject(redisCommand(c, "CONFIG SET maxmemory 1"));
    redisFree(c);
    connect_redis();
    fixture_run(the_test_worker, set_in_full_memory, NULL);
    logger_flush(the_test_worker->log);
    int lines = count_in_log("Redis answers: OOM");
    assert_true(lines >= 1 && lines < 20);
}

static void a_host_name_is_looked_up(void **state)
{
    (void)state;
    /* A port that was free a moment ago. */
    int probe = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(any);
    assert_int_equal(bind(probe, (struct sockaddr *)&any, size), 0);
    assert_int_equal(getsockname(probe, (struct sockaddr *)&any, &size), 0);
    close(probe);
    snprintf(the_server.port, sizeof(the_server.port), "%d", ntohs(any.sin_port));
    redis_server_run(&the_server);
    char address[64];
    snprintf(address, sizeof(address), "localhost:%s", the_server.port);
    the_settings->redis_address = address;
    connect_redis();
    assert_int_equal(ping_once(), TL_OK);
}

static void a_name_that_nobody_knows_is_unavailable(void **state)
{
    (void)state;
    the_settings->redis_address = "no-such-host.invalid:6379";
    the_settings->redis_timeout = 200;
    connect_redis();
    assert_int_equal(ping_once(), TL_UNAVAILABLE);
}

static void an_address_that_is_none_is_refused(void **state)
{
    (void)state;
    the_settings->redis_address = "localhost";
    the_test_worker->redis = redis_new(the_test_worker);
    assert_null(the_test_worker->redis);
    assert_int_equal(ping_once(), TL_UNAVAILABLE);
    assert_int_equal(count_in_log("[redis] address"), 1);
}

static void addresses_are_told_apart(void **state)
{
    (void)state;
    redis_address a;
    assert_true(redis_address_parse("/run/redis.sock", &a));
    assert_true(a.is_path && strcmp(a.host, "/run/redis.sock") == 0);
    assert_true(redis_address_parse("127.0.0.1:6379", &a));
    assert_true(!a.is_path && !a.is_name && a.port == 6379 && strcmp(a.host, "127.0.0.1") == 0);
    assert_true(redis_address_parse("[::1]:1", &a));
    assert_true(!a.is_name && a.port == 1 && strcmp(a.host, "::1") == 0);
    assert_true(redis_address_parse("redis.example.org:65535", &a));
    assert_true(a.is_name && a.port == 65535);
    static const char *const wrong[] = {
        "",         ":6379", "host",      "host:",         "host:0",        "host:65536", "host:-1", "host:1x",
        "::1:6379", "[::1]", "[::1:6379", "[localhost]:1", "[127.0.0.1]:1", "host: 1",    "host:+1", "a:b:6379",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (redis_address_parse(wrong[i], &a))
            fail_msg("taken for an address: '%s'", wrong[i]);
    char path[200];
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    assert_false(redis_address_parse(path, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_command_waits_for_the_first_connect, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_connection_has_a_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_right_password_opens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_password_is_told_without_showing_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_password_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_user_logs_in_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_database_is_chosen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_that_does_not_exist_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_comes_later_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_outage_ends_by_itself_and_the_next_one_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stalled_server_holds_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_first_connect_that_stalls_is_not_waited_for_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freeing_while_the_first_connect_is_going_on_ends_the_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_in_a_bad_state_counts_as_unavailable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_host_name_is_looked_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_that_nobody_knows_is_unavailable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_address_that_is_none_is_refused, set_up, tear_down),
        cmocka_unit_test(addresses_are_told_apart),
    };
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
