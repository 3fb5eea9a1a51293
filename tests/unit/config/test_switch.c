/*
 * Turning plugins on and off in the text of an ini file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/config/config.h"
#include "core/memory/arena.h"

static void becomes(const char *before, bool on, const char *after)
{
    arena *memory = arena_new(NULL);
    const char *text = config_switch(memory, before, "notes", on);
    if (after)
        assert_string_equal(text, after);
    else
        assert_null(text);
    arena_free(memory);
}

static void one_value_changes_and_nothing_else(void **unused)
{
    (void)unused;
    becomes("; first\n[server]\nport = 1\n\n[plugin:notes]\n# why\nenabled = yes\nx = y\n", false,
            "; first\n[server]\nport = 1\n\n[plugin:notes]\n# why\nenabled = no\nx = y\n");
    becomes("[plugin:notes]\nenabled=no\n[plugin:other]\nenabled = no\n", true,
            "[plugin:notes]\nenabled=yes\n[plugin:other]\nenabled = no\n");
    becomes("[plugin:notes]  \nenabled\t =   no \t\nx = no\n", true,
            "[plugin:notes]  \nenabled\t =   yes \t\nx = no\n");
    becomes("[plugin:notes]\nenabled =\n", true, "[plugin:notes]\nenabled =yes\n");
    becomes("\xef\xbb\xbf[plugin:notes]\nenabled = no\n", true, "\xef\xbb\xbf[plugin:notes]\nenabled = yes\n");
}

static void only_its_own_section_counts(void **unused)
{
    (void)unused;
    becomes("[plugin:notes2]\nenabled = no\n[plugin:notes]\npath = x\n", true,
            "[plugin:notes2]\nenabled = no\n[plugin:notes]\nenabled = yes\npath = x\n");
    becomes("# [plugin:notes]\nenabled = no\n", false, NULL);
    becomes("[plugin:notes]\nenabled_too = 1\n; enabled = no\n", true,
            "[plugin:notes]\nenabled = yes\nenabled_too = 1\n; enabled = no\n");
}

static void what_is_missing_is_added(void **unused)
{
    (void)unused;
    becomes("[server]\nport = 1\n", true, "[server]\nport = 1\n\n[plugin:notes]\nenabled = yes\n");
    becomes("[server]\nport = 1", true, "[server]\nport = 1\n\n[plugin:notes]\nenabled = yes\n");
    becomes("", true, "[plugin:notes]\nenabled = yes\n");
    becomes("[server]\n", false, NULL);
    becomes("[plugin:notes]", true, "[plugin:notes]\nenabled = yes\n");
    becomes("[plugin:notes]\n# on\nx = y\n", false, "[plugin:notes]\nenabled = no\n# on\nx = y\n");
}

static void line_ends_stay_as_they_are(void **unused)
{
    (void)unused;
    becomes("[plugin:notes]\r\nenabled = no\r\nx = y\r\n", true, "[plugin:notes]\r\nenabled = yes\r\nx = y\r\n");
    becomes("[plugin:notes]\nenabled = no", true, "[plugin:notes]\nenabled = yes");
    becomes("[plugin:notes]\r\nenabled = no", true, "[plugin:notes]\r\nenabled = yes");
    becomes("[plugin:notes]\r\nx = y", true, "[plugin:notes]\r\nenabled = yes\r\nx = y");
    becomes("[server]\r\n", true, "[server]\r\n\r\n[plugin:notes]\r\nenabled = yes\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_value_changes_and_nothing_else),
        cmocka_unit_test(only_its_own_section_counts),
        cmocka_unit_test(what_is_missing_is_added),
        cmocka_unit_test(line_ends_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
