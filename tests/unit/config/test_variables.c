/* Variables in values, from the environment and from the environment file. */
#include "tests/unit/config/config_case.h"

/* What [redis] prefix becomes with `text` in the ini file. */
static void gives(const char *text, const char *env, const char *expected)
{
    config_case t;
    char ini[512];
    snprintf(ini, sizeof ini, ENOUGH "[redis]\nprefix = %s\n", text);
    assert_true(case_bind(&t, ini, env));
    assert_string_equal(t.s.redis_prefix, expected);
    case_end(&t);
}

static void refuses(const char *text, const char *env, const char *expected)
{
    config_case t;
    char ini[512];
    snprintf(ini, sizeof ini, "[redis]\nprefix = %s\n", text);
    case_load(&t, ini, env);
    assert_only_problem(&t, expected);
    case_end(&t);
}

/* What the line of an environment file gives X. */
static void line_gives(const char *line, const char *expected)
{
    gives("${X}", line, expected);
}

static void line_is_refused(const char *line, const char *expected)
{
    config_case t;
    case_load(&t, "[redis]\n", line);
    assert_only_problem(&t, expected);
    assert_null(strstr(problems_text(t.found, 0), "hunter2"));
    case_end(&t);
}

static int clear(void **state)
{
    (void)state;
    unsetenv("X");
    unsetenv("Y");
    return 0;
}

static void a_variable_is_filled_in_wherever_it_stands(void **state)
{
    (void)state;
    setenv("X", "one", 1);
    setenv("Y", "two", 1);
    gives("${X}", NULL, "one");
    gives("a${X}b${Y}c", NULL, "aonebtwoc");
}

static void the_environment_wins_over_the_file(void **state)
{
    (void)state;
    setenv("X", "environment", 1);
    gives("${X}", "X=file\n", "environment");
    unsetenv("X");
    gives("${X}", "X=file\n", "file");
}

static void a_variable_that_is_not_set_is_named_with_what_to_do(void **state)
{
    (void)state;
    refuses("${X}", NULL,
            "talelio.ini:2: [redis] prefix: the variable X is not set: set it in the environment, or write X=…");
}

static void the_default_steps_in_for_a_variable_that_is_unset_or_empty(void **state)
{
    (void)state;
    gives("${X:-other}", NULL, "other");
    gives("${X:-}", NULL, "");
    gives("${X:-a:-b}c", NULL, "a:-bc");
    setenv("X", "", 1);
    gives("${X:-other}", NULL, "other");
    setenv("X", "set", 1);
    gives("${X:-other}", NULL, "set");
}

static void a_default_may_have_variables_and_defaults_of_its_own(void **state)
{
    (void)state;
    const char *url = "${X:-http://localhost:${Y:-5000}}/";
    gives(url, NULL, "http://localhost:5000/");
    gives(url, "Y=5300\n", "http://localhost:5300/");
    gives(url, "X=https://x.example\nY=5300\n", "https://x.example/");
    gives("${X:-${Y:-${Z:-a}b}c}d", NULL, "abcd");
    gives("${X:-${Y:-${Z:-a}b}c}d", "Z=z\n", "zbcd");
    gives("${X:-${Y}}", "Y=y\n", "y");
    gives("${X:-a$$b}", NULL, "a$b");
    gives("${X:-$${Y}}", "X=x\n", "x}");
    refuses("${X:-${Y}}", NULL, "talelio.ini:2: [redis] prefix: the variable Y is not set");
    /* What a variable holds is not expanded, also when it is in a default. */
    gives("${X:-${Y}}", "Y='${Z}$$'\n", "${Z}$$");
    /* One that is not needed may be unset, but must be well-formed as far as its braces go. */
    gives("${X:-${Y}}", "X=x\n", "x");
    refuses("${X:-${Y}", "X=x\n", "talelio.ini:2: [redis] prefix: expected ${NAME}, ${NAME:-default}, or $$");
    refuses("${X:-a$b}", NULL, "talelio.ini:2: [redis] prefix: expected ${NAME}, ${NAME:-default}, or $$");
}

static void an_empty_variable_is_a_value(void **state)
{
    (void)state;
    setenv("X", "", 1);
    gives("a${X}", NULL, "a");
}

static void two_dollars_are_one(void **state)
{
    (void)state;
    gives("a$$b", NULL, "a$b");
    gives("$${X}", NULL, "${X}");
}

static void a_lone_dollar_and_a_broken_reference_are_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {"$",    "a$b",    "$X",     "${",     "${X", "${}",
                                         "${1}", "${X-y}", "${X:y}", "${X Y}", "${X:"};
    setenv("X", "set", 1);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        refuses(broken[i], NULL, "talelio.ini:2: [redis] prefix: expected ${NAME}, ${NAME:-default}, or $$");
}

static void a_value_is_not_expanded_again(void **state)
{
    (void)state;
    setenv("X", "${Y}$$", 1);
    setenv("Y", "never", 1);
    gives("${X}", NULL, "${Y}$$");
}

static void a_value_cannot_bring_keys_with_it(void **state)
{
    (void)state;
    setenv("X", "a\nport = 1", 1);
    refuses("${X}", NULL, "talelio.ini:2: [redis] prefix: the variable X holds a line break");
}

