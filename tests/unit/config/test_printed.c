/* What `talelio config` shows of a plugin that is off, whose options are unknown. */
#include "tests/unit/config/config_case.h"

/* The line of a section [plugin:b] that is off with this line in it, up to where its value comes from. */
static void shown_as(const char *line, const char *expected)
{
    config_case t;
    char ini[1024];
    snprintf(ini, sizeof ini, "%s[plugin:b]\nenabled = no\n%s\n", ENOUGH, line);
    assert_true(case_bind(&t, ini, NULL));
    assert_no_problem(&t);
    char *text = case_printed(&t);
    char *found = strstr(text, "[plugin:b]\nenabled = no ");
    assert_non_null(found);
    found = strchr(found + 12, '\n') + 1;
    const char *origin = strstr(found, "  # ");
    assert_non_null(origin);
    size_t length = (size_t)(origin - found);
    while (length > 0 && found[length - 1] == ' ')
        length--;
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(found, expected, length);
    free(text);
    case_end(&t);
}

static void what_is_no_secret_is_shown_as_it_is_written(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "site_url = https://www.example.org",
        "access_lifetime = 30m",
        "cookie_secure = yes",
        "token_check = no",
        "whitelist = me@example.org, you@example.org",
        "schedule = 0 3 * * *",
        "path = /opt/b/b.so",
        "migrations = /opt/b/migrations",
        "secret = ${NO_SUCH_VARIABLE}",
        "database_url = ${NO_SUCH_VARIABLE}",
        "api_url = ${NO_SUCH_VARIABLE:-http://localhost:5000}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        shown_as(lines[i], lines[i]);
}

static void whatever_may_be_a_secret_is_hidden(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "secret = hunter2",
        "smtp_password = hunter2",
        "api_key = hunter2",
        "secret = ${NO_SUCH_VARIABLE:-hunter2}",
        "secret = ${NO_SUCH_VARIABLE}hunter2",
        "database_url = postgresql://me:hunter2@localhost/db",
        "database = host=localhost password=hunter2",
        "seed = hunter2hunter2hunter2",
        "where = https://example.org/hunter2hunter2hunter2",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "%.*s = ********", (int)strcspn(lines[i], " "), lines[i]);
        shown_as(lines[i], expected);
    }
}

static void variables_are_filled_in_only_where_its_files_are(void **state)
{
    (void)state;
    setenv("A_VARIABLE", "/hunter2", 1);
    shown_as("path = ${A_VARIABLE}/b.so", "path = /hunter2/b.so");
    shown_as("text = ${A_VARIABLE}", "text = ${A_VARIABLE}");
    shown_as("path = ${NO_SUCH_VARIABLE}/b.so", "path = ${NO_SUCH_VARIABLE}/b.so");
    unsetenv("A_VARIABLE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_secret_is_shown_as_it_is_written),
        cmocka_unit_test(whatever_may_be_a_secret_is_hidden),
        cmocka_unit_test(variables_are_filled_in_only_where_its_files_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
