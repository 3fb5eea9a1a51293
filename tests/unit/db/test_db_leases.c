/*
 * The connections that transactions lease: limits, order, and getting them back from cancelled requests.
 */
#include "tests/unit/db/database.h"

#include "core/db/private.h"

static int make_tables(void **state)
{
    make_schema(state);
    sql("CREATE TABLE note (id int CONSTRAINT note_id PRIMARY KEY, text text)");
    return 0;
}

static int empty_tables(void **state)
{
    (void)state;
    sql("DELETE FROM note");
    return 0;
}

typedef struct steps {
    bool has_begun[4]; /* or could not */
    int result[4];
    bool rows[4];
    tl_db_error error[4];
} steps;

static void commit_one(tl_request *req, void *arg)
{
    steps *s = arg;
    db_begin(req);
    s->rows[0] = query(req, "INSERT INTO note VALUES (1)") != NULL;
    s->result[0] = db_commit(req);
}

typedef struct turns {
    int order[64];
    int count;
    int inside;
    int most_inside;
} turns;

static void take_a_turn(tl_request *req, int number, void *arg)
{
    turns *t = arg;
    if (db_begin(req) != TL_OK)
        return;
    t->order[t->count++] = number;
    if (++t->inside > t->most_inside)
        t->most_inside = t->inside;
    query(req, "SELECT pg_sleep(0.01)");
    query(req, "SELECT 1");
    t->inside--;
    db_commit(req);
}

static void test_connections_are_limited_and_handed_out_in_order(void **state)
{
    (void)state;
    settings *set = fixture_settings();
    set->db_transactions = 3;
    worker *w = open_pool(set, NULL);
    turns t = {0};
    crew all = {.run = take_a_turn, .arg = &t};
    crew_start(w, &all, 40);
    crew_wait(w, &all);
    assert_int_equal(t.count, 40);
    assert_int_equal(t.most_inside, 3);
    for (int i = 0; i < 40; i++)
        assert_int_equal(t.order[i], i);
    close_pool(w);
}

static void hold(tl_request *req, int number, void *arg)
{
    steps *s = arg;
    s->result[number] = db_begin(req);
    s->error[number] = db_error(req);
    s->has_begun[number] = true;
    if (s->result[number] == TL_OK && query(req, "SELECT 1"))
        while (number == 0 && !s->has_begun[1] && request_sleep(req, 10) == TL_OK)
            ;
}

static void test_waiting_for_a_connection_ends(void **state)
{
    (void)state;
    settings *set = fixture_settings();
    set->db_transactions = 1;
    set->db_query_timeout = 1000;
    worker *w = open_pool(set, NULL);
    steps s = {0};
    crew all = {.run = hold, .arg = &s};
    empty_log(w);
    crew_start(w, &all, 2);
    crew_wait(w, &all);
    assert_int_equal(s.result[0], TL_OK);
    assert_int_equal(s.result[1], TL_UNAVAILABLE);
    assert_int_equal(s.error[1], TL_DB_UNAVAILABLE);
    assert_int_equal(log_count(w, "([postgres] transactions)"), 1);
    close_pool(w);
}

static void test_a_cancelled_wait_for_a_connection_leaves_the_queue(void **state)
{
    (void)state;
    settings *set = fixture_settings();
    set->db_transactions = 1;
    worker *w = open_pool(set, NULL);
    steps s = {0};
    crew all = {.run = hold, .arg = &s};
    crew_start(w, &all, 1);
    turn_for(w, 100);
    tl_request *second = crew_add(w, &all);
    crew_add(w, &all);
    request_cancel(second, false);
    crew_wait(w, &all);
    assert_int_equal(s.result[0], TL_OK);
    assert_int_equal(s.result[1], TL_CANCELLED);
    assert_int_equal(s.error[1], TL_DB_CANCELLED);
    assert_int_equal(s.result[2], TL_OK);
    close_pool(w);
}

static void sleep_in_transaction(tl_request *req, int number, void *arg)
{
    steps *s = arg;
    s->result[number] = db_begin(req);
    if (number % 2 == 0)
        s->rows[number] = query(req, "SELECT pg_sleep(5), $1::text", "x") != NULL;
    else
        s->rows[number] = query(req, "INSERT INTO note VALUES (7)") != NULL;
    s->error[number] = db_error(req);
    if (number % 2 == 1)
        s->result[number] = db_commit(req);
}

