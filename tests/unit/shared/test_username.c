/*
 * Which names users can have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugins/shared/username.h"

typedef struct sample {
    const char *text;
    bool allowed;
} sample;

static void usernames_are_1_to_20_letters_digits_hyphens_underscores(void **state)
{
    (void)state;
    static const sample samples[] = {
        {"a", true},
        {"Talel_2-x", true},
        {"12345678901234567890", true},
        {"", false},
        {"123456789012345678901", false},
        {"a b", false},
        {"a.b", false},
        {"a/b", false},
        {"a\n", false},
        {"\xc3\xa9", false},
        {"\xff", false},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        assert_int_equal(username_is_possible(samples[i].text), samples[i].allowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usernames_are_1_to_20_letters_digits_hyphens_underscores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
