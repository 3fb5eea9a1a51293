/*
 * Numbers of pages and the Link header.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "plugins/shared/paging.h"

static void positive_decimals_are_numbers(void **state)
{
    (void)state;
    int64_t number;

    assert_true(paging_number("1", &number) && number == 1);
    assert_true(paging_number("010", &number) && number == 10);
    assert_true(paging_number("9223372036854775807", &number) && number == INT64_MAX);
}

static void what_is_too_large_is_the_largest_number(void **state)
{
    (void)state;
    static const char *const large[] = {"9223372036854775808", "18446744073709551617",
                                        "100000000000000000000000000000"};
    int64_t number;

    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        assert_true(paging_number(large[i], &number) && number == INT64_MAX);
}

static void anything_else_is_none(void **state)
{
    (void)state;
    static const char *const none[] = {"",    "0",   "00",  "-1", "+1",       " 1", "1 ",
                                       "1.5", "1e3", "0x1", "x",  "\xd9\xa1", "1x", "1\n"};
    int64_t number;

    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(paging_number(none[i], &number));
}

static void an_empty_list_has_one_page(void **state)
{
    (void)state;
    assert_int_equal(paging_pages(0, 10), 1);
    assert_int_equal(paging_pages(1, 10), 1);
    assert_int_equal(paging_pages(10, 10), 1);
    assert_int_equal(paging_pages(11, 10), 2);
    assert_int_equal(paging_pages(INT64_MAX, 1), INT64_MAX);
}

static void expect(int64_t page, int64_t limit, int64_t total, const char *expected)
{
    char link[PAGING_LINK_SIZE];

    assert_int_equal(paging_link(link, "/l", page, limit, total), expected[0] != '\0');
    assert_string_equal(link, expected);
}

static void relations_that_exist_are_in_the_header(void **state)
{
    (void)state;
    expect(
        1, 10, 25,
        "</l?page=2&limit=10>; rel=\"next\", </l?page=1&limit=10>; rel=\"first\", </l?page=3&limit=10>; rel=\"last\"");
    expect(
        2, 10, 25,
        "</l?page=3&limit=10>; rel=\"next\", </l?page=1&limit=10>; rel=\"prev\", </l?page=1&limit=10>; rel=\"first\", "
        "</l?page=3&limit=10>; rel=\"last\"");
    expect(
        3, 10, 25,
        "</l?page=2&limit=10>; rel=\"prev\", </l?page=1&limit=10>; rel=\"first\", </l?page=3&limit=10>; rel=\"last\"");
}

static void a_list_of_one_page_has_no_header(void **state)
{
    (void)state;
    expect(1, 10, 0, "");
    expect(1, 10, 10, "");
}

static void past_the_end_the_last_page_comes_before(void **state)
{
    (void)state;
    expect(
        9, 10, 25,
        "</l?page=3&limit=10>; rel=\"prev\", </l?page=1&limit=10>; rel=\"first\", </l?page=3&limit=10>; rel=\"last\"");
    expect(
        INT64_MAX, 10, 0,
        "</l?page=1&limit=10>; rel=\"prev\", </l?page=1&limit=10>; rel=\"first\", </l?page=1&limit=10>; rel=\"last\"");
}

static void the_longest_header_fits(void **state)
{
    (void)state;
    char path[129], link[PAGING_LINK_SIZE];

    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_true(paging_link(link, path, INT64_MAX - 1, 1, INT64_MAX));
    assert_non_null(strstr(link, "limit=1>; rel=\"last\""));
    assert_true(strlen(link) + 1 < sizeof link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positive_decimals_are_numbers),
        cmocka_unit_test(what_is_too_large_is_the_largest_number),
        cmocka_unit_test(anything_else_is_none),
        cmocka_unit_test(an_empty_list_has_one_page),
        cmocka_unit_test(relations_that_exist_are_in_the_header),
        cmocka_unit_test(a_list_of_one_page_has_no_header),
        cmocka_unit_test(past_the_end_the_last_page_comes_before),
        cmocka_unit_test(the_longest_header_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
