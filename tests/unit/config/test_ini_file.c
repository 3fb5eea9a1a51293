/* The ini file as a file and as a text: what is refused, with which line. */
#include "tests/unit/config/config_case.h"

static const tl_option no_options[] = {{0}};

/* A problem in a file whose line 2 is `line`. */
static void refuses(const char *line, const char *expected)
{
    config_case t;
    char text[2048];
    snprintf(text, sizeof text, "[server]\n%s\n", line);
    case_load(&t, text, NULL);
    assert_non_null(t.c);
    assert_only_problem(&t, expected);
    case_end(&t);
}

static void values_arrive_as_they_stand(void **state)
{
    (void)state;
    config_case t;
    assert_true(case_bind(
        &t, "\n# a comment\n; another\n  # an indented one\n[server]\naddress=::1\nport   =   81  \n" ENOUGH, NULL));
    assert_string_equal(t.s.address, "::1");
    assert_int_equal(t.s.port, 81);
    assert_no_problem(&t);
    case_end(&t);
}

static void line_ends_of_other_systems_and_a_byte_order_mark_are_fine(void **state)
{
    (void)state;
    config_case t;
    assert_true(case_bind(&t, "\xef\xbb\xbf[server]\r\nport = 81\r\n\r\n" ENOUGH, NULL));
    assert_int_equal(t.s.port, 81);
    case_end(&t);
}

static void a_last_line_without_an_end_counts(void **state)
{
    (void)state;
    config_case t;
    assert_true(case_bind(&t, ENOUGH "[server]\nport = 81", NULL));
    assert_int_equal(t.s.port, 81);
    case_end(&t);
}

static void characters_that_other_formats_mean_something_by_are_part_of_a_value(void **state)
{
    (void)state;
    config_case t;
    assert_true(case_bind(&t, ENOUGH "[redis]\nprefix = a=b:c;d#e\"f'[g]\n", NULL));
    assert_string_equal(t.s.redis_prefix, "a=b:c;d#e\"f'[g]");
    case_end(&t);
}

static void a_line_of_198_bytes_passes_and_one_more_does_not(void **state)
{
    (void)state;
    char text[512] = ENOUGH "[redis]\nprefix = ";
    size_t start = strlen(text), length = 198 - strlen("prefix = ");
    memset(text + start, 'x', length);
    strcpy(text + start + length, "\n");
    config_case t;
    assert_true(case_bind(&t, text, NULL));
    assert_int_equal(strlen(t.s.redis_prefix), length);
    case_end(&t);
    strcpy(text + start + length, "x\n");
    case_load(&t, text, NULL);
    assert_only_problem(&t, "talelio.ini:4: the line has more than 198 bytes: put a long value into a variable");
    case_end(&t);
}

static void the_tail_of_a_long_line_is_no_line_of_its_own(void **state)
{
    (void)state;
    char text[1024] = "[server]\nuser = ";
    memset(text + strlen(text), 'x', 300);
    strcat(text, "\n");
    /* Where inih would split the line, the rest reads as a key. */
    memcpy(text + strlen("[server]\n") + 199, "port = 1", 8);
    config_case t;
    case_load(&t, text, NULL);
    assert_only_problem(&t, "talelio.ini:2: the line has more than");
    config_bind_core(t.c, &t.s, t.found);
    assert_int_equal(t.s.port, 5000);
    case_end(&t);
}

static void an_indented_line_does_not_continue_a_value(void **state)
{
    (void)state;
    refuses("address = ::1\n  port = 1", "talelio.ini:3: the line begins with a blank");
    refuses("\tport = 1", "talelio.ini:2: the line begins with a blank");
}

static void a_comment_behind_a_value_is_refused(void **state)
{
    (void)state;
    refuses("port = 1 ; one", "talelio.ini:2: port: found \" ;\" in the value: a comment needs a line of its own");
    refuses("port = 1 # one", "talelio.ini:2: port: found \" #\" in the value");
    refuses("port = \"1 ;2\"", "talelio.ini:2: port: found \" ;\" in the value");
    refuses("port = ;", "talelio.ini:2: port: found \" ;\" in the value");
}

static void a_line_that_is_neither_section_nor_key_is_refused(void **state)
{
    (void)state;
    refuses("port", "talelio.ini:2: expected [section] or key = value");
    refuses("port: 1", "talelio.ini:2: expected [section] or key = value");
    refuses("= 1", "talelio.ini:2: expected [section] or key = value");
    refuses("Port = 1", "talelio.ini:2: expected [section] or key = value");
    refuses("po rt = 1", "talelio.ini:2: expected [section] or key = value");
    refuses("port ;x = 1", "talelio.ini:2: expected [section] or key = value");
}

