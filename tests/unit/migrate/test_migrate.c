/* Applying migrations to a real database, and comparing the two. */
#include <sys/wait.h>

#include "tests/unit/migrate/migrate_case.h"

#define NOTES "[plugin:notes]\nenabled = yes\nmigrations = notes\n"
#define APPLIED                                                                                                        \
    "SELECT coalesce(string_agg(owner || number, ',' ORDER BY applied_at, owner, number), '')"                         \
    " FROM schema_migration"

static migrate_case the;

static int begin(void **state)
{
    (void)state;
    case_begin_database(&the, NOTES);
    case_file(&the, "sql/0001_a.sql", "CREATE TABLE a (n int);\nINSERT INTO a VALUES (1);\n");
    case_file(&the, "notes/0001_note.sql", "CREATE TABLE note (n int);\n");
    return 0;
}

static int end(void **state)
{
    (void)state;
    case_end(&the);
    return 0;
}

static void applies(void)
{
    int code = case_run(&the);
    fputs(the.complained, stderr);
    assert_int_equal(code, 0);
    assert_string_equal(the.complained, "");
}

/* What the statement says that every new connection runs. */
static void checks(const char *expected)
{
    case_load(&the);
    assert_answer(&the, migration_check_sql(the.list), expected);
}

/* The second file is `sql`: nothing of it must stay. */
static void refuses(const char *sql, const char *complaint)
{
    case_file(&the, "sql/0002_b.sql", sql);
    assert_int_equal(case_run(&the), 1);
    assert_complaint(&the, complaint);
    assert_answer(&the, APPLIED, "talelio1");
    assert_answer(&the, "SELECT count(*) FROM pg_class WHERE relname = 'b'", "0");
}

static void what_is_missing_is_applied_in_order_and_told(void **state)
{
    (void)state;
    case_file(&the, "sql/0002_b.sql", "INSERT INTO a SELECT n + 1 FROM a;");
    applies();
    assert_answer(&the, "SELECT string_agg(n::text, ',' ORDER BY n) FROM a", "1,2");
    assert_answer(&the, APPLIED, "talelio1,talelio2,notes1");
    assert_non_null(strstr(the.said, "talelio 0001_a.sql applied in "));
    assert_true(strstr(the.said, "talelio 0002_b.sql applied") < strstr(the.said, "notes 0001_note.sql applied"));
    assert_answer(&the, "SELECT name FROM schema_migration WHERE owner = 'notes'", "0001_note.sql");
}

static void a_second_run_finds_nothing_to_do(void **state)
{
    (void)state;
    applies();
    applies();
    assert_string_equal(the.said, "The database is up to date\n");
    assert_answer(&the, "SELECT count(*) FROM a", "1");
}

static void later_files_are_applied_later(void **state)
{
    (void)state;
    applies();
    case_file(&the, "notes/0002_x.sql", "CREATE TABLE x (n int)");
    applies();
    assert_null(strstr(the.said, "0001"));
    assert_non_null(strstr(the.said, "notes 0002_x.sql applied"));
}

static void a_file_that_fails_leaves_nothing_behind_and_those_before_it_stay(void **state)
{
    (void)state;
    refuses("CREATE TABLE b (n int);\n\n-- 👍 é\nINSERT INTO b\nVALUES ('é', nonsense);\n",
            "/sql/0002_b.sql:5: column \"nonsense\" does not exist");
    case_file(&the, "sql/0002_b.sql", "CREATE TABLE b (n int);");
    applies();
    assert_answer(&the, APPLIED, "talelio1,talelio2,notes1");
}

static void an_error_without_a_position_has_the_line_of_its_statement(void **state)
{
    (void)state;
    refuses(
        "CREATE TABLE b (n int PRIMARY KEY);\nINSERT INTO b VALUES (1);\nINSERT INTO b VALUES (1);\n",
        "/sql/0002_b.sql:3: duplicate key value violates unique constraint \"b_pkey\": Key (n)=(1) already exists.");
    refuses("SELECT 1;\nSELECT 1 +;\n", "/sql/0002_b.sql:2: syntax error at");
}

