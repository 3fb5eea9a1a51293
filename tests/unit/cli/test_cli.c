/*
 * The command line's own parts: its words, its suggestions, the options that every command understands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cli/cli.h"
#include "core/cli/command.h"

static char folder[] = "/tmp/talelio-cli-XXXXXX";

static void touch(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static int enter_folder(void **unused)
{
    (void)unused;
    unsetenv("TALELIO_CONFIG");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **unused)
{
    (void)unused;
    unlink("a.ini");
    unlink("b.env");
    unlink(".env");
    return chdir("/") == 0 ? rmdir(folder) : -1;
}

enum { WORDS_MAX = 16 };
static char *words[WORDS_MAX];

/* Parses the words of a line, which are separated by single spaces. */
static bool parse(invocation *in, const char *line)
{
    static char copy[256];
    snprintf(copy, sizeof copy, "talelio %s", line);
    int count = 0;
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    words[count] = NULL;
    return cli_read_options(in, count, words);
}

static void common_options_stand_anywhere(void **unused)
{
    (void)unused;
    touch("a.ini");
    touch("b.env");
    static const char *const lines[] = {
        "--config a.ini --env b.env user add x",
        "user --config a.ini add --env=b.env x",
        "user add x --env b.env --config=a.ini",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        invocation in;
        assert_true(parse(&in, lines[i]));
        assert_string_equal(in.ini, "a.ini");
        assert_string_equal(in.env, "b.env");
        assert_int_equal(in.argc, 3);
        assert_string_equal(in.argv[0], "user");
        assert_string_equal(in.argv[1], "add");
        assert_string_equal(in.argv[2], "x");
        assert_null(in.argv[3]);
        assert_false(in.help);
    }
}

static void words_behind_two_dashes_are_left_alone(void **unused)
{
    (void)unused;
    invocation in;
    assert_true(parse(&in, "user --help -- --config --help"));
    assert_true(in.help);
    assert_int_equal(in.argc, 3);
    assert_string_equal(in.argv[1], "--config");
    assert_string_equal(in.argv[2], "--help");
}

static void an_option_without_its_file_is_refused(void **unused)
{
    (void)unused;
    invocation in;
    assert_false(parse(&in, "serve --config"));
    assert_false(parse(&in, "serve --config="));
    assert_false(parse(&in, "serve --config no-such.ini"));
    assert_false(parse(&in, "serve --env no-such.env"));
}

static void other_options_are_the_commands_own(void **unused)
{
    (void)unused;
    invocation in;
    assert_true(parse(&in, "user --configure --envy=1"));
    assert_int_equal(in.argc, 3);
}

static void the_environment_names_the_file_unless_an_option_does(void **unused)
{
    (void)unused;
    touch("a.ini");
    touch("b.env");
    setenv("TALELIO_CONFIG", "b.env", 1);
    invocation in;
    assert_true(parse(&in, "serve"));
    assert_string_equal(in.ini, "b.env");
    assert_true(parse(&in, "serve --config a.ini"));
    assert_string_equal(in.ini, "a.ini");
    setenv("TALELIO_CONFIG", "no-such.ini", 1);
    assert_false(parse(&in, "serve"));
    unsetenv("TALELIO_CONFIG");
}

static void a_dot_env_is_used_when_there_is_one(void **unused)
{
    (void)unused;
    invocation in;
    unlink(".env");
    assert_true(parse(&in, "serve"));
    assert_null(in.env);
    touch(".env");
    assert_true(parse(&in, "serve"));
    assert_string_equal(in.env, ".env");
}

static void near_words_are_suggested(void **unused)
{
    (void)unused;
    assert_string_equal(cli_suggest("serv"), "serve");
    assert_string_equal(cli_suggest("sevre"), "serve");
    assert_string_equal(cli_suggest("rutes"), "routes");
    assert_string_equal(cli_suggest("chekc"), "check");
    assert_null(cli_suggest("user"));
    assert_null(cli_suggest(""));
    assert_null(cli_suggest("a-word-that-is-longer-than-any-row-of-letters-could-be"));
}

static void own_words_are_known(void **unused)
{
    (void)unused;
    assert_true(cli_is_builtin("serve"));
    assert_true(cli_is_builtin("help"));
    assert_false(cli_is_builtin("user"));
    assert_false(cli_is_builtin(""));
}

static int run(const char *line)
{
    static char copy[256];
    snprintf(copy, sizeof copy, "talelio %s", line);
    int count = 0;
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    words[count] = NULL;
    return cli_main(count, words);
}

static void exit_codes_tell_misuse_from_failure(void **unused)
{
    (void)unused;
    assert_int_equal(run(""), CLI_USAGE);
    assert_int_equal(run("--help"), CLI_OK);
    assert_int_equal(run("help"), CLI_OK);
    assert_int_equal(run("help serve"), CLI_OK);
    assert_int_equal(run("version"), CLI_OK);
    assert_int_equal(run("--version"), CLI_OK);
    assert_int_equal(run("version now"), CLI_USAGE);
    assert_int_equal(run("serve now"), CLI_USAGE);
    assert_int_equal(run("plugins --option"), CLI_USAGE);
    assert_int_equal(run("serv"), CLI_USAGE);
    assert_int_equal(run("--nonsense"), CLI_USAGE);
    /* no configuration anywhere */
    assert_int_equal(run("serve"), CLI_FAILED);
    assert_int_equal(run("check"), CLI_FAILED);
    assert_int_equal(run("migrate"), CLI_FAILED);
}

static void every_command_has_help(void **unused)
{
    (void)unused;
    static const char *const names[] = {"serve",  "dev",    "check",   "migrate", "routes",     "plugins",
                                        "jobs",   "config", "store",   "plugin",  "new-plugin", "reload",
                                        "status", "stop",   "version", "help"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s --help", names[i]);
        assert_int_equal(run(line), CLI_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(common_options_stand_anywhere),
        cmocka_unit_test(words_behind_two_dashes_are_left_alone),
        cmocka_unit_test(an_option_without_its_file_is_refused),
        cmocka_unit_test(other_options_are_the_commands_own),
        cmocka_unit_test(the_environment_names_the_file_unless_an_option_does),
        cmocka_unit_test(a_dot_env_is_used_when_there_is_one),
        cmocka_unit_test(near_words_are_suggested),
        cmocka_unit_test(own_words_are_known),
        cmocka_unit_test(exit_codes_tell_misuse_from_failure),
        cmocka_unit_test(every_command_has_help),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