static void a_malformed_section_is_refused_and_its_keys_go_nowhere(void **state)
{
    (void)state;
    refuses("[http\nport = 1", "talelio.ini:2: expected [section] and nothing behind it");
    refuses("[http] x\nport = 1", "talelio.ini:2: expected [section] and nothing behind it");
    refuses("[]\nport = 1", "talelio.ini:2: []: expected a section such as");
    refuses("[plugin:]\nport = 1", "talelio.ini:2: [plugin:]: expected a section such as");
    refuses("[plugin:../x]\nport = 1", "talelio.ini:2: [plugin:../x]: expected a section such as");
    refuses("[Http]\nport = 1", "talelio.ini:2: [Http]: expected a section such as");
    refuses(" [http]\nport = 1", "talelio.ini:2: the line begins with a blank");
    refuses("[plugin:a2345678901234567890123456789012345678901234567890]\nport = 1",
            "talelio.ini:2: the name of the section is longer than 48 bytes");
}

static void keys_below_a_doubtful_section_do_not_reach_the_one_above(void **state)
{
    (void)state;
    char longer[256] = "[";
    memset(longer + 1, 'x', 200);
    const char *const heads[] = {"[http", "[http] x", "[Http]", " [http]", "[ht\033tp]", longer};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        config_case t;
        char text[512];
        snprintf(text, sizeof text, ENOUGH "[server]\n%s\nport = 1\n", heads[i]);
        case_bind(&t, text, NULL);
        assert_int_equal(problems_count(t.found), 1);
        assert_int_equal(t.s.port, 5000);
        case_end(&t);
    }
}

static void what_is_there_twice_is_refused_with_both_lines(void **state)
{
    (void)state;
    refuses("port = 1\nport = 2", "talelio.ini:3: [server] port is there twice: first in line 2");
    refuses("[http]\n[server]\nport = 3", "talelio.ini:3: [server] is there twice: first in line 1");
}

static void a_key_before_any_section_is_refused(void **state)
{
    (void)state;
    config_case t;
    case_load(&t, "port = 1\n", NULL);
    assert_only_problem(&t, "talelio.ini:1: found a key before the first [section]");
    case_end(&t);
}

static void a_control_character_is_refused(void **state)
{
    (void)state;
    refuses("user = a\033[31m", "talelio.ini:2: found a control character");
    refuses("user = a\rport = 1", "talelio.ini:2: found a control character");
}

static void all_problems_are_told_in_one_go(void **state)
{
    (void)state;
    config_case t;
    case_load(&t, "[server]\nport\nuser = a ; b\n[nonsense\n[http]\n max = 1\n", NULL);
    assert_int_equal(problems_count(t.found), 4);
    case_end(&t);
}

static void a_nul_byte_is_refused_with_its_line(void **state)
{
    (void)state;
    static const char text[] = "[server]\nuser = a\0b\n";
    config_case t;
    case_load_bytes(&t, text, sizeof text - 1, NULL);
    assert_null(t.c);
    assert_only_problem(&t, "talelio.ini:2: found a NUL byte");
    case_end(&t);
}

static void a_byte_that_is_not_utf_8_is_refused_with_its_line(void **state)
{
    (void)state;
    config_case t;
    case_load(&t, "[server]\n# gr\xfc\xdf\n", NULL);
    assert_null(t.c);
    assert_only_problem(&t, "talelio.ini:2: found a byte that is not UTF-8");
    case_end(&t);
}

static void a_file_above_a_mebibyte_is_refused(void **state)
{
    (void)state;
    size_t size = (1 << 20) + 1;
    char *text = malloc(size);
    memset(text, '\n', size);
    config_case t;
    case_load_bytes(&t, text, size - 1, NULL);
    assert_non_null(t.c);
    case_end(&t);
    case_load_bytes(&t, text, size, NULL);
    assert_null(t.c);
    assert_only_problem(&t, "talelio.ini: is larger than 1 MiB");
    case_end(&t);
    free(text);
}

static void a_missing_file_a_folder_and_a_pipe_are_refused(void **state)
{
    (void)state;
    config_case t;
    case_folder(&t);
    assert_null(config_load(t.ini, NULL, t.found));
    assert_only_problem(&t, "talelio.ini: cannot be read: No such file");
    assert_null(config_load(t.folder, NULL, t.found));
    assert_true(has_problem(&t, "is a directory: expected a regular file"));
    assert_int_equal(mkfifo(t.ini, 0600), 0);
    assert_null(config_load(t.ini, NULL, t.found));
    assert_true(has_problem(&t, "is a device, socket or pipe"));
    case_end(&t);
}

