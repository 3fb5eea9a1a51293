/*
 * Transactions: commit, rollback, and failures.
 */
#include "tests/unit/db/database.h"

static int make_tables(void **state)
{
    make_schema(state);
    sql("CREATE TABLE note (id int CONSTRAINT note_id PRIMARY KEY, text text)");
    sql("CREATE TABLE later (id int CONSTRAINT later_id UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    return 0;
}

static int empty_tables(void **state)
{
    (void)state;
    sql("DELETE FROM note");
    sql("DELETE FROM later");
    return 0;
}

static int notes(void)
{
    return atoi(sql("SELECT count(*) FROM note"));
}

typedef struct steps {
    int result[8];
    bool rows[8];
    tl_db_error error[8];
    char constraint[64];
    int seen; /* by a single statement beside the transaction */
} steps;

static void commit_one(tl_request *req, void *arg)
{
    steps *s = arg;
    s->result[0] = db_begin(req);
    s->rows[0] = query(req, "INSERT INTO note VALUES (1, $1)", "one") != NULL;
    s->seen = notes();
    s->result[1] = db_commit(req);
    s->error[1] = db_error(req);
    tl_rows *rows = query(req, "SELECT count(*) FROM note");
    s->result[2] = rows ? (int)db_integer(rows, 0, "count") : -1;
}

static void test_what_is_committed_stays(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    steps s = {0};
    fixture_run(w, commit_one, &s);
    assert_int_equal(s.result[0], TL_OK);
    assert_true(s.rows[0]);
    assert_int_equal(s.seen, 0);
    assert_int_equal(s.result[1], TL_OK);
    assert_int_equal(s.error[1], TL_DB_OK);
    assert_int_equal(s.result[2], 1);
    close_pool(w);
}

static void change_for_head(tl_request *req, void *arg)
{
    steps *s = arg;
    req->changes_nothing = true;
    tl_rows *rows = query(req, "INSERT INTO note VALUES (1, 'x') RETURNING text");
    s->rows[0] = rows && strcmp(db_text(rows, 0, "text"), "x") == 0;
    s->rows[1] = query(req, "WITH new AS (INSERT INTO note VALUES (1) RETURNING id) SELECT id FROM new") != NULL;
    s->result[0] = db_begin(req);
    s->rows[2] = query(req, "INSERT INTO note VALUES (2, 'y')") != NULL;
    s->rows[3] = query(req, "INSERT INTO note VALUES (2, 'y')") != NULL;
    s->error[3] = db_error(req);
    s->result[1] = db_rollback(req);
    s->result[2] = db_begin(req);
    s->rows[4] = query(req, "INSERT INTO note VALUES (2, 'y')") != NULL;
    s->result[3] = db_commit(req);
    s->rows[5] = query(req, "INSERT INTO nowhere VALUES (1)") != NULL;
    s->error[5] = db_error(req);
    rows = query(req, "SELECT count(*) FROM note");
    s->result[4] = rows ? (int)db_integer(rows, 0, "count") : -1;
}

static void test_what_changes_nothing_is_answered_and_not_kept(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    steps s = {0};
    fixture_run(w, change_for_head, &s);
    assert_true(s.rows[0] && s.rows[1] && s.rows[2] && s.rows[4]);
    assert_false(s.rows[3] || s.rows[5]);
    assert_int_equal(s.error[3], TL_DB_UNIQUE);
    assert_int_equal(s.error[5], TL_DB_FAILED);
    for (int i = 0; i < 5; i++)
        assert_int_equal(s.result[i], TL_OK);
    assert_int_equal(notes(), 0);
    close_pool(w);
}

static void roll_back(tl_request *req, void *arg)
{
    steps *s = arg;
    s->result[0] = db_begin(req);
    s->rows[0] = query(req, "INSERT INTO note VALUES (1)") != NULL;
    s->result[1] = db_rollback(req);
    s->result[2] = db_rollback(req); /* nothing to do */
    tl_rows *rows = query(req, "INSERT INTO note VALUES (1) RETURNING id");
    s->rows[1] = rows != NULL;
}

static void test_what_is_rolled_back_is_gone(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    steps s = {0};
    fixture_run(w, roll_back, &s);
    assert_int_equal(s.result[0], TL_OK);
    assert_true(s.rows[0]);
    assert_int_equal(s.result[1], TL_OK);
    assert_int_equal(s.result[2], TL_OK);
    assert_true(s.rows[1]);
    assert_int_equal(notes(), 1);
    close_pool(w);
}

static void leave_open(tl_request *req, void *arg)
{
    steps *s = arg;
    s->result[0] = db_begin(req);
    s->rows[0] = query(req, "INSERT INTO note VALUES (1)") != NULL;
}

static void test_the_end_of_the_request_rolls_back(void **state)
{
    (void)state;
    settings *set = fixture_settings();
    set->db_transactions = 1;
    worker *w = open_pool(set, NULL);
    steps s = {0};
    fixture_run(w, leave_open, &s);
    assert_true(s.rows[0]);

    /* The next one gets the same connection, and it is clean. */
    steps next = {0};
    fixture_run(w, commit_one, &next);
    assert_int_equal(next.result[1], TL_OK);
    assert_int_equal(notes(), 1);
    close_pool(w);
}

static void commit_after_failure(tl_request *req, void *arg)
{
    steps *s = arg;
    s->result[0] = db_begin(req);
    s->rows[0] = query(req, "INSERT INTO note VALUES (1)") != NULL;
    s->rows[1] = query(req, "INSERT INTO note VALUES (1)") != NULL;
    s->error[1] = db_error(req);
    s->rows[2] = query(req, "INSERT INTO note VALUES (2)") != NULL;
    s->error[2] = db_error(req);
    s->result[3] = db_commit(req);
    s->error[3] = db_error(req);
    s->rows[4] = query(req, "SELECT 1") != NULL;
}

static void test_commit_of_a_failed_transaction_fails(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    steps s = {0};
    fixture_run(w, commit_after_failure, &s);
    assert_true(s.rows[0]);
    assert_false(s.rows[1]);
    assert_int_equal(s.error[1], TL_DB_UNIQUE);
    assert_false(s.rows[2]);
    assert_int_equal(s.error[2], TL_DB_FAILED);
    assert_int_equal(s.result[3], TL_ERROR);
    assert_int_equal(s.error[3], TL_DB_FAILED);
    assert_true(s.rows[4]);
    assert_int_equal(notes(), 0);
    close_pool(w);
}

static void violate_at_commit(tl_request *req, void *arg)
{
    steps *s = arg;
    db_begin(req);
    s->rows[0] = query(req, "INSERT INTO later VALUES (1), (1)") != NULL;
    s->result[0] = db_commit(req);
    s->error[0] = db_error(req);
    snprintf(s->constraint, sizeof s->constraint, "%s", db_constraint(req));
}

static void test_a_deferred_constraint_fails_the_commit(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    steps s = {0};
    fixture_run(w, violate_at_commit, &s);
    assert_true(s.rows[0]);
    assert_int_equal(s.result[0], TL_ERROR);
    assert_int_equal(s.error[0], TL_DB_UNIQUE);
    assert_string_equal(s.constraint, "later_id");
    close_pool(w);
}

static void misuse(tl_request *req, void *arg)
{
    steps *s = arg;
    s->result[0] = db_commit(req);
    s->result[1] = db_begin(req);
    s->rows[0] = query(req, "INSERT INTO note VALUES (1)") != NULL;
    s->result[2] = db_begin(req);
    s->error[2] = db_error(req);
    s->rows[1] = query(req, "COMMIT") != NULL;
    s->rows[2] = query(req, "INSERT INTO note VALUES (2)") != NULL;
    s->result[3] = db_commit(req);
}

static void test_a_second_begin_and_a_lone_commit_are_mistakes(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    steps s = {0};
    empty_log(w);
    fixture_run(w, misuse, &s);
    assert_int_equal(s.result[0], TL_ERROR);
    assert_int_equal(s.result[1], TL_OK);
    assert_true(s.rows[0]);
    assert_int_equal(s.result[2], TL_ERROR);
    assert_int_equal(s.error[2], TL_DB_FAILED);
    assert_false(s.rows[1]);
    assert_true(s.rows[2]);
    assert_int_equal(s.result[3], TL_OK);
    assert_int_equal(notes(), 2);
    assert_int_equal(log_count(w, "mistake in the plugin"), 3);
    close_pool(w);
}

static void set_locally(tl_request *req, void *arg)
{
    steps *s = arg;
    db_begin(req);
    s->rows[0] = query(req, "SET LOCAL lock_timeout = '123ms'") != NULL;
    tl_rows *rows = query(req, "SELECT current_setting('lock_timeout') AS value");
    s->rows[1] = rows && strcmp(db_text(rows, 0, "value"), "123ms") == 0;
    s->rows[2] = query(req, "SAVEPOINT here") != NULL;
    s->rows[3] = query(req, "SELECT 1 / 0") != NULL;
    s->rows[4] = query(req, "ROLLBACK TO here") != NULL;
    s->rows[5] = query(req, "INSERT INTO note VALUES (1)") != NULL;
    s->result[0] = db_commit(req);
    s->result[1] = db_begin(req);
    rows = query(req, "SELECT current_setting('lock_timeout') AS value, "
                      "current_setting('transaction_isolation') AS isolation");
    s->rows[6] = rows && strcmp(db_text(rows, 0, "value"), "123ms") != 0 &&
                 strcmp(db_text(rows, 0, "isolation"), "read committed") == 0;
    s->result[2] = db_commit(req);
}

static void test_set_local_and_savepoints(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    steps s = {0};
    fixture_run(w, set_locally, &s);
    assert_true(s.rows[0] && s.rows[1] && s.rows[2]);
    assert_false(s.rows[3]);
    assert_true(s.rows[4] && s.rows[5] && s.rows[6]);
    assert_int_equal(s.result[0], TL_OK);
    assert_int_equal(s.result[2], TL_OK);
    assert_int_equal(notes(), 1);
    close_pool(w);
}

static void do_nothing(tl_request *req, void *arg)
{
    steps *s = arg;
    s->result[0] = db_begin(req);
    s->result[1] = db_commit(req);
    s->result[2] = db_begin(req);
    s->result[3] = db_rollback(req);
    s->result[4] = db_begin(req);
}

static void test_an_empty_transaction(void **state)
{
    (void)state;
    settings *set = fixture_settings();
    set->db_transactions = 1;
    worker *w = open_pool(set, NULL);
    for (int i = 0; i < 3; i++) {
        steps s = {.result = {9, 9, 9, 9, 9}};
        fixture_run(w, do_nothing, &s);
        for (int step = 0; step < 5; step++)
            assert_int_equal(s.result[step], TL_OK);
    }
    close_pool(w);
}

static void kill_own_backend(tl_request *req, void *arg)
{
    steps *s = arg;
    db_begin(req);
    s->rows[0] = query(req, "INSERT INTO note VALUES (1)") != NULL;
    s->rows[1] = query(req, "SELECT pg_terminate_backend(pg_backend_pid())") != NULL;
    s->error[1] = db_error(req);
    request_sleep(req, 50);
    s->rows[2] = query(req, "INSERT INTO note VALUES (2)") != NULL;
    s->error[2] = db_error(req);
    s->result[3] = db_commit(req);
    s->result[4] = db_begin(req);
    s->rows[5] = query(req, "INSERT INTO note VALUES (3)") != NULL;
    s->result[5] = db_commit(req);
}

static void test_after_its_connection_has_broken_nothing_runs_outside(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    steps s = {0};
    fixture_run(w, kill_own_backend, &s);
    assert_true(s.rows[0]);
    assert_false(s.rows[1]);
    assert_int_equal(s.error[1], TL_DB_UNAVAILABLE);
    assert_false(s.rows[2]);
    assert_int_equal(s.error[2], TL_DB_UNAVAILABLE);
    assert_int_equal(s.result[3], TL_UNAVAILABLE);
    assert_int_equal(s.result[4], TL_OK);
    assert_true(s.rows[5]);
    assert_int_equal(s.result[5], TL_OK);
    assert_string_equal(sql("SELECT string_agg(id::text, ',') FROM note"), "3");
    close_pool(w);
}

static void serialize(tl_request *req, void *arg)
{
    steps *s = arg;
    query(req, "INSERT INTO note VALUES (1, 'a')");
    db_begin(req);
    query(req, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    query(req, "SELECT * FROM note");
    sql("UPDATE note SET text = 'b'");
    s->rows[0] = query(req, "UPDATE note SET text = 'c'") != NULL;
    s->error[0] = db_error(req);
}

static void test_a_serialization_failure_may_be_repeated(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    steps s = {0};
    fixture_run(w, serialize, &s);
    assert_false(s.rows[0]);
    assert_int_equal(s.error[0], TL_DB_RETRY);
    close_pool(w);
}

static void write_where_only_reading_is_allowed(tl_request *req, void *arg)
{
    steps *s = arg;
    db_begin(req);
    query(req, "SET TRANSACTION READ ONLY");
    s->rows[0] = query(req, "INSERT INTO note VALUES (1)") != NULL;
    s->error[0] = db_error(req);
    db_rollback(req);
    s->rows[1] = query(req, "INSERT INTO note VALUES (1) RETURNING id") != NULL;
}

static void test_a_database_that_has_become_read_only_is_unavailable_and_logged(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    steps s = {0};
    empty_log(w);
    fixture_run(w, write_where_only_reading_is_allowed, &s);
    assert_false(s.rows[0]);
    assert_int_equal(s.error[0], TL_DB_UNAVAILABLE);
    assert_int_equal(log_count(w, "failed: 25006 "), 1);
    assert_true(s.rows[1]);
    close_pool(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_is_committed_stays, empty_tables),
        cmocka_unit_test_setup(test_what_changes_nothing_is_answered_and_not_kept, empty_tables),
        cmocka_unit_test_setup(test_what_is_rolled_back_is_gone, empty_tables),
        cmocka_unit_test_setup(test_the_end_of_the_request_rolls_back, empty_tables),
        cmocka_unit_test_setup(test_commit_of_a_failed_transaction_fails, empty_tables),
        cmocka_unit_test_setup(test_a_deferred_constraint_fails_the_commit, empty_tables),
        cmocka_unit_test_setup(test_a_second_begin_and_a_lone_commit_are_mistakes, empty_tables),
        cmocka_unit_test_setup(test_set_local_and_savepoints, empty_tables),
        cmocka_unit_test_setup(test_an_empty_transaction, empty_tables),
        cmocka_unit_test_setup(test_after_its_connection_has_broken_nothing_runs_outside, empty_tables),
        cmocka_unit_test_setup(test_a_serialization_failure_may_be_repeated, empty_tables),
        cmocka_unit_test_setup(test_a_database_that_has_become_read_only_is_unavailable_and_logged, empty_tables),
    };
    return cmocka_run_group_tests(tests, make_tables, drop_schema);
}
