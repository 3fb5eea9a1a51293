/* What is UTF-8 and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/log/utf8.h"

static void sequences_of_every_length_pass(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } right[] = {{"a", 1},
                 {"\x7f", 1},
                 {"\xc2\x80", 2},
                 {"\xdf\xbf", 2},
                 {"\xe0\xa0\x80", 3},
                 {"\xed\x9f\xbf", 3},
                 {"\xee\x80\x80", 3},
                 {"\xef\xbf\xbf", 3},
                 {"\xf0\x90\x80\x80", 4},
                 {"\xf4\x8f\xbf\xbf", 4}};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_int_equal(utf8_sequence(right[i].text, strlen(right[i].text)), right[i].length);
}

static void what_a_strict_decoder_refuses_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"\x80",
                                        "\xbf",
                                        "\xc0\x80",
                                        "\xc1\xbf",
                                        "\xc2",
                                        "\xc2\x41",
                                        "\xe0\x9f\xbf",
                                        "\xed\xa0\x80",
                                        "\xed\xbf\xbf",
                                        "\xe2\x82",
                                        "\xe2\x82\x41",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xf0\x90\x80",
                                        "\xff"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(utf8_sequence(wrong[i], strlen(wrong[i])), 0);
    assert_int_equal(utf8_sequence("a", 0), 0);
}

static void a_text_is_as_good_as_its_worst_sequence(void **state)
{
    (void)state;
    assert_true(utf8_is_valid("", 0));
    assert_true(utf8_is_valid("aé👍", strlen("aé👍")));
    assert_false(utf8_is_valid("aé\xf0\x9f\x91", strlen("aé\xf0\x9f\x91")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_of_every_length_pass),
        cmocka_unit_test(what_a_strict_decoder_refuses_is_refused),
        cmocka_unit_test(a_text_is_as_good_as_its_worst_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
