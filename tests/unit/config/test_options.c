/* Tables of options: values, limits, defaults, and keys that nobody knows. */
#include "tests/unit/config/config_case.h"

typedef struct bag {
    const char *text;
    const char *secret;
    const char *choice;
    int64_t number;
    int64_t duration;
    int64_t size;
    bool truth;
    tl_list list;
} bag;

static bag the;

static const tl_option options[] = {
    {"text", TL_OPTION_STRING, &the.text, "x"},
    {"secret", TL_OPTION_SECRET, &the.secret, ""},
    {"choice", TL_OPTION_CHOICE, &the.choice, "red", .choices = "red|green|blue"},
    {"number", TL_OPTION_INT, &the.number, "5", -10, 10},
    {"duration", TL_OPTION_DURATION, &the.duration, "1s", 0, 86400000},
    {"size", TL_OPTION_SIZE, &the.size, "1K"},
    {"truth", TL_OPTION_BOOL, &the.truth, "no"},
    {"list", TL_OPTION_LIST, &the.list, ""},
    {0},
};

static const tl_option required[] = {
    {"secret", TL_OPTION_SECRET, &the.secret, .help = "openssl makes one"},
    {0},
};

static bool bind_table(config_case *t, const char *keys, const tl_option *table)
{
    char text[512];
    snprintf(text, sizeof text, "[plugin:a]\nenabled = yes\n%s\n", keys);
    case_load(t, text, NULL);
    static const char *const reserved[] = {"enabled", "path", "migrations", NULL};
    memset(&the, 0, sizeof the);
    return config_bind(t->c, "plugin:a", table, sizeof *table, reserved, t->found);
}

static void refuses(const char *key, const char *expected)
{
    config_case t;
    char line[256];
    assert_false(bind_table(&t, key, options));
    snprintf(line, sizeof line, "talelio.ini:3: [plugin:a] %s", expected);
    assert_only_problem(&t, line);
    case_end(&t);
}

static void accepts(const char *keys)
{
    config_case t;
    assert_true(bind_table(&t, keys, options));
    assert_no_problem(&t);
    case_end(&t);
}

static void defaults_are_values_like_others(void **state)
{
    (void)state;
    config_case t;
    assert_true(bind_table(&t, "", options));
    assert_string_equal(the.text, "x");
    assert_string_equal(the.secret, "");
    assert_string_equal(the.choice, "red");
    assert_int_equal(the.number, 5);
    assert_int_equal(the.duration, 1000);
    assert_int_equal(the.size, 1024);
    assert_false(the.truth);
    assert_int_equal(the.list.count, 0);
    case_end(&t);
}

static void numbers_are_whole_decimal_and_within_their_limits(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "x",
                                        "1x",
                                        "0x1",
                                        "1.5",
                                        "+1",
                                        "- 1",
                                        "--1",
                                        "11",
                                        "-11",
                                        "1 2",
                                        "9223372036854775808",
                                        "99999999999999999999999",
                                        "1K"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char line[64], expected[128];
        snprintf(line, sizeof line, "number = %s", wrong[i]);
        snprintf(expected, sizeof expected, "number = %s: expected a whole number from -10 to 10",
                 *wrong[i] ? wrong[i] : "(empty)");
        refuses(line, expected);
    }
    config_case t;
    assert_true(bind_table(&t, "number = -10", options));
    assert_int_equal(the.number, -10);
    case_end(&t);
}

static void durations_have_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int64_t expected;
    } right[] = {{"250ms", 250},   {"30s", 30000}, {"15m", 900000}, {"12h", 43200000},
                 {"1d", 86400000}, {"0", 0},       {"0s", 0}};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        config_case t;
        char line[64];
        snprintf(line, sizeof line, "duration = %s", right[i].line);
        assert_true(bind_table(&t, line, options));
        assert_int_equal(the.duration, right[i].expected);
        case_end(&t);
    }
    refuses("duration = 30", "duration = 30: expected a duration like 250ms, 30s, 15m, 12h or 7d from 0ms to 1d");
    refuses("duration = 2d", "duration = 2d: expected a duration");
    refuses("duration = -1s", "duration = -1s: expected a duration");
    refuses("duration = 30 s", "duration = 30 s: expected a duration");
    refuses("duration = 1h30m", "duration = 1h30m: expected a duration");
    refuses("duration = 999999999999999999d", "duration = 999999999999999999d: expected a duration");
}

static void sizes_count_in_powers_of_two(void **state)
{
    (void)state;
    config_case t;
    assert_true(bind_table(&t, "size = 3G", options));
    assert_int_equal(the.size, INT64_C(3) << 30);
    case_end(&t);
    assert_true(bind_table(&t, "size = 512", options));
    assert_int_equal(the.size, 512);
    case_end(&t);
    refuses("size = 12x", "size = 12x: expected a size like 512, 64K, 2M or 1G");
    refuses("size = 1k", "size = 1k: expected a size");
    refuses("size = 9999999999G", "size = 9999999999G: expected a size");
}

static void yes_and_no_and_nothing_else(void **state)
{
    (void)state;
    config_case t;
    assert_true(bind_table(&t, "truth = yes", options));
    assert_true(the.truth);
    case_end(&t);
    refuses("truth = true", "truth = true: expected yes or no");
    refuses("truth =", "truth = (empty): expected yes or no");
}

