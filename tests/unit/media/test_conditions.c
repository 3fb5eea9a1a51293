/*
 * If-Range and Range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plugins/media/conditions.h"

static void test_a_range_is_kept_for_the_same_tag_only(void **state)
{
    (void)state;
    assert_true(condition_if_range("\"a\"", "\"a\""));
    assert_true(condition_if_range(" \"a\" ", "\"a\""));
    static const char *const other[] = {
        "", "a", "\"b\"", "W/\"a\"", "\"a\", \"b\"", "*", "Sun, 06 Nov 1994 08:49:37 GMT"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        assert_false(condition_if_range(other[i], "\"a\""));
}

static void expect_part(const char *header, int64_t expected_first, int64_t expected_length)
{
    int64_t first = -1, length = -1;
    assert_int_equal(condition_range(header, 1000, &first, &length), RANGE_PART);
    assert_int_equal(first, expected_first);
    assert_int_equal(length, expected_length);
}

static void test_a_range_is_read(void **state)
{
    (void)state;
    expect_part("bytes=0-0", 0, 1);
    expect_part("bytes=0-999", 0, 1000);
    expect_part("bytes=0-1000", 0, 1000);
    expect_part("bytes=999-", 999, 1);
    expect_part("bytes=5-", 5, 995);
    expect_part("bytes=-1", 999, 1);
    expect_part("bytes=-1000", 0, 1000);
    expect_part("bytes=-1001", 0, 1000);
    expect_part("bytes=-99999999999999999999", 0, 1000);
    expect_part("bytes=007-0010", 7, 4);
    expect_part("BYTES= 1-2 ", 1, 2);
    expect_part("bytes=1-99999999999999999999", 1, 999);
}

static void test_what_lies_behind_the_end_is_told(void **state)
{
    (void)state;
    static const char *const behind[] = {"bytes=1000-",
                                         "bytes=1000-1000",
                                         "bytes=5000-6000",
                                         "bytes=-0",
                                         "bytes=99999999999999999999-",
                                         "bytes=9223372036854775807-9223372036854775807"};
    int64_t first, length;
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++)
        assert_int_equal(condition_range(behind[i], 1000, &first, &length), RANGE_UNSATISFIABLE);
}

static void test_anything_else_is_ignored(void **state)
{
    (void)state;
    static const char *const other[] = {"",           "bytes",         "bytes=",      "bytes=-",     "bytes=1",
                                        "bytes=2-1",  "bytes=0-1,2-3", "bytes=0-1,",  "bytes=,0-1",  "bytes=a-b",
                                        "items=0-1",  "0-1",           "bytes=--1",   "bytes=1-2-3", "bytes=+1-2",
                                        "bytes=1 -2", "bytes=0-1;x",   "bytes = 0-1", "bytes=-1-"};
    int64_t first, length;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        assert_int_equal(condition_range(other[i], 1000, &first, &length), RANGE_WHOLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_range_is_kept_for_the_same_tag_only),
        cmocka_unit_test(test_a_range_is_read),
        cmocka_unit_test(test_what_lies_behind_the_end_is_told),
        cmocka_unit_test(test_anything_else_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
