/*
 * What bounds a statement: the queue, the time limit, its request's end; and slow statements beside fast ones.
 */
#include "tests/unit/db/database.h"

#include "core/db/private.h"

typedef struct tally {
    int ok;
    int unavailable;
    int cancelled;
    int other;
    const char *text;
} tally;

static void count(tally *t, const tl_request *req, const tl_rows *rows)
{
    tl_db_error error = db_error(req);
    t->ok += rows != NULL;
    t->unavailable += !rows && error == TL_DB_UNAVAILABLE;
    t->cancelled += !rows && error == TL_DB_CANCELLED;
    t->other += !rows && error != TL_DB_UNAVAILABLE && error != TL_DB_CANCELLED;
}

static void ask(tl_request *req, int number, void *arg)
{
    tally *t = arg;
    char value[16];
    snprintf(value, sizeof value, "%d", number);
    count(t, req, query(req, t->text, value));
}

static void test_a_full_queue_refuses_at_once(void **state)
{
    (void)state;
    settings *s = fixture_settings();
    s->db_queue = 10;
    worker *w = open_pool(s, NULL);
    assert_true(reaches(w, DB_READY));
    tally t = {.text = "SELECT $1::int"};
    crew all = {.run = ask, .arg = &t};
    empty_log(w);
    crew_start(w, &all, 50);
    assert_int_equal(t.unavailable, 40);
    crew_wait(w, &all);
    assert_int_equal(t.ok, 10);
    assert_int_equal(log_count(w, "([postgres] queue)"), 1);

    crew again = {.run = ask, .arg = &t};
    crew_start(w, &again, 10);
    crew_wait(w, &again);
    assert_int_equal(t.ok, 20);
    close_pool(w);
}

static void test_more_statements_than_fit_on_the_connections(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    tally t = {.text = "SELECT $1::int"};
    crew all = {.run = ask, .arg = &t};
    crew_start(w, &all, 1500);
    crew_wait(w, &all);
    assert_int_equal(t.ok, 1500);
    close_pool(w);
}

static void test_a_statement_ends_at_the_time_limit(void **state)
{
    (void)state;
    settings *s = fixture_settings();
    s->db_query_timeout = 200;
    worker *w = open_pool(s, NULL);
    tally t = {.text = "SELECT pg_sleep(10), $1::int"};
    crew all = {.run = ask, .arg = &t};
    int64_t began = loop_now(w);
    empty_log(w);
    crew_start(w, &all, 1);
    crew_wait(w, &all);
    assert_int_equal(t.unavailable, 1);
    assert_in_range(loop_now(w) - began, 150, 9000);
    assert_int_equal(log_count(w, "failed: 57014 "), 1);
    assert_int_equal(db_state_of(w->db), DB_READY);
    close_pool(w);
}

static void test_cancelling_1000_queued_statements(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    assert_true(reaches(w, DB_READY));
    tally t = {.text = "SELECT $1::int"};
    crew all = {.run = ask, .arg = &t};
    crew_start(w, &all, 1000);
    request_cancel_all(w->requests);
    crew_wait(w, &all);
    assert_int_equal(t.cancelled, 1000);
    assert_int_equal(w->db->outstanding, 0);

    crew after = {.run = ask, .arg = &t};
    crew_start(w, &after, 1);
    crew_wait(w, &after);
    assert_int_equal(t.ok, 1);
    close_pool(w);
}

static void test_cancelling_1000_statements_under_way(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    assert_true(reaches(w, DB_READY));
    tally t = {.text = "SELECT pg_sleep(0.005), $1::int"};
    for (int round = 0; round < 10; round++) {
        crew all = {.run = ask, .arg = &t};
        crew_start(w, &all, 100);
        /* When all have ended there is nothing more to wait for. */
        for (int turn = 0; turn <= round && !all.done; turn++)
            event_base_loop(w->base, EVLOOP_ONCE);
        request_cancel_all(w->requests);
        crew_wait(w, &all);
    }
    assert_int_equal(t.ok + t.cancelled, 1000);
    assert_true(t.cancelled > 500);

    /* Their answers are thrown away, not given to others. */
    tally after = {.text = "SELECT $1::int"};
    crew all = {.run = ask, .arg = &after};
    crew_start(w, &all, 100);
    crew_wait(w, &all);
    assert_int_equal(after.ok, 100);
    assert_int_equal(w->db->outstanding, 0);
    close_pool(w);
}

