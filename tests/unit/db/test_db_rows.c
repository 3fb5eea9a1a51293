/*
 * Results: values by name, NULLs, types, times.
 */
#include "tests/unit/db/database.h"

#include "core/db/private.h"

typedef struct answer {
    bool failed;
    size_t rows;
    int64_t affected;
    char text[8][64];
    int64_t numbers[8];
    bool flags[8];
} answer;

static void keep(char out[64], const char *text)
{
    snprintf(out, 64, "%s", text ? text : "(null)");
}

static void read_values(tl_request *req, void *arg)
{
    answer *a = arg;
    tl_rows *rows = query(req,
                          "SELECT $1::text AS word, 41 + $2::int AS number, true AS yes, false AS no, "
                          "NULL::text AS nothing, NULL::int AS none, '' AS empty "
                          "FROM generate_series(1, 2)",
                          "Grüße 👍", "1");
    a->failed = !rows;
    if (!rows)
        return;
    a->rows = db_row_count(rows);
    keep(a->text[0], db_text(rows, 1, "word"));
    a->numbers[0] = db_integer(rows, 1, "number");
    a->flags[0] = db_boolean(rows, 1, "yes");
    a->flags[1] = db_boolean(rows, 1, "no");
    keep(a->text[1], db_text(rows, 1, "nothing"));
    a->flags[2] = db_is_null(rows, 1, "nothing");
    a->flags[3] = db_is_null(rows, 1, "empty");
    a->numbers[1] = db_integer(rows, 1, "none");
    keep(a->text[2], db_text(rows, 1, "empty"));
    keep(a->text[3], db_text(rows, 0, "word")); /* against the order of the list */
}

static void test_values_come_back_by_name(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    answer a = {0};
    fixture_run(w, read_values, &a);

    assert_false(a.failed);
    assert_int_equal(a.rows, 2);
    assert_string_equal(a.text[0], "Grüße 👍");
    assert_int_equal(a.numbers[0], 42);
    assert_true(a.flags[0]);
    assert_false(a.flags[1]);
    assert_string_equal(a.text[1], "(null)");
    assert_true(a.flags[2]);
    assert_false(a.flags[3]);
    assert_int_equal(a.numbers[1], 0);
    assert_string_equal(a.text[2], "");
    assert_string_equal(a.text[3], "Grüße 👍");
    close_pool(w);
}

static void pass_null(tl_request *req, void *arg)
{
    answer *a = arg;
    static const char *const params[] = {NULL, ""};
    tl_rows *rows = db_query(req, "SELECT $1::text IS NULL AS a, $2::text IS NULL AS b", 2, params);
    a->failed = !rows;
    if (rows) {
        a->flags[0] = db_boolean(rows, 0, "a");
        a->flags[1] = db_boolean(rows, 0, "b");
    }
}

static void test_a_null_parameter_is_null(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    answer a = {0};
    fixture_run(w, pass_null, &a);
    assert_false(a.failed);
    assert_true(a.flags[0]);
    assert_false(a.flags[1]);
    close_pool(w);
}

static void ask_wrongly(tl_request *req, void *arg)
{
    answer *a = arg;
    tl_rows *rows = query(req, "SELECT 'x' AS word, 1 AS number");
    a->failed = !rows;
    if (!rows)
        return;
    keep(a->text[0], db_text(rows, 0, "no_such_column"));
    keep(a->text[1], db_text(rows, 1, "word"));
    a->numbers[0] = db_integer(rows, 0, "word");
    a->flags[0] = db_boolean(rows, 0, "number");
    keep(a->text[2], db_time(rows, 0, "word"));
}

static void test_what_is_not_there_reads_as_null_and_is_logged(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    answer a = {0};
    empty_log(w);
    fixture_run(w, ask_wrongly, &a);

    assert_false(a.failed);
    assert_string_equal(a.text[0], "(null)");
    assert_string_equal(a.text[1], "(null)");
    assert_int_equal(a.numbers[0], 0);
    assert_false(a.flags[0]);
    assert_string_equal(a.text[2], "(null)");
    assert_int_equal(log_count(w, "no_such_column"), 1);
    assert_int_equal(log_count(w, "mistake in the plugin"), 5);
    close_pool(w);
}

