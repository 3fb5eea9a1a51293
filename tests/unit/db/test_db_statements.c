/*
 * Single statements on shared connections: errors and what they mean, neighbours, prepared statements.
 */
#include "tests/unit/db/database.h"

#include "core/db/private.h"

typedef struct outcome {
    bool ok;
    tl_db_error error;
    char constraint[64];
} outcome;

static outcome outcome_of(tl_request *req, const tl_rows *rows)
{
    outcome o = {.ok = rows != NULL, .error = db_error(req)};
    snprintf(o.constraint, sizeof o.constraint, "%s", db_constraint(req));
    return o;
}

static void break_constraints(tl_request *req, void *arg)
{
    outcome *o = arg;
    o[0] = outcome_of(req, query(req, "CREATE TABLE person (id int CONSTRAINT person_id PRIMARY KEY, "
                                      "name varchar(3) NOT NULL, age int CONSTRAINT person_age CHECK (age >= 0), "
                                      "parent int CONSTRAINT person_parent REFERENCES person (id))"));
    o[1] = outcome_of(req, query(req, "INSERT INTO person VALUES ($1, $2)", "1", "one"));
    o[2] = outcome_of(req, query(req, "INSERT INTO person VALUES ($1, $2)", "1", "uno"));
    o[3] = outcome_of(req, query(req, "INSERT INTO person VALUES (2, 'two', NULL, 7)"));
    o[4] = outcome_of(req, query(req, "INSERT INTO person VALUES (3, 'tri', -1)"));
    o[5] = outcome_of(req, query(req, "INSERT INTO person VALUES (4, NULL)"));
    o[6] = outcome_of(req, query(req, "INSERT INTO person VALUES (5, 'cinq')"));
    o[7] = outcome_of(req, query(req, "SELECT count(*) FROM person"));
}

static void test_violations_are_told_apart_and_not_logged(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    outcome o[8];
    empty_log(w);
    fixture_run(w, break_constraints, o);

    assert_true(o[0].ok && o[1].ok);
    assert_int_equal(o[1].error, TL_DB_OK);
    assert_int_equal(o[2].error, TL_DB_UNIQUE);
    assert_string_equal(o[2].constraint, "person_id");
    assert_int_equal(o[3].error, TL_DB_FOREIGN_KEY);
    assert_string_equal(o[3].constraint, "person_parent");
    assert_int_equal(o[4].error, TL_DB_CHECK);
    assert_string_equal(o[4].constraint, "person_age");
    assert_int_equal(o[5].error, TL_DB_CHECK);
    assert_string_equal(o[5].constraint, "");
    assert_int_equal(o[6].error, TL_DB_CHECK);
    assert_true(o[7].ok);
    assert_int_equal(o[7].error, TL_DB_OK);
    assert_int_equal(log_count(w, "statement failed"), 0);
    close_pool(w);
}

static void fail_with_a_secret(tl_request *req, void *arg)
{
    outcome *o = arg;
    o[0] = outcome_of(req, query(req, "SELECT $1::int AS number", "hunter2"));
    o[1] = outcome_of(req, query(req, "SELECT no_such_column"));
    o[2] = outcome_of(req, query(req, ""));
}

static void test_other_failures_are_logged_without_parameters(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    outcome o[3];
    empty_log(w);
    fixture_run(w, fail_with_a_secret, o);
    assert_int_equal(o[0].error, TL_DB_FAILED);
    assert_int_equal(o[1].error, TL_DB_FAILED);
    assert_int_equal(o[2].error, TL_DB_FAILED);
    assert_int_equal(log_count(w, "failed: 22P02 "), 1);
    assert_int_equal(log_count(w, "SELECT $1::int AS number"), 1);
    assert_int_equal(log_count(w, "failed: 42703 "), 1);
    assert_int_equal(log_count(w, "an empty statement"), 1);
    assert_int_equal(log_count(w, "hunter2"), 0);
    close_pool(w);
}

