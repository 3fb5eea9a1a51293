/*
 * A database that goes away, falls silent, and comes back.
 */
#include "tests/unit/db/proxy.h"

#include "core/db/private.h"

typedef struct tally {
    int ok;
    int unavailable;
    int other;
    const char *text;
} tally;

static void ask(tl_request *req, int number, void *arg)
{
    tally *t = arg;
    char value[16];
    snprintf(value, sizeof value, "%d", number);
    tl_rows *rows = query(req, t->text ? t->text : "SELECT $1::int", value);
    t->ok += rows != NULL;
    t->unavailable += !rows && db_error(req) == TL_DB_UNAVAILABLE;
    t->other += !rows && db_error(req) != TL_DB_UNAVAILABLE;
}

static tally ask_once(worker *w)
{
    tally t = {0};
    crew all = {.run = ask, .arg = &t};
    crew_start(w, &all, 1);
    crew_wait(w, &all);
    return t;
}

static void test_the_first_statements_wait_for_the_first_connection(void **state)
{
    (void)state;
    proxy *p;
    worker *w = open_pool_behind(fixture_settings(), NULL, &p);
    assert_int_equal(db_state_of(w->db), DB_CONNECTING);
    assert_int_equal(ask_once(w).ok, 1);
    assert_int_equal(db_state_of(w->db), DB_READY);
    close_pool_behind(w, p);
}

static void test_statements_under_way_end_when_the_connection_breaks(void **state)
{
    (void)state;
    proxy *p;
    worker *w = open_pool_behind(fixture_settings(), NULL, &p);
    assert_true(reaches(w, DB_READY));
    tally t = {.text = "SELECT pg_sleep(5), $1::int"};
    crew all = {.run = ask, .arg = &t};
    crew_start(w, &all, 200);
    turn_for(w, 100);
    assert_false(all.done);
    empty_log(w);
    int64_t began = loop_now(w);
    proxy_cut(p);
    crew_wait(w, &all);
    assert_int_equal(t.unavailable, 200);
    assert_true(loop_now(w) - began < 4500); /* before the first sleep is over */

    assert_true(reaches(w, DB_AWAY));
    assert_true(*db_reason(w->db) != '\0');
    tally after = ask_once(w);
    assert_int_equal(after.unavailable, 1);
    turn_for(w, 1500);
    assert_int_equal(log_count(w, "the database is away"), 1);
    close_pool_behind(w, p);
}

/* The next attempt of each comes after the shortest pause again. */
static bool all_begin_anew(const worker *w)
{
    for (size_t i = 0; i < w->db->shared_count; i++) {
        if (w->db->shared[i].attempts != 0)
            return false;
    }
    return true;
}

static void test_service_resumes_within_two_seconds(void **state)
{
    (void)state;
    proxy *p;
    worker *w = open_pool_behind(fixture_settings(), NULL, &p);
    for (int round = 0; round < 3; round++) {
        assert_true(reaches(w, DB_READY));
        assert_int_equal(ask_once(w).ok, 1);
        proxy_cut(p);
        assert_true(reaches(w, DB_AWAY));
        turn_for(w, 1500);
        empty_log(w);
        proxy_open(p);
        assert_true(reaches(w, DB_READY));
        assert_int_equal(ask_once(w).ok, 1);
        assert_int_equal(log_count(w, "the database is back"), 1);
        assert_string_equal(db_reason(w->db), "");
        assert_true(all_come_up(w));
        assert_true(all_begin_anew(w));
    }
    close_pool_behind(w, p);
}

static void test_a_broken_connection_alone_is_no_outage(void **state)
{
    (void)state;
    proxy *p;
    worker *w = open_pool_behind(fixture_settings(), NULL, &p);
    for (int round = 0; round < 20; round++) {
        /* At first the second connection may still be on its way. */
        assert_int_equal(ask_once(w).ok, 1);
        empty_log(w);
        proxy_end_pairs(p);
        turn_for(w, 5);
        assert_int_equal(ask_once(w).ok, 1);
        assert_int_equal(log_count(w, "the database is away"), 0);
    }
    close_pool_behind(w, p);
}

static void test_waiting_for_an_absent_database_is_bounded(void **state)
{
    (void)state;
    proxy *p;
    settings *s = fixture_settings();
    s->db_wait = 400;
    worker *w = open_pool_behind(s, NULL, &p);
    assert_true(reaches(w, DB_READY));
    proxy_cut(p);
    assert_true(reaches(w, DB_AWAY));
    turn_for(w, 100);

    int64_t began = loop_now(w);
    assert_int_equal(ask_once(w).unavailable, 1);
    assert_in_range(loop_now(w) - began, 350, 3000);

    /* One that comes back in time is worth the wait. */
    s->db_wait = 5000;
    tally t = {0};
    crew all = {.run = ask, .arg = &t};
    crew_start(w, &all, 20);
    turn_for(w, 100);
    proxy_open(p);
    crew_wait(w, &all);
    assert_int_equal(t.ok, 20);
    close_pool_behind(w, p);
}

static void test_without_a_wait_requests_fail_at_once(void **state)
{
    (void)state;
    proxy *p;
    worker *w = open_pool_behind(fixture_settings(), NULL, &p);
    assert_true(reaches(w, DB_READY));
    proxy_cut(p);
    assert_true(reaches(w, DB_AWAY));
    tally t = {0};
    crew all = {.run = ask, .arg = &t};
    crew_start(w, &all, 100);
    assert_true(all.done); /* without a turn of the loop */
    assert_int_equal(t.unavailable, 100);
    close_pool_behind(w, p);
}

