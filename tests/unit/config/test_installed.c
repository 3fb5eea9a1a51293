/* Where an installed server's own files are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/config/installed.h"

static void the_ini_file_is_where_gnu_and_debian_have_it(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"/usr", "/etc/talelio/talelio.ini"},
        {"/usr/local", "/usr/local/etc/talelio/talelio.ini"},
        {"/opt/site", "/etc/opt/site/talelio/talelio.ini"},
        {"/home/me/site", "/home/me/site/etc/talelio/talelio.ini"},
    };
    char found[PATH_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(installed_ini_below(cases[i][0], found), cases[i][1]);
}

static void folders_are_below_the_prefix_unless_they_are_absolute(void **state)
{
    (void)state;
    char found[PATH_MAX];
    assert_string_equal(installed_folder_below("/usr", "lib/talelio", found), "/usr/lib/talelio");
    assert_string_equal(installed_folder_below("/usr", "/lib64/talelio", found), "/lib64/talelio");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ini_file_is_where_gnu_and_debian_have_it),
        cmocka_unit_test(folders_are_below_the_prefix_unless_they_are_absolute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
