/*
 * Which addresses others may begin with, and how much of them they begin with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/shared/address.h"

static void slashes_at_the_end_do_not_count(void **state)
{
    (void)state;
    static const char *const good[] = {"http://localhost:5000", "https://www.example.org", "https://example.org/below",
                                       "http://[::1]:5000", "https://bücher.example"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(address_length(good[i]), strlen(good[i]));
    assert_int_equal(address_length("https://example.org/"), strlen("https://example.org"));
    assert_int_equal(address_length("https://example.org/a//"), strlen("https://example.org/a"));
}

static void what_a_path_cannot_be_put_behind_is_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "/",
                                      "api.example.org",
                                      "localhost:5000",
                                      "ftp://example.org",
                                      "HTTP://example.org",
                                      "http://",
                                      "https:///",
                                      "https:///path",
                                      "http://:5000",
                                      "http://@example.org",
                                      "https://a b",
                                      "https://example.org/?a=b",
                                      "https://example.org/#a",
                                      "https://example.org/\"",
                                      "https://example.org\\",
                                      "https://example.org/\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(address_length(bad[i]), 0);
    char longest[1026];
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "https://", 8);
    longest[1024] = '\0';
    assert_int_equal(address_length(longest), 1024);
    longest[1024] = 'a';
    longest[1025] = '\0';
    assert_int_equal(address_length(longest), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slashes_at_the_end_do_not_count),
        cmocka_unit_test(what_a_path_cannot_be_put_behind_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