static void ask_cancelled(tl_request *req, void *arg)
{
    tally *t = arg;
    request_cancel(req, false);
    count(t, req, query(req, "SELECT 1"));
}

static void test_a_cancelled_request_asks_nothing(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    tally t = {0};
    fixture_run(w, ask_cancelled, &t);
    assert_int_equal(t.cancelled, 1);
    close_pool(w);
}

static void test_a_slow_statement_does_not_hold_up_the_fast_ones(void **state)
{
    (void)state;
    /* given one that waits for a lock until it is let go */
    char lock[64];
    snprintf(lock, sizeof lock, "SELECT pg_advisory_lock(%d), $1::int", (int)getpid());
    PGconn *holder = PQconnectdb(url_of_server());
    PQclear(PQexecParams(holder, lock, 1, NULL, (const char *const[]){"0"}, NULL, NULL, 0));
    settings *s = fixture_settings();
    s->db_query_timeout = 60000;
    worker *w = open_pool(s, NULL);
    assert_true(reaches(w, DB_READY));
    tally slow = {.text = lock}, fast = {.text = "SELECT $1::int"};
    crew slow_one = {.run = ask, .arg = &slow};
    crew_start(w, &slow_one, 1);
    turn_for(w, 3 * CONNECTION_STUCK);
    for (int i = 0; i < 100; i++) {
        crew fast_ones = {.run = ask, .arg = &fast};
        crew_start(w, &fast_ones, 5);
        crew_wait(w, &fast_ones);
    }
    assert_int_equal(fast.ok, 500);
    assert_int_equal(slow.ok, 0);
    PQfinish(holder);
    crew_wait(w, &slow_one);
    assert_int_equal(slow.ok, 1);
    close_pool(w);
}

static void test_the_end_of_the_pool_ends_statements(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    assert_true(reaches(w, DB_READY));
    tally t = {.text = "SELECT pg_sleep(5), $1::int"};
    crew all = {.run = ask, .arg = &t};
    crew_start(w, &all, 300);
    turn_for(w, 50);
    db_free(w->db);
    w->db = NULL;
    crew_wait(w, &all);
    assert_int_equal(t.unavailable, 300);
    fixture_worker_free(w);
}

typedef struct outcome {
    tl_db_error error;
    bool has_rows;
} outcome;

static void ask_for_eight_megabytes(tl_request *req, void *arg)
{
    outcome *o = arg;
    o->has_rows = query(req, "SELECT repeat('x', 1000) FROM generate_series(1, $1::int)", "8000") != NULL;
    o->error = db_error(req);
}

static void ask_for_little(tl_request *req, void *arg)
{
    outcome *o = arg;
    o->has_rows = query(req, "SELECT $1::int", "1") != NULL;
    o->error = db_error(req);
}

static void test_a_result_larger_than_a_request_may_take_fails(void **state)
{
    (void)state;
    settings *s = fixture_settings();
    s->request_memory = 1 << 20;
    worker *w = open_pool(s, NULL);
    assert_true(reaches(w, DB_READY));
    empty_log(w);

    /* when a statement has such a result, then it has failed, and the log shows it */
    outcome large = {0}, small = {0};
    fixture_run(w, ask_for_eight_megabytes, &large);
    assert_false(large.has_rows);
    assert_int_equal(large.error, TL_DB_FAILED);
    assert_int_equal(log_count(w, "larger than 1 MiB ([server] request_memory): SELECT repeat"), 1);

    /* and others are answered */
    assert_true(reaches(w, DB_READY));
    fixture_run(w, ask_for_little, &small);
    assert_true(small.has_rows);
    close_pool(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_queue_refuses_at_once),
        cmocka_unit_test(test_a_result_larger_than_a_request_may_take_fails),
        cmocka_unit_test(test_more_statements_than_fit_on_the_connections),
        cmocka_unit_test(test_a_statement_ends_at_the_time_limit),
        cmocka_unit_test(test_cancelling_1000_queued_statements),
        cmocka_unit_test(test_cancelling_1000_statements_under_way),
        cmocka_unit_test(test_a_cancelled_request_asks_nothing),
        cmocka_unit_test(test_a_slow_statement_does_not_hold_up_the_fast_ones),
        cmocka_unit_test(test_the_end_of_the_pool_ends_statements),
    };
    return cmocka_run_group_tests(tests, make_schema, drop_schema);
}