static void comments_and_quotes_in_a_variable_are_part_of_it(void **state)
{
    (void)state;
    setenv("X", "a ; b # \"c\" [d]", 1);
    gives("${X}", NULL, "a ; b # \"c\" [d]");
}

static void a_variable_that_is_too_long_or_not_utf_8_is_refused(void **state)
{
    (void)state;
    char *text = malloc(16386);
    memset(text, 'x', 16385);
    text[16385] = '\0';
    setenv("X", text, 1);
    refuses("${X}", NULL, "talelio.ini:2: [redis] prefix: the variable X is longer than 16 KiB");
    text[16384] = '\0';
    setenv("X", text, 1);
    gives("${X}", NULL, text);
    free(text);
    setenv("X", "\xff", 1);
    refuses("${X}", NULL, "talelio.ini:2: [redis] prefix: the variable X is not UTF-8");
}

static void a_plugin_that_is_off_needs_no_variables(void **state)
{
    (void)state;
    config_case t;
    case_load(&t, "[plugin:a]\nsecret = ${X}\nenabled = no\n", NULL);
    assert_no_problem(&t);
    case_end(&t);
    case_load(&t, "[plugin:a]\nsecret = ${X}\nenabled = yes\n", NULL);
    assert_only_problem(&t, "talelio.ini:2: [plugin:a] secret: the variable X is not set");
    case_end(&t);
}

static void lines_of_the_file_are_read_as_shells_write_them(void **state)
{
    (void)state;
    line_gives("X=a", "a");
    line_gives("\n# comment\n  # another\n\nX=a\n", "a");
    line_gives("X=a b", "a b");
    line_gives("X=a  \t", "a");
    line_gives("X=a # comment", "a");
    line_gives("X=a#b", "a#b");
    line_gives("X=a=b", "a=b");
    line_gives("X=", "");
    line_gives("X= # comment", "");
    line_gives("  X=a\r\n", "a");
    line_gives("export X=a", "a");
    line_gives("export\tX=a", "a");
    line_gives("X=\"a # b\" # c", "a # b");
    line_gives("X=\"a\\\"b\\\\c\\$d\\n\"", "a\"b\\c$d\\n");
    line_gives("X='a\\\"b $X'", "a\\\"b $X");
    line_gives("X=''", "");
    line_gives("X=${Y}", "${Y}");
    line_gives("\xef\xbb\xbfX=a", "a");
}

static void lines_of_the_file_that_are_wrong_are_refused_without_their_value(void **state)
{
    (void)state;
    line_is_refused("\nnonsense hunter2", "env:2: expected NAME=value");
    line_is_refused("X =hunter2", "env:1: expected NAME=value, without blanks around the '='");
    line_is_refused("1X=hunter2", "env:1: expected NAME=value");
    line_is_refused("=hunter2", "env:1: expected NAME=value");
    line_is_refused("X='hunter2", "env:1: X: the quote is not closed");
    line_is_refused("X=\"hunter2\\\"", "env:1: X: the quote is not closed");
    line_is_refused("X='hunter2'b", "env:1: X: found text behind the closing quote");
    line_is_refused("X=hunter2\033b", "env:1: X: found a control character");
    line_is_refused("X=hunter2\nX=b", "env:2: X is set twice: first in line 1");
}

static void a_missing_environment_file_is_no_problem_and_a_folder_is(void **state)
{
    (void)state;
    config_case t;
    case_load(&t, "[redis]\n", NULL);
    assert_no_problem(&t);
    config *other = config_load(t.ini, t.folder, t.found);
    assert_true(has_problem(&t, "is a directory: expected a regular file"));
    config_free(other);
    case_end(&t);
}

static void the_origin_of_a_value_is_remembered(void **state)
{
    (void)state;
    config_case t;
    setenv("X", "a:", 1);
    assert_true(case_bind(&t, ENOUGH "[redis]\nprefix = ${X}${Y}\n", "\nY=b:\n"));
    char *text = case_printed(&t), expected[256];
    snprintf(expected, sizeof expected, "# %s:4, X from the environment, Y from %s:2\n", t.ini, t.env);
    assert_non_null(strstr(text, expected));
    assert_non_null(strstr(text, "prefix = a:b: "));
    free(text);
    case_end(&t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, clear, clear)
    const struct CMUnitTest tests[] = {
        TEST(a_variable_is_filled_in_wherever_it_stands),
        TEST(the_environment_wins_over_the_file),
        TEST(a_variable_that_is_not_set_is_named_with_what_to_do),
        TEST(the_default_steps_in_for_a_variable_that_is_unset_or_empty),
        TEST(a_default_may_have_variables_and_defaults_of_its_own),
        TEST(an_empty_variable_is_a_value),
        TEST(two_dollars_are_one),
        TEST(a_lone_dollar_and_a_broken_reference_are_refused),
        TEST(a_value_is_not_expanded_again),
        TEST(a_value_cannot_bring_keys_with_it),
        TEST(comments_and_quotes_in_a_variable_are_part_of_it),
        TEST(a_variable_that_is_too_long_or_not_utf_8_is_refused),
        TEST(a_plugin_that_is_off_needs_no_variables),
        TEST(lines_of_the_file_are_read_as_shells_write_them),
        TEST(lines_of_the_file_that_are_wrong_are_refused_without_their_value),
        TEST(a_missing_environment_file_is_no_problem_and_a_folder_is),
        TEST(the_origin_of_a_value_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