static void a_constraint_that_is_checked_at_the_end_undoes_the_file(void **state)
{
    (void)state;
    case_file(&the, "sql/0002_b.sql",
              "CREATE TABLE b (n int UNIQUE DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO b VALUES (1), (1);");
    assert_int_equal(case_run(&the), 1);
    assert_non_null(strstr(the.complained, "duplicate key value violates unique constraint"));
    assert_non_null(strstr(the.complained, "/sql/0002_b.sql: could not be committed"));
    assert_answer(&the, APPLIED, "talelio1");
}

static void what_cannot_be_part_of_a_transaction_is_refused(void **state)
{
    (void)state;
    refuses(
        "CREATE TABLE b (n int);\nCREATE INDEX CONCURRENTLY ON b (n);\n",
        "/sql/0002_b.sql:2: CREATE INDEX CONCURRENTLY cannot run inside a transaction block: every migration runs in a "
        "transaction");
    refuses("VACUUM a;", "/sql/0002_b.sql:1: VACUUM cannot run inside a transaction block");
}

static void a_file_does_not_end_its_transaction(void **state)
{
    (void)state;
    refuses("CREATE TABLE b (n int);\nCOMMIT;\n", "/sql/0002_b.sql:2: BEGIN, COMMIT and ROLLBACK do not belong");
    refuses("BEGIN;\nCREATE TABLE b (n int);\nCOMMIT;\n", "/sql/0002_b.sql:1: BEGIN, COMMIT and ROLLBACK");
    refuses("CREATE TABLE b (n int);\nDO $$ BEGIN COMMIT; END $$;\n",
            "/sql/0002_b.sql:2: invalid transaction termination");
}

static void what_only_psql_understands_is_refused(void **state)
{
    (void)state;
    refuses("CREATE TABLE b (n int);\n\\i other.sql\n", "/sql/0002_b.sql:2: commands of psql (\\…) are not supported");
    refuses("CREATE TABLE b (n int);\nCOPY b FROM stdin;\n1\n\\.\n", "/sql/0002_b.sql:4: commands of psql");
    refuses("CREATE TABLE b (n int);\nCOPY b FROM stdin;\n", "/sql/0002_b.sql:2: COPY from or to the client");
}

static void what_is_not_closed_is_refused(void **state)
{
    (void)state;
    refuses("CREATE TABLE b (n int);\nSELECT 'x;\n", "/sql/0002_b.sql:2: the quote or comment that begins here");
}

static void bodies_of_functions_arrive_whole(void **state)
{
    (void)state;
    case_file(&the, "sql/0002_b.sql",
              "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 7; -- ';\nEND $$;\n"
              "CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 8 END; END;\n"
              "/* the end */");
    applies();
    assert_answer(&the, "SELECT f() + g()", "15");
}

static void settings_of_one_file_do_not_reach_the_next(void **state)
{
    (void)state;
    case_file(&the, "sql/0002_b.sql", "SET search_path = pg_catalog;\nSET standard_conforming_strings = off;\n");
    case_file(&the, "sql/0003_c.sql", "CREATE TABLE c (n int);");
    applies();
    assert_answer(&the, "SELECT 'public.c'::regclass::text", "c");
    assert_answer(&the, APPLIED, "talelio1,talelio2,talelio3,notes1");
}

static void a_limit_on_statements_does_not_stop_a_long_migration(void **state)
{
    (void)state;
    char sql[128];
    snprintf(sql, sizeof sql, "ALTER DATABASE %s SET statement_timeout = '500ms'", the.database);
    case_do(&the, sql);
    case_file(&the, "sql/0002_b.sql", "SELECT pg_sleep(0.8);");
    applies();
}