static void change(tl_request *req, void *arg)
{
    answer *a = arg;
    if (!query(req, "CREATE TABLE changed (id int)"))
        a->failed = true;
    tl_rows *rows = query(req, "INSERT INTO changed SELECT generate_series(1, 5)");
    a->numbers[0] = rows ? db_affected(rows) : -1;
    rows = query(req, "UPDATE changed SET id = id + 10 WHERE id > 2");
    a->numbers[1] = rows ? db_affected(rows) : -1;
    rows = query(req, "DELETE FROM changed WHERE id > 100");
    a->numbers[2] = rows ? db_affected(rows) : -1;
    a->numbers[3] = rows ? (int64_t)db_row_count(rows) : -1;
    rows = query(req, "DELETE FROM changed RETURNING id");
    a->numbers[4] = rows ? (int64_t)db_row_count(rows) : -1;
}

static void test_the_number_of_touched_rows(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    answer a = {0};
    fixture_run(w, change, &a);
    assert_false(a.failed);
    assert_int_equal(a.numbers[0], 5);
    assert_int_equal(a.numbers[1], 3);
    assert_int_equal(a.numbers[2], 0);
    assert_int_equal(a.numbers[3], 0);
    assert_int_equal(a.numbers[4], 5);
    close_pool(w);
}

static void read_times(tl_request *req, void *arg)
{
    answer *a = arg;
    tl_rows *rows = query(req, "SELECT '1986-06-05 02:00:00+02'::timestamptz AS whole, "
                               "'2026-11-22 20:01:30.1234+00'::timestamptz AS part, "
                               "'2026-11-22 20:01:30.123456+00'::timestamptz AS micro, "
                               "NULL::timestamptz AS none, 'infinity'::timestamptz AS endless, "
                               "'0044-03-15 12:00:00+00 BC'::timestamptz AS old, "
                               "'12026-01-01 00:00:00+00'::timestamptz AS late, now()::timestamp AS zoneless");
    a->failed = !rows;
    static const char *const names[] = {"whole", "part", "micro", "none", "endless", "old", "late", "zoneless"};
    for (int i = 0; rows && i < 8; i++)
        keep(a->text[i], db_time(rows, 0, names[i]));
}

static void test_times_are_rfc_3339_with_microseconds(void **state)
{
    (void)state;
    worker *w = open_pool(fixture_settings(), NULL);
    answer a = {0};
    empty_log(w);
    fixture_run(w, read_times, &a);
    assert_false(a.failed);
    assert_string_equal(a.text[0], "1986-06-05T00:00:00.000000Z");
    assert_string_equal(a.text[1], "2026-11-22T20:01:30.123400Z");
    assert_string_equal(a.text[2], "2026-11-22T20:01:30.123456Z");
    for (int i = 3; i < 8; i++)
        assert_string_equal(a.text[i], "(null)");
    assert_int_equal(log_count(w, "no timestamptz"), 4); /* SQL's NULL is no mistake */
    close_pool(w);
}

static void test_texts_that_are_no_times_of_postgresql(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "2026-11-22",
                                        "2026-11-22 20:01:30",
                                        "2026-11-22 20:01:30+02",
                                        "2026-11-22 20:01:30+00:30",
                                        "2026-11-22 20:01:30.1234567+00",
                                        "2026-11-22T20:01:30+00",
                                        "-infinity",
                                        "0001-01-01 00:00:00+00 BC",
                                        "2026-11-22 20:01:3"};
    char out[28];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(time_from_postgres(wrong[i], out));
    assert_true(time_from_postgres("2026-11-22 20:01:30.+00", out)); /* never sent, and harmless */
    assert_string_equal(out, "2026-11-22T20:01:30.000000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_come_back_by_name),
        cmocka_unit_test(test_a_null_parameter_is_null),
        cmocka_unit_test(test_what_is_not_there_reads_as_null_and_is_logged),
        cmocka_unit_test(test_the_number_of_touched_rows),
        cmocka_unit_test(test_times_are_rfc_3339_with_microseconds),
        cmocka_unit_test(test_texts_that_are_no_times_of_postgresql),
    };
    return cmocka_run_group_tests(tests, make_schema, drop_schema);
}