static void test_a_cancelled_statement_gives_its_connection_back(void **state)
{
    (void)state;
    settings *set = fixture_settings();
    set->db_transactions = 1;
    worker *w = open_pool(set, NULL);
    steps s = {0};
    crew all = {.run = sleep_in_transaction, .arg = &s};
    tl_request *sleeper = crew_add(w, &all);
    turn_for(w, 100);
    crew_add(w, &all);
    request_cancel(sleeper, true);
    crew_wait(w, &all);
    assert_int_equal(s.error[0], TL_DB_CANCELLED);
    assert_true(s.rows[1]); /* long before the sleep is over */
    assert_int_equal(s.result[1], TL_OK);

    /* The server ends what nobody waits for. */
    int running = 1;
    for (int i = 0; i < 100 && running > 0; i++) {
        usleep(30000);
        running = atoi(sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE "
                           "'SELECT pg_sleep(5)%' AND pid <> pg_backend_pid()"));
    }
    assert_int_equal(running, 0);
    close_pool(w);
}

/* Turns the loop until somebody has the connection, or until it is back and clean. */
static bool comes_into_use(worker *w, const connection *c, bool in_use)
{
    for (int waited = 0; waited < 20000; waited += 5) {
        if (c->state == LINK_READY && !c->cleaning && (c->session != NULL) == in_use)
            return true;
        turn_for(w, 5);
    }
    return false;
}

static void test_only_an_unused_connection_is_closed_after_a_while(void **state)
{
    (void)state;
    settings *set = fixture_settings();
    set->db_transactions = 1;
    worker *w = open_pool(set, NULL);
    const connection *c = &w->db->leased[0];
    steps s = {0};

    /* given a transaction, then its connection has no time limit */
    crew all = {.run = hold, .arg = &s};
    tl_request *holder = crew_add(w, &all);
    assert_true(comes_into_use(w, c, true));
    assert_false(event_pending(c->timer, EV_TIMEOUT, NULL));

    /* when it has ended, then the connection stays open for a minute */
    request_cancel(holder, false);
    crew_wait(w, &all);
    assert_true(comes_into_use(w, c, false));
    struct timeval end, now;
    assert_true(event_pending(c->timer, EV_TIMEOUT, &end));
    evutil_gettimeofday(&now, NULL);
    assert_in_range(end.tv_sec - now.tv_sec, LEASE_IDLE / 2000, LEASE_IDLE / 1000);

    /* when the minute is over, then it is closed, and the next transaction opens another */
    event_active(c->timer, EV_TIMEOUT, 0);
    turn_for(w, 0);
    assert_int_equal(c->state, LINK_DOWN);
    fixture_run(w, commit_one, &s);
    assert_int_equal(s.result[0], TL_OK);
    close_pool(w);
}

static void cancel_soon(tl_request *req, int number, void *arg)
{
    int *oks = arg;
    if (db_begin(req) != TL_OK)
        return;
    query(req, "SELECT pg_sleep(0.001)");
    query(req, "SELECT 2");
    *oks += db_commit(req) == TL_OK && number >= 0;
}

static void test_cancelling_hundreds_of_transactions_anywhere(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    int oks = 0;
    crew all = {.run = cancel_soon, .arg = &oks};
    for (int i = 0; i < 300; i++) {
        crew_add(w, &all);
        for (int turn = 0; turn < i % 7; turn++)
            event_base_loop(w->base, EVLOOP_NONBLOCK);
        if (i % 20 == 19)
            request_cancel_all(w->requests);
    }
    crew_wait(w, &all);
    int before = oks;
    steps s = {0};
    fixture_run(w, commit_one, &s);
    assert_int_equal(s.result[0], TL_OK);
    assert_true(before < 300);
    close_pool(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_connections_are_limited_and_handed_out_in_order, empty_tables),
        cmocka_unit_test_setup(test_waiting_for_a_connection_ends, empty_tables),
        cmocka_unit_test_setup(test_a_cancelled_wait_for_a_connection_leaves_the_queue, empty_tables),
        cmocka_unit_test_setup(test_a_cancelled_statement_gives_its_connection_back, empty_tables),
        cmocka_unit_test_setup(test_only_an_unused_connection_is_closed_after_a_while, empty_tables),
        cmocka_unit_test_setup(test_cancelling_hundreds_of_transactions_anywhere, empty_tables),
    };
    return cmocka_run_group_tests(tests, make_tables, drop_schema);
}
