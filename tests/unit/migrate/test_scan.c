/* Cutting SQL into statements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/migrate/parts.h"

/* The statements that follow each other, as "LINE:text|"; what ends them, when it is not the end, as "!LINE". */
static void gives(const char *sql, const char *expected)
{
    char found[2048] = "";
    size_t length = 0;
    scanner s = {.at = sql};
    statement st;
    scan_result result;
    while ((result = sql_scan(&s, &st)) == SCAN_STATEMENT)
        length += (size_t)snprintf(found + length, sizeof found - length, "%d:%.*s|", st.line, (int)st.length, st.text);
    if (result != SCAN_END)
        snprintf(found + length, sizeof found - length, "!%d", st.line);
    assert_string_equal(found, expected);
}

static scan_result last(const char *sql)
{
    scanner s = {.at = sql};
    statement st;
    scan_result result;
    while ((result = sql_scan(&s, &st)) == SCAN_STATEMENT)
        ;
    return result;
}

static void statements_end_at_semicolons_and_know_their_line(void **state)
{
    (void)state;
    gives("", "");
    gives("SELECT 1", "1:SELECT 1|");
    gives("SELECT 1;\n\nSELECT\n2;\nSELECT 3\n", "1:SELECT 1|3:SELECT\n2|5:SELECT 3\n|");
    gives(" ;; \n;SELECT 1;;", "2:SELECT 1|");
}

static void comments_end_nothing(void **state)
{
    (void)state;
    gives("-- a; b\n/* c; /* d; */ e; */\nSELECT 1 -- x;\n + /* ; */ 2;\n-- end", "3:SELECT 1 -- x;\n + /* ; */ 2|");
}

static void quotes_end_nothing(void **state)
{
    (void)state;
    gives("SELECT 'a;''b;' || \"c;\"\"d\";SELECT 2", "1:SELECT 'a;''b;' || \"c;\"\"d\"|1:SELECT 2|");
    gives("SELECT 'a\\';SELECT 2", "1:SELECT 'a\\'|1:SELECT 2|");
    gives("SELECT E'a\\';b';SELECT 2", "1:SELECT E'a\\';b'|1:SELECT 2|");
    gives("SELECT '--';SELECT '/*'", "1:SELECT '--'|1:SELECT '/*'|");
}

static void dollar_quotes_end_nothing(void **state)
{
    (void)state;
    gives("DO $$ a; b $$;SELECT 2", "1:DO $$ a; b $$|1:SELECT 2|");
    gives("DO $x$ a; $$ b; $y$ $x$;SELECT 2", "1:DO $x$ a; $$ b; $y$ $x$|1:SELECT 2|");
    gives("SELECT a$b$c;SELECT $1;SELECT 3", "1:SELECT a$b$c|1:SELECT $1|1:SELECT 3|");
    gives("DO $$\n;\n$$;\nSELECT 2", "1:DO $$\n;\n$$|4:SELECT 2|");
}

static void parentheses_and_bodies_of_functions_end_nothing(void **state)
{
    (void)state;
    gives("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);SELECT 3",
          "1:CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)|1:SELECT 3|");
    gives("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;SELECT 3",
          "1:CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END|1:SELECT 3|");
}

static void transactions_are_noticed_wherever_they_begin_or_end(void **state)
{
    (void)state;
    static const char *const found[] = {"BEGIN",
                                        "begin;",
                                        "COMMIT",
                                        "SELECT 1; commit",
                                        "ROLLBACK",
                                        "ABORT",
                                        "END",
                                        "-- x\nStart transaction",
                                        "ROLLBACK TO x",
                                        "PREPARE TRANSACTION 'x'",
                                        "/* x */ BEGIN ISOLATION LEVEL SERIALIZABLE"};
    for (size_t i = 0; i < sizeof found / sizeof *found; i++)
        assert_int_equal(last(found[i]), SCAN_TRANSACTION);
    static const char *const fine[] = {"DO $$ BEGIN END $$", "SELECT 'BEGIN'", "PREPARE x AS SELECT 1",
                                       "ALTER TABLE t ADD COLUMN begin int", "-- COMMIT;\nSELECT 1"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        assert_int_equal(last(fine[i]), SCAN_END);
}

static void commands_of_psql_are_noticed_at_the_start_of_a_line(void **state)
{
    (void)state;
    gives("SELECT 1;\n\\i other.sql\n", "1:SELECT 1|!2");
    gives("SELECT 1\n\\gexec\n", "!2");
    gives("SELECT '\n\\x';", "1:SELECT '\n\\x'|");
    assert_int_equal(last("\\connect x"), SCAN_PSQL);
}

static void what_is_not_closed_is_noticed_where_it_begins(void **state)
{
    (void)state;
    gives("SELECT 1;\nSELECT\n'a\nb", "1:SELECT 1|!3");
    gives("SELECT \"a", "!1");
    gives("SELECT E'a\\'", "!1");
    gives("DO $x$ a $$", "!1");
    gives("SELECT 1 /* /* */", "!1");
    gives("\n/* a", "!2");
    assert_int_equal(last("SELECT '"), SCAN_OPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_end_at_semicolons_and_know_their_line),
        cmocka_unit_test(comments_end_nothing),
        cmocka_unit_test(quotes_end_nothing),
        cmocka_unit_test(dollar_quotes_end_nothing),
        cmocka_unit_test(parentheses_and_bodies_of_functions_end_nothing),
        cmocka_unit_test(transactions_are_noticed_wherever_they_begin_or_end),
        cmocka_unit_test(commands_of_psql_are_noticed_at_the_start_of_a_line),
        cmocka_unit_test(what_is_not_closed_is_noticed_where_it_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