/* A process that migrates; what it says goes to `out`. */
static pid_t start_run(FILE *out)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        int code = migrate_run(the.list, the.url, out);
        fflush(out);
        _exit(code);
    }
    return pid;
}

static char *take_all(FILE *from)
{
    char *text = calloc(1, 4096);
    rewind(from);
    assert_true(fread(text, 1, 4095, from) < 4095);
    fclose(from);
    return text;
}

static void of_two_runs_at_once_one_waits_and_finds_nothing_to_do(void **state)
{
    (void)state;
    case_file(&the, "sql/0002_b.sql", "SELECT pg_sleep(0.5);\nCREATE TABLE b (n int);");
    case_load(&the);
    FILE *first = tmpfile(), *second = tmpfile();
    pid_t one = start_run(first), two = start_run(second);
    int status;
    assert_int_equal(waitpid(one, &status, 0), one);
    assert_int_equal(status, 0);
    assert_int_equal(waitpid(two, &status, 0), two);
    assert_int_equal(status, 0);
    char *a = take_all(first), *b = take_all(second);
    const char *worked = strstr(a, "applied") ? a : b, *waited = worked == a ? b : a;
    assert_non_null(strstr(worked, "0002_b.sql applied"));
    assert_string_equal(waited, "Waiting for another migration to end\nThe database is up to date\n");
    free(a);
    free(b);
    assert_answer(&the, "SELECT count(*) FROM schema_migration", "3");
}

static void a_database_of_a_newer_server_is_left_alone(void **state)
{
    (void)state;
    case_file(&the, "sql/0002_b.sql", "SELECT 1;");
    applies();
    case_remove(&the, "sql/0002_b.sql");
    assert_int_equal(case_run(&the), 1);
    assert_complaint(&the,
                     "database has migration 0002_b.sql of talelio unknown to this server: it was made by a newer "
                     "version");
    checks("database has migration 0002 unknown to this server: it was made by a newer version");
}

static void a_file_that_was_changed_afterwards_is_refused(void **state)
{
    (void)state;
    applies();
    case_file(&the, "notes/0001_note.sql", "CREATE TABLE note (n bigint);\n");
    assert_int_equal(case_run(&the), 1);
    assert_complaint(&the, "/notes/0001_note.sql was changed after it was applied");
    checks(
        "migration 0001 of plugin notes was changed after it was applied: put the file back as it was, and write a new "
        "migration");
}

static void the_check_of_an_empty_database_says_what_to_run(void **state)
{
    (void)state;
    checks("the database has no schema yet: run \"talelio migrate\"");
}

static void the_check_passes_with_exactly_the_schema_of_the_files(void **state)
{
    (void)state;
    applies();
    checks("");
}

static void the_check_counts_what_is_missing(void **state)
{
    (void)state;
    applies();
    case_file(&the, "notes/0002_x.sql", "SELECT 1;");
    checks("database schema of plugin notes is at 0001, this server needs 0002: run \"talelio migrate\"");
    case_file(&the, "sql/0002_b.sql", "SELECT 1;");
    case_file(&the, "sql/0003_c.sql", "SELECT 1;");
    case_remove(&the, "notes/0002_x.sql");
    checks("database schema is at 0001, this server needs 0003: run \"talelio migrate\"");
    case_do(&the, "DELETE FROM schema_migration");
    checks("database schema of plugin notes is at 0000, this server needs 0001: run \"talelio migrate\"");
}

static void the_check_notices_a_record_that_is_gone(void **state)
{
    (void)state;
    case_file(&the, "sql/0002_b.sql", "SELECT 1;");
    applies();
    case_do(&the, "DELETE FROM schema_migration WHERE owner = 'talelio' AND number = 1");
    checks("database schema lacks migration 0001: it was removed from schema_migration");
}

static void migrations_of_a_plugin_that_is_off_now_do_not_matter(void **state)
{
    (void)state;
    applies();
    case_do(&the, "INSERT INTO schema_migration (owner, number, name, checksum) VALUES ('gone', 9, 'x', 'y')");
    checks("");
    applies();
}

