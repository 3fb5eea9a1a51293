/*
 * talelio plugin enable|disable: the new ini file is on the disk before it takes the old one's place.
 */
/* cmocka names a macro "fail", so it comes behind the headers that use the word. */
#include "core/cli/command.h"
#include "tests/unit/support/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static char folder[] = "/tmp/talelio-switch-XXXXXX";
static char ini[64], draft[80];

static const char text_of[] = "[server]\n"
                              "run_dir = %s/run\n"
                              "plugin_dir = %s\n"
                              "[postgres]\n"
                              "url = host=/nonexistent dbname=none\n"
                              "[redis]\n"
                              "address = /nonexistent\n"
                              "[plugin:crash]\n"
                              "enabled = %s\n";

static const char *text_with(const char *enabled)
{
    static char text[512];
    snprintf(text, sizeof text, text_of, folder, TL_TEST_PLUGINS, enabled);
    return text;
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(ini, sizeof ini, "%s/talelio.ini", folder);
    snprintf(draft, sizeof draft, "%s.draft", ini);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(ini);
    return rmdir(folder);
}

static int set_up(void **state)
{
    FILE *file = fopen(ini, "w");
    (void)state;
    disk_forget();
    if (!file)
        return -1;
    fputs(text_with("yes"), file);
    return fclose(file);
}

static int disable(void)
{
    static char *words[] = {"plugin", "disable", "crash", NULL};
    return command_plugin(&(invocation){.ini = ini, .argc = 3, .argv = words});
}

static bool has(const char *text)
{
    char content[512];
    FILE *file = fopen(ini, "r");
    assert_non_null(file);
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    return strcmp(content, text) == 0;
}

static void it_is_on_the_disk_before_it_takes_the_old_ones_place(void **state)
{
    char expected[256];
    (void)state;
    assert_int_equal(disable(), CLI_OK);
    assert_true(has(text_with("no")));
    snprintf(expected, sizeof expected,
             "sync talelio.ini.draft of %d\nrename talelio.ini.draft to talelio.ini\nsync %s/\n",
             (int)strlen(text_with("no")), disk_name(folder));
    assert_string_equal(disk_notes, expected);
}

static void the_old_one_stays_when_the_disk_does_not_take_the_new_one(void **state)
{
    (void)state;
    disk_fails_files = true;
    assert_int_equal(disable(), CLI_FAILED);
    assert_true(has(text_with("yes")));
    assert_int_not_equal(access(draft, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_is_on_the_disk_before_it_takes_the_old_ones_place, set_up),
        cmocka_unit_test_setup(the_old_one_stays_when_the_disk_does_not_take_the_new_one, set_up),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
