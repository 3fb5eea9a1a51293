/* Folders of migrations: which files count, and what is wrong with them. */
#include "tests/unit/migrate/migrate_case.h"

#define NOTES "[plugin:notes]\nenabled = yes\nmigrations = notes\n"

/* The one problem with these files in sql/, NULL-ended, behind the folder's name. */
static void refuses(const char *const *names, const char *expected)
{
    migrate_case t;
    char name[64];
    case_begin(&t, "");
    for (; *names; names++) {
        snprintf(name, sizeof name, "sql/%s", *names);
        case_file(&t, name, "SELECT 1;");
    }
    case_load_list(&t);
    if (problems_count(t.found) != 1)
        problems_print(t.found, stderr);
    assert_int_equal(problems_count(t.found), 1);
    const char *text = problems_text(t.found, 0) + strlen(t.folder) + 1;
    assert_memory_equal(text, expected, strlen(expected));
    case_end(&t);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void numbers_count_up_from_one(void **state)
{
    (void)state;
    migrate_case t;
    case_begin(&t, "");
    case_file(&t, "sql/0002_b.sql", "SELECT 2;");
    case_file(&t, "sql/0001_a_1.sql", "SELECT 1;");
    case_load(&t);
    case_end(&t);
}

static void other_files_do_not_count(void **state)
{
    (void)state;
    migrate_case t;
    case_begin(&t, "");
    case_file(&t, "sql/0001_a.sql", "SELECT 1;");
    case_file(&t, "sql/README.md", "");
    case_file(&t, "sql/.0002_b.sql", "");
    case_file(&t, "sql/0002_b.sql~", "");
    case_load(&t);
    case_end(&t);
}

static void a_gap_is_refused(void **state)
{
    (void)state;
    refuses(NAMES("0002_b.sql"), "sql/0002_b.sql: there is no migration 0001 before it");
    refuses(NAMES("0001_a.sql", "0003_c.sql"), "sql/0003_c.sql: there is no migration 0002 before it");
}

static void a_repeated_number_is_refused(void **state)
{
    (void)state;
    refuses(NAMES("0001_a.sql", "0001_b.sql"), "sql/0001_b.sql: the number 0001 is there twice");
}

static void a_name_of_another_form_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"001_b.sql", "00002_b.sql", "0002.sql",   "0002_.sql",    "0002-b.sql",
                                        "b.sql",     "0002_B.sql",  "0000_b.sql", "0002_b c.sql", "0002_b.x.sql"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char expected[128];
        snprintf(expected, sizeof expected, "sql/%s: expected a name like 0001_accounts.sql", wrong[i]);
        refuses(NAMES("0001_a.sql", wrong[i]), expected);
    }
}

static void a_missing_and_an_empty_folder_are_refused(void **state)
{
    (void)state;
    migrate_case t;
    case_begin(&t, "[plugin:notes]\nenabled = yes\nmigrations = nowhere\n");
    case_load_list(&t);
    assert_int_equal(problems_count(t.found), 2);
    assert_non_null(strstr(problems_text(t.found, 0), "sql: there are no migrations of talelio here"));
    assert_non_null(strstr(problems_text(t.found, 1),
                           "nowhere: the migrations of notes cannot be read: No such file or "
                           "directory: correct [plugin:notes] migrations"));
    case_end(&t);
}

static void what_is_no_text_is_refused(void **state)
{
    (void)state;
    migrate_case t;
    case_begin(&t, "");
    case_file(&t, "sql/0001_a.sql", "SELECT '\xff';");
    case_load_list(&t);
    assert_int_equal(problems_count(t.found), 1);
    assert_non_null(strstr(problems_text(t.found, 0), "0001_a.sql: expected text in UTF-8"));
    case_end(&t);
}

static void a_plugin_that_is_off_brings_none(void **state)
{
    (void)state;
    migrate_case t;
    case_begin(&t, "[plugin:notes]\nenabled = no\nmigrations = nowhere\n");
    case_file(&t, "sql/0001_a.sql", "SELECT 1;");
    case_load(&t);
    case_end(&t);
}

static void every_plugin_has_numbers_of_its_own(void **state)
{
    (void)state;
    migrate_case t;
    case_begin(&t, NOTES);
    case_file(&t, "sql/0001_a.sql", "SELECT 1;");
    case_file(&t, "notes/0001_a.sql", "SELECT 1;");
    case_load(&t);
    case_end(&t);
}

static void a_plugin_cannot_take_the_servers_name(void **state)
{
    (void)state;
    migrate_case t;
    case_begin(&t, "[plugin:talelio]\nenabled = yes\nmigrations = notes\n");
    case_file(&t, "sql/0001_a.sql", "SELECT 1;");
    case_load_list(&t);
    assert_int_equal(problems_count(t.found), 1);
    assert_non_null(strstr(problems_text(t.found, 0), "the name talelio is the server's own"));
    case_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_count_up_from_one),
        cmocka_unit_test(other_files_do_not_count),
        cmocka_unit_test(a_gap_is_refused),
        cmocka_unit_test(a_repeated_number_is_refused),
        cmocka_unit_test(a_name_of_another_form_is_refused),
        cmocka_unit_test(a_missing_and_an_empty_folder_are_refused),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(a_plugin_that_is_off_brings_none),
        cmocka_unit_test(every_plugin_has_numbers_of_its_own),
        cmocka_unit_test(a_plugin_cannot_take_the_servers_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