/* SQLSTATEs as a server sends them that goes on; `logged`: the log quotes the statement. */
static const struct {
    const char *state;
    tl_db_error error;
    bool logged;
} kinds[] = {
    {"08P01", TL_DB_FAILED, true},      /* protocol_violation: the wrong number of parameters */
    {"08001", TL_DB_UNAVAILABLE, true}, /* of dblink and postgres_fdw: the server behind is away */
    {"0A000", TL_DB_FAILED, true},      /* feature_not_supported */
    {"22001", TL_DB_CHECK, false},      /* string_data_right_truncation */
    {"22003", TL_DB_FAILED, true},      /* numeric_value_out_of_range */
    {"22P02", TL_DB_FAILED, true},      /* invalid_text_representation */
    {"23001", TL_DB_FOREIGN_KEY, false},
    {"23502", TL_DB_CHECK, false},
    {"23503", TL_DB_FOREIGN_KEY, false},
    {"23505", TL_DB_UNIQUE, false},
    {"23514", TL_DB_CHECK, false},
    {"23P01", TL_DB_UNIQUE, false},     /* exclusion_violation */
    {"25006", TL_DB_UNAVAILABLE, true}, /* read_only_sql_transaction */
    {"25P02", TL_DB_FAILED, true},      /* in_failed_sql_transaction */
    {"26000", TL_DB_FAILED, true},      /* the plugin's own EXECUTE */
    {"40001", TL_DB_RETRY, true},
    {"40003", TL_DB_FAILED, true}, /* statement_completion_unknown: must not be repeated */
    {"40P01", TL_DB_RETRY, true},
    {"42501", TL_DB_FAILED, true},      /* insufficient_privilege */
    {"42P01", TL_DB_FAILED, true},      /* undefined_table */
    {"53100", TL_DB_UNAVAILABLE, true}, /* disk_full */
    {"53200", TL_DB_UNAVAILABLE, true}, /* out_of_memory */
    {"53400", TL_DB_FAILED, true},      /* configuration_limit_exceeded */
    {"54001", TL_DB_FAILED, true},      /* statement_too_complex */
    {"55006", TL_DB_FAILED, true},      /* object_in_use */
    {"55P03", TL_DB_RETRY, true},       /* lock_not_available */
    {"57014", TL_DB_UNAVAILABLE, true}, /* query_canceled */
    {"58030", TL_DB_FAILED, true},      /* io_error */
    {"P0001", TL_DB_FAILED, true},      /* raise_exception */
    {"XX000", TL_DB_FAILED, true},      /* internal_error */
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static void raise_all(tl_request *req, void *arg)
{
    outcome *o = arg;
    for (size_t i = 0; i < KINDS; i++) {
        char text[128];
        snprintf(text, sizeof text, "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '%s'; END $$", kinds[i].state);
        o[i] = outcome_of(req, query(req, text));
    }
}

static void test_what_a_server_that_goes_on_means_by_a_sqlstate(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    outcome o[KINDS];
    empty_log(w);
    fixture_run(w, raise_all, o);
    for (size_t i = 0; i < KINDS; i++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "RAISE EXCEPTION USING ERRCODE = '%s'", kinds[i].state);
        if (o[i].ok || o[i].error != kinds[i].error || log_count(w, quoted) != kinds[i].logged)
            fail_msg("%s: error %d, %d in the log", kinds[i].state, o[i].error, log_count(w, quoted));
    }
    close_pool(w);
}

static void test_whatever_ends_the_session_is_no_mistake_of_the_statement(void **state)
{
    (void)state;
    /* A pooler says 08P01 of whatever is wrong behind it. */
    static const char *const ends[] = {"08P01", "57P01", "57P05", "25P03", "53300", "XX000", NULL};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        assert_int_equal(error_of_state(ends[i], true), TL_DB_UNAVAILABLE);
}

static void give_too_few(tl_request *req, void *arg)
{
    outcome *o = arg;
    o[0] = outcome_of(req, query(req, "SELECT $1::int + $2::int AS sum", "1"));
    o[1] = outcome_of(req, query(req, "SELECT $1::int + $2::int AS sum", "1", "2"));
}

static void test_a_wrong_number_of_parameters_is_a_failure_that_is_logged(void **state)
{
    (void)state;
    for (int prepare = 0; prepare < 2; prepare++) {
        settings *s = fixture_settings();
        s->db_prepare = prepare;
        worker *w = open_pool(s, NULL);
        outcome o[2];
        empty_log(w);
        fixture_run(w, give_too_few, o);
        assert_int_equal(o[0].error, TL_DB_FAILED);
        assert_true(o[1].ok);
        assert_int_equal(log_count(w, "failed: 08P01 bind message supplies 1 parameters"), 1);
        assert_int_equal(log_count(w, "SELECT $1::int + $2::int AS sum"), 1);
        close_pool(w);
    }
}

typedef struct neighbours {
    int right;
    int failed;
    const char *text;
} neighbours;

/* Every third statement fails: at Parse, or when it runs. */
static void ask_as_neighbour(tl_request *req, int number, void *arg)
{
    neighbours *n = arg;
    char value[16];
    snprintf(value, sizeof value, "%d", number);
    tl_rows *rows = number % 3 == 0   ? query(req, "SELECT 1 / ($1::int - $1::int) AS value", value)
                    : number % 3 == 1 ? query(req, n->text, value)
                                      : query(req, "SELECT broken FROM nowhere WHERE id = $1", value);
    if (rows && number % 3 == 1 && db_integer(rows, 0, "value") == number)
        n->right++;
    if (!rows && number % 3 != 1 && db_error(req) == TL_DB_FAILED)
        n->failed++;
}