static void more_keys_than_anybody_needs_are_refused(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    fprintf(out, "[server]\n");
    for (int i = 0; i < 2001; i++)
        fprintf(out, "k%d = 1\n", i);
    fclose(out);
    config_case t;
    case_load(&t, text, NULL);
    assert_only_problem(&t, "talelio.ini:2002: has more than 2000 keys");
    case_end(&t);
    free(text);
}

static void plugins_are_listed_in_the_order_of_the_file(void **state)
{
    (void)state;
    config_case t;
    case_load(&t, "[plugin:b]\nenabled = yes\n[server]\n[plugin:a]\nenabled = no\n[plugin:c]\n", NULL);
    assert_string_equal(config_plugin_name(t.c, 0), "b");
    assert_string_equal(config_plugin_name(t.c, 1), "a");
    assert_string_equal(config_plugin_name(t.c, 2), "c");
    assert_null(config_plugin_name(t.c, 3));
    assert_true(config_plugin_enabled(t.c, "b", t.found));
    assert_false(config_plugin_enabled(t.c, "a", t.found));
    assert_no_problem(&t);
    assert_false(config_plugin_enabled(t.c, "c", t.found));
    assert_only_problem(&t, "talelio.ini:6: [plugin:c] enabled is missing: write enabled = yes, or no");
    case_end(&t);
}

static void a_plugin_is_neither_quite_on_nor_quite_off(void **state)
{
    (void)state;
    config_case t;
    case_load(&t, "[plugin:a]\nenabled = true\n", NULL);
    assert_false(config_plugin_enabled(t.c, "a", t.found));
    assert_only_problem(&t, "talelio.ini:2: [plugin:a] enabled = true: expected yes or no");
    case_end(&t);
}

static void paths_of_plugins_start_from_the_folder_of_the_ini_file(void **state)
{
    (void)state;
    config_case t;
    char expected[128];
    assert_true(case_bind(&t,
                          ENOUGH "[server]\nplugin_dir = ../so\n[plugin:a]\n[plugin:b]\npath = lib/b.so\nmigrations = "
                                 "../../sql\n[plugin:c]\npath = /x/c.so\n",
                          NULL));
    assert_string_equal(config_plugin_path(t.c, "a", &t.s), "/tmp/so/a.so");
    snprintf(expected, sizeof expected, "%s/lib/b.so", t.folder);
    assert_string_equal(config_plugin_path(t.c, "b", &t.s), expected);
    assert_string_equal(config_plugin_path(t.c, "c", &t.s), "/x/c.so");
    assert_string_equal(config_plugin_migrations(t.c, "b"), "/sql");
    assert_null(config_plugin_migrations(t.c, "a"));
    static const char *const reserved[] = {"path", "migrations", NULL};
    assert_true(config_bind(t.c, "plugin:b", no_options, sizeof *no_options, reserved, t.found));
    case_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_arrive_as_they_stand),
        cmocka_unit_test(line_ends_of_other_systems_and_a_byte_order_mark_are_fine),
        cmocka_unit_test(a_last_line_without_an_end_counts),
        cmocka_unit_test(characters_that_other_formats_mean_something_by_are_part_of_a_value),
        cmocka_unit_test(a_line_of_198_bytes_passes_and_one_more_does_not),
        cmocka_unit_test(the_tail_of_a_long_line_is_no_line_of_its_own),
        cmocka_unit_test(an_indented_line_does_not_continue_a_value),
        cmocka_unit_test(a_comment_behind_a_value_is_refused),
        cmocka_unit_test(a_line_that_is_neither_section_nor_key_is_refused),
        cmocka_unit_test(a_malformed_section_is_refused_and_its_keys_go_nowhere),
        cmocka_unit_test(keys_below_a_doubtful_section_do_not_reach_the_one_above),
        cmocka_unit_test(what_is_there_twice_is_refused_with_both_lines),
        cmocka_unit_test(a_key_before_any_section_is_refused),
        cmocka_unit_test(a_control_character_is_refused),
        cmocka_unit_test(all_problems_are_told_in_one_go),
        cmocka_unit_test(a_nul_byte_is_refused_with_its_line),
        cmocka_unit_test(a_byte_that_is_not_utf_8_is_refused_with_its_line),
        cmocka_unit_test(a_file_above_a_mebibyte_is_refused),
        cmocka_unit_test(a_missing_file_a_folder_and_a_pipe_are_refused),
        cmocka_unit_test(more_keys_than_anybody_needs_are_refused),
        cmocka_unit_test(plugins_are_listed_in_the_order_of_the_file),
        cmocka_unit_test(a_plugin_is_neither_quite_on_nor_quite_off),
        cmocka_unit_test(paths_of_plugins_start_from_the_folder_of_the_ini_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