static void every_address_that_was_tried_is_told_in_one_line(void **state)
{
    (void)state;
    case_load(&the);
    assert_int_equal(case_run_url(&the, "postgresql://a@127.0.0.1:1,127.0.0.1:2/x"), 1);
    assert_complaint(&the, "port 1 failed: Connection refused");
    assert_complaint(&the, "port 2 failed: Connection refused");
}

static void a_database_that_cannot_be_reached_is_told_with_what_to_do(void **state)
{
    (void)state;
    char url[1024];
    case_load(&the);
    assert_int_equal(case_run_url(&the, "host=/nonexistent dbname=x user=x password=hunter2"), 1);
    assert_complaint(&the, "No such file or directory");
    assert_null(strstr(the.complained, "hunter2"));
    assert_int_equal(case_run_url(&the, "postgresql://a:hunter2@127.0.0.1:1/x"), 1);
    assert_complaint(&the, "Connection refused: is PostgreSQL running there? Check [postgres] url");
    assert_null(strstr(the.complained, "hunter2"));
    case_url(url, sizeof url, the.url, "no_such_database");
    assert_int_equal(case_run_url(&the, url), 1);
    assert_complaint(&the,
                     "database \"no_such_database\" does not exist: make it with createdb, or correct [postgres] url");
    assert_int_equal(case_run_url(&the, "postgresql://a:hunter2@b/c?nonsense=1"), 1);
    assert_complaint(&the, "[postgres] url is not an address that PostgreSQL understands");
    assert_null(strstr(the.complained, "hunter2"));
}

static void a_user_who_may_not_change_the_schema_is_told(void **state)
{
    (void)state;
    char sql[256], url[1200];
    snprintf(sql, sizeof sql, "CREATE ROLE %s LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC", the.database);
    case_do(&the, sql);
    snprintf(url, sizeof url, "%s user=%s", the.url, the.database);
    case_load(&the);
    int code = case_run_url(&the, url);
    snprintf(sql, sizeof sql, "DROP ROLE %s", the.database);
    case_do(&the, sql);
    assert_int_equal(code, 1);
    assert_complaint(&the, "permission denied for schema public: let the user of [postgres] url own the database");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(what_is_missing_is_applied_in_order_and_told),
        TEST(a_second_run_finds_nothing_to_do),
        TEST(later_files_are_applied_later),
        TEST(a_file_that_fails_leaves_nothing_behind_and_those_before_it_stay),
        TEST(an_error_without_a_position_has_the_line_of_its_statement),
        TEST(a_constraint_that_is_checked_at_the_end_undoes_the_file),
        TEST(what_cannot_be_part_of_a_transaction_is_refused),
        TEST(a_file_does_not_end_its_transaction),
        TEST(what_only_psql_understands_is_refused),
        TEST(what_is_not_closed_is_refused),
        TEST(bodies_of_functions_arrive_whole),
        TEST(settings_of_one_file_do_not_reach_the_next),
        TEST(a_limit_on_statements_does_not_stop_a_long_migration),
        TEST(of_two_runs_at_once_one_waits_and_finds_nothing_to_do),
        TEST(a_database_of_a_newer_server_is_left_alone),
        TEST(a_file_that_was_changed_afterwards_is_refused),
        TEST(the_check_of_an_empty_database_says_what_to_run),
        TEST(the_check_passes_with_exactly_the_schema_of_the_files),
        TEST(the_check_counts_what_is_missing),
        TEST(the_check_notices_a_record_that_is_gone),
        TEST(migrations_of_a_plugin_that_is_off_now_do_not_matter),
        TEST(every_address_that_was_tried_is_told_in_one_line),
        TEST(a_database_that_cannot_be_reached_is_told_with_what_to_do),
        TEST(a_user_who_may_not_change_the_schema_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