static void begin(tl_request *req, int number, void *arg)
{
    int *results = arg;
    results[number] = db_begin(req);
    if (results[number] == TL_OK && query(req, "SELECT 1"))
        results[number] = db_commit(req);
}

static void test_transactions_fail_while_away_and_work_again(void **state)
{
    (void)state;
    proxy *p;
    worker *w = open_pool_behind(fixture_settings(), NULL, &p);
    assert_true(reaches(w, DB_READY));
    int results[2] = {9, 9};
    crew all = {.run = begin, .arg = results};
    crew_start(w, &all, 1);
    crew_wait(w, &all);
    assert_int_equal(results[0], TL_OK);
    proxy_cut(p);
    assert_true(reaches(w, DB_AWAY));
    crew_start(w, &all, 1);
    assert_true(all.done);
    assert_int_equal(results[1], TL_UNAVAILABLE);
    proxy_open(p);
    assert_true(reaches(w, DB_READY));
    crew again = {.run = begin, .arg = results};
    crew_start(w, &again, 1);
    crew_wait(w, &again);
    assert_int_equal(results[0], TL_OK);
    close_pool_behind(w, p);
}

typedef struct cut_commit {
    bool is_open; /* the transaction, with a statement of it answered */
    int result;
    tl_db_error error;
} cut_commit;

static void commit_after_cut(tl_request *req, int number, void *arg)
{
    (void)number;
    cut_commit *cut = arg;
    cut->is_open = db_begin(req) == TL_OK && query(req, "SELECT 1") != NULL;
    request_sleep(req, 100);
    cut->result = db_commit(req);
    cut->error = db_error(req);
}

static void test_a_transaction_that_loses_its_connection_is_unavailable(void **state)
{
    (void)state;
    proxy *p;
    worker *w = open_pool_behind(fixture_settings(), NULL, &p);
    cut_commit cut = {.result = TL_OK};
    crew all = {.run = commit_after_cut, .arg = &cut};
    crew_start(w, &all, 1);
    fixture_until(w, &cut.is_open, 20000);
    assert_true(cut.is_open);
    proxy_end_pairs(p);
    crew_wait(w, &all);
    assert_int_equal(cut.result, TL_UNAVAILABLE);
    assert_int_equal(cut.error, TL_DB_UNAVAILABLE);
    close_pool_behind(w, p);
}

static void test_a_server_that_falls_silent(void **state)
{
    (void)state;
    proxy *p;
    settings *s = fixture_settings();
    s->db_query_timeout = 500;
    worker *w = open_pool_behind(s, NULL, &p);
    /* One whose last answer is still on its way would come up afterwards, and nobody would notice its silence. */
    assert_true(all_come_up(w));
    proxy_silence(p, true);
    tally t = {0};
    crew all = {.run = ask, .arg = &t};
    crew_start(w, &all, 50);
    int64_t began = loop_now(w);
    crew_wait(w, &all);
    assert_int_equal(t.unavailable, 50);
    assert_in_range(loop_now(w) - began, 400, 5000);

    /* New connections are taken, and stay silent too: the pool does not make requests wait for them for long. */
    assert_true(reaches(w, DB_AWAY));
    crew after = {.run = ask, .arg = &t};
    crew_start(w, &after, 1);
    assert_true(after.done);

    proxy_silence(p, false);
    assert_true(reaches(w, DB_READY));
    assert_int_equal(ask_once(w).ok, 1);
    close_pool_behind(w, p);
}

static void test_under_load_every_request_gets_an_answer(void **state)
{
    (void)state;
    proxy *p;
    worker *w = open_pool_behind(fixture_settings(), NULL, &p);
    assert_true(reaches(w, DB_READY));
    tally t = {0};
    crew all = {.run = ask, .arg = &t};
    for (int i = 0; i < 1000; i++) {
        crew_start(w, &all, 3);
        if (i % 100 == 50)
            proxy_end_pairs(p);
        if (i == 500)
            proxy_cut(p);
        if (i == 600)
            proxy_open(p);
        turn_for(w, 1);
    }
    crew_wait(w, &all);
    assert_int_equal(t.ok + t.unavailable, 3000);
    assert_true(t.ok > 1000);
    assert_true(t.unavailable > 0);
    assert_true(reaches(w, DB_READY));
    assert_int_equal(w->db->outstanding, 0);
    close_pool_behind(w, p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_statements_wait_for_the_first_connection),
        cmocka_unit_test(test_statements_under_way_end_when_the_connection_breaks),
        cmocka_unit_test(test_service_resumes_within_two_seconds),
        cmocka_unit_test(test_a_broken_connection_alone_is_no_outage),
        cmocka_unit_test(test_waiting_for_an_absent_database_is_bounded),
        cmocka_unit_test(test_without_a_wait_requests_fail_at_once),
        cmocka_unit_test(test_transactions_fail_while_away_and_work_again),
        cmocka_unit_test(test_a_transaction_that_loses_its_connection_is_unavailable),
        cmocka_unit_test(test_a_server_that_falls_silent),
        cmocka_unit_test(test_under_load_every_request_gets_an_answer),
    };
    return cmocka_run_group_tests(tests, make_schema, drop_schema);
}