static void ask_300_neighbours(settings *s)
{
    s->db_pipelines = 1;
    worker *w = open_pool(s, NULL);
    neighbours n = {.text = "SELECT $1::int AS value"};
    crew all = {.run = ask_as_neighbour, .arg = &n};
    crew_start(w, &all, 300);
    crew_wait(w, &all);
    assert_int_equal(n.right, 100);
    assert_int_equal(n.failed, 200);
    assert_int_equal(log_count(w, "failed: 26000 "), 0);
    close_pool(w);
}

static void test_an_error_touches_no_neighbour_in_the_pipeline(void **state)
{
    (void)state;
    ask_300_neighbours(fixture_settings());
}

static void test_nothing_is_prepared_behind_a_pooler(void **state)
{
    (void)state;
    settings *s = fixture_settings();
    s->db_prepare = false;
    ask_300_neighbours(s);
}

static void count_prepared(tl_request *req, void *arg)
{
    int64_t *counts = arg;
    query(req, "SELECT 'once' AS word");
    query(req, "SELECT 'once' AS word");
    tl_rows *rows = query(req, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%once%once%'");
    counts[0] = rows ? db_integer(rows, 0, "count") : -1;
    rows = query(req, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT ''once''%'");
    counts[1] = rows ? db_integer(rows, 0, "count") : -1;
    rows = query(req, "SELECT current_setting('TimeZone') || ' ' || current_setting('DateStyle') AS settings");
    counts[2] = rows && strcmp(db_text(rows, 0, "settings"), "UTC ISO, MDY") == 0;
}

static void test_a_text_is_prepared_once_a_connection(void **state)
{
    (void)state;
    settings *s = fixture_settings();
    s->db_pipelines = 1;
    worker *w = open_pool(s, NULL);
    int64_t counts[3];
    fixture_run(w, count_prepared, counts);
    assert_int_equal(counts[0], 1); /* finds itself */
    assert_int_equal(counts[1], 1);
    assert_true(counts[2]);
    close_pool(w);
}

static void test_without_preparing_the_session_is_set_up_all_the_same(void **state)
{
    (void)state;
    settings *s = fixture_settings();
    s->db_pipelines = 1;
    s->db_prepare = false;
    worker *w = open_pool(s, NULL);
    int64_t counts[3];
    fixture_run(w, count_prepared, counts);
    assert_int_equal(counts[0], 0);
    assert_int_equal(counts[1], 0);
    assert_true(counts[2]);
    close_pool(w);
}

static void lose_prepared(tl_request *req, void *arg)
{
    outcome *o = arg;
    o[0] = outcome_of(req, query(req, "SELECT $1::text AS kept", "a"));
    o[1] = outcome_of(req, query(req, "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$"));
    o[2] = outcome_of(req, query(req, "SELECT $1::text AS kept", "b"));
    o[3] = outcome_of(req, query(req, "SELECT $1::text AS kept", "c"));
}

static void test_statements_that_the_server_has_dropped_are_prepared_again(void **state)
{
    (void)state;
    settings *s = fixture_settings();
    s->db_pipelines = 1;
    worker *w = open_pool(s, NULL);
    outcome o[4];
    fixture_run(w, lose_prepared, o);
    for (int i = 0; i < 4; i++)
        assert_true(o[i].ok);
    close_pool(w);
}

static void change_table(tl_request *req, void *arg)
{
    outcome *o = arg;
    o[0] = outcome_of(req, query(req, "CREATE TABLE shape AS SELECT 1 AS a"));
    o[1] = outcome_of(req, query(req, "SELECT * FROM shape"));
    o[2] = outcome_of(req, query(req, "ALTER TABLE shape ADD COLUMN b int DEFAULT 2"));
    tl_rows *rows = query(req, "SELECT * FROM shape");
    o[3] = outcome_of(req, rows);
    o[4].ok = rows && db_integer(rows, 0, "b") == 2;
}

static void test_a_table_that_has_changed_is_prepared_for_again(void **state)
{
    (void)state;
    settings *s = fixture_settings();
    s->db_pipelines = 1;
    worker *w = open_pool(s, NULL);
    outcome o[5];
    fixture_run(w, change_table, o);
    for (int i = 0; i < 5; i++)
        assert_true(o[i].ok);
    close_pool(w);
}

static void ask_many_texts(tl_request *req, void *arg)
{
    int *right = arg;
    for (int i = 0; i < TEXTS_MAX + 100; i++) {
        char text[64];
        snprintf(text, sizeof text, "SELECT %d AS number", i);
        tl_rows *rows = query(req, text);
        *right += rows && db_integer(rows, 0, "number") == i;
    }
}

static void test_more_texts_than_are_prepared(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    int right = 0;
    empty_log(w);
    fixture_run(w, ask_many_texts, &right);
    assert_int_equal(right, TEXTS_MAX + 100);
    assert_int_equal(log_count(w, "different statements"), 1);
    close_pool(w);
}

static void test_which_statements_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        bool alone, in_transaction;
    } cases[] = {
        {"SELECT 1", true, true},
        {"  insert into x values (1)", true, true},
        {"WITH a AS (SELECT 1) SELECT * FROM a", true, true},
        {"BEGIN", false, false},
        {" begin ; ", false, false},
        {"/* a /* b */ c */ -- d\n\tStart Transaction", false, false},
        {"COMMIT", false, false},
        {"end", false, false},
        {"ABORT", false, false},
        {"ROLLBACK", false, false},
        {"ROLLBACK TO SAVEPOINT a", false, true},
        {"SAVEPOINT a", true, true},
        {"PREPARE TRANSACTION 'x'", false, false},
        {"SET search_path = x", false, false},
        {"SET LOCAL search_path = x", false, true},
        {"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", false, true},
        {"SET CONSTRAINTS ALL DEFERRED", false, true},
        {"RESET ALL", false, false},
        {"DISCARD ALL", false, false},
        {"LISTEN x", false, false},
        {"COPY x FROM STDIN", false, false},
        {"UPDATE x SET y = 1", true, true},
        {"SELECTED", true, true},
        {"settle", true, true},
        {"/* never closed", true, true},
        {"", true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(statement_refusal(cases[i].sql, false) == NULL, cases[i].alone);
        assert_int_equal(statement_refusal(cases[i].sql, true) == NULL, cases[i].in_transaction);
    }
}

static void run_refused(tl_request *req, void *arg)
{
    outcome *o = arg;
    o[0] = outcome_of(req, query(req, "BEGIN"));
    o[1] = outcome_of(req, query(req, "SELECT 1"));
}

static void test_a_refused_statement_is_a_mistake_that_is_logged(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    outcome o[2];
    empty_log(w);
    fixture_run(w, run_refused, o);
    assert_int_equal(o[0].error, TL_DB_FAILED);
    assert_true(o[1].ok);
    assert_int_equal(log_count(w, "tl_begin"), 1);
    close_pool(w);
}

static void send_large(tl_request *req, void *arg)
{
    int64_t *length = arg;
    size_t size = 8 << 20;
    char *text = arena_alloc(req->arena, size + 1);
    memset(text, 'x', size);
    tl_rows *rows = query(req, "SELECT length($1::text) AS length, $1::text AS text", text);
    length[0] = rows ? db_integer(rows, 0, "length") : -1;
    length[1] = rows ? (int64_t)strlen(db_text(rows, 0, "text")) : -1;
}

static void test_values_larger_than_what_the_kernel_takes_at_once(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    int64_t length[2];
    fixture_run(w, send_large, length);
    assert_int_equal(length[0], 8 << 20);
    assert_int_equal(length[1], 8 << 20);
    close_pool(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_violations_are_told_apart_and_not_logged),
        cmocka_unit_test(test_other_failures_are_logged_without_parameters),
        cmocka_unit_test(test_what_a_server_that_goes_on_means_by_a_sqlstate),
        cmocka_unit_test(test_whatever_ends_the_session_is_no_mistake_of_the_statement),
        cmocka_unit_test(test_a_wrong_number_of_parameters_is_a_failure_that_is_logged),
        cmocka_unit_test(test_an_error_touches_no_neighbour_in_the_pipeline),
        cmocka_unit_test(test_nothing_is_prepared_behind_a_pooler),
        cmocka_unit_test(test_a_text_is_prepared_once_a_connection),
        cmocka_unit_test(test_without_preparing_the_session_is_set_up_all_the_same),
        cmocka_unit_test(test_statements_that_the_server_has_dropped_are_prepared_again),
        cmocka_unit_test(test_a_table_that_has_changed_is_prepared_for_again),
        cmocka_unit_test(test_more_texts_than_are_prepared),
        cmocka_unit_test(test_which_statements_are_refused),
        cmocka_unit_test(test_a_refused_statement_is_a_mistake_that_is_logged),
        cmocka_unit_test(test_values_larger_than_what_the_kernel_takes_at_once),
    };
    return cmocka_run_group_tests(tests, make_schema, drop_schema);
}