static void a_choice_is_one_of_its_words(void **state)
{
    (void)state;
    config_case t;
    assert_true(bind_table(&t, "choice = blue", options));
    assert_string_equal(the.choice, "blue");
    case_end(&t);
    refuses("choice = gree", "choice = gree: expected red, green or blue");
    refuses("choice = red|green", "choice = red|green: expected red, green or blue");
    refuses("choice =", "choice = (empty): expected red, green or blue");
}

static void a_list_is_split_at_commas_and_trimmed(void **state)
{
    (void)state;
    config_case t;
    assert_true(bind_table(&t, "list =  a , b c,d", options));
    assert_int_equal(the.list.count, 3);
    assert_string_equal(the.list.items[0], "a");
    assert_string_equal(the.list.items[1], "b c");
    assert_string_equal(the.list.items[2], "d");
    case_end(&t);
    refuses("list = a,,b", "list = a,,b: expected a list such as");
    refuses("list = a,", "list = a,: expected a list such as");
    accepts("list =");
}

static void an_unknown_key_is_refused_with_the_nearest_known_one(void **state)
{
    (void)state;
    refuses("numbr = 1", "numbr: there is no such key; did you mean number?");
    refuses("chioce = red", "chioce: there is no such key; did you mean choice?");
    refuses("migration = x", "migration: there is no such key; did you mean migrations?");
    config_case t;
    assert_false(bind_table(&t, "colour = red", options));
    assert_string_equal(strstr(problems_text(t.found, 0), "[plugin:a]"), "[plugin:a] colour: there is no such key");
    case_end(&t);
}

static void a_required_key_is_missed_with_its_help(void **state)
{
    (void)state;
    config_case t;
    assert_false(bind_table(&t, "", required));
    assert_only_problem(&t, "talelio.ini:1: [plugin:a] secret is missing: openssl makes one");
    case_end(&t);
    assert_false(bind_table(&t, "secret =", required));
    assert_only_problem(&t, "talelio.ini:3: [plugin:a] secret = (empty): expected a value that is not empty");
    case_end(&t);
}

static void a_secret_is_shown_neither_by_problems_nor_by_the_table(void **state)
{
    (void)state;
    static const tl_option numeric[] = {{"secret", TL_OPTION_SECRET, &the.secret, ""}, {0}};
    config_case t;
    assert_true(bind_table(&t, "secret = hunter2", numeric));
    char *text = case_printed(&t);
    assert_null(strstr(text, "hunter2"));
    assert_non_null(strstr(text, "secret = ******** "));
    assert_string_equal(the.secret, "hunter2");
    free(text);
    case_end(&t);
}

static void a_default_that_is_wrong_is_the_tables_own_fault(void **state)
{
    (void)state;
    static const tl_option broken[] = {{"number", TL_OPTION_INT, &the.number, "11", 0, 10}, {0}};
    config_case t;
    assert_false(bind_table(&t, "", broken));
    assert_only_problem(&t,
                        "talelio.ini: [plugin:a] number = 11 (its own default): expected a whole number from 0 to 10");
    case_end(&t);
}

static void tables_of_another_version_are_read_by_their_own_size(void **state)
{
    (void)state;
    /* Entries of a later version have something behind what is known now. */
    static const struct {
        tl_option option;
        const char *later[3];
    } longer[] = {{{"number", TL_OPTION_INT, &the.number, "7"}, {"a", "b", "c"}},
                  {{"text", TL_OPTION_STRING, &the.text, "y"}, {"a", "b", "c"}},
                  {{0}, {0}}};
    config_case t;
    case_load(&t, "[plugin:a]\ntext = z\n", NULL);
    assert_true(config_bind(t.c, "plugin:a", &longer[0].option, sizeof *longer, NULL, t.found));
    assert_int_equal(the.number, 7);
    assert_string_equal(the.text, "z");
    case_end(&t);
}

static void binding_twice_shows_a_key_once(void **state)
{
    (void)state;
    config_case t;
    assert_true(bind_table(&t, "text = z", options));
    assert_true(
        config_bind(t.c, "plugin:a", options, sizeof *options, (const char *const[]){"enabled", NULL}, t.found));
    char *text = case_printed(&t);
    int count = 0;
    for (const char *at = text; (at = strstr(at, "text = z")); at++)
        count++;
    free(text);
    assert_int_equal(count, 1);
    case_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_values_like_others),
        cmocka_unit_test(numbers_are_whole_decimal_and_within_their_limits),
        cmocka_unit_test(durations_have_a_unit),
        cmocka_unit_test(sizes_count_in_powers_of_two),
        cmocka_unit_test(yes_and_no_and_nothing_else),
        cmocka_unit_test(a_choice_is_one_of_its_words),
        cmocka_unit_test(a_list_is_split_at_commas_and_trimmed),
        cmocka_unit_test(an_unknown_key_is_refused_with_the_nearest_known_one),
        cmocka_unit_test(a_required_key_is_missed_with_its_help),
        cmocka_unit_test(a_secret_is_shown_neither_by_problems_nor_by_the_table),
        cmocka_unit_test(a_default_that_is_wrong_is_the_tables_own_fault),
        cmocka_unit_test(tables_of_another_version_are_read_by_their_own_size),
        cmocka_unit_test(binding_twice_shows_a_key_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
