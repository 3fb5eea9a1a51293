/*
 * Addresses of images within texts: which are found, what of them counts, and what stands in their place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/import/addresses.h"

/* Whether what was found is these parts. */
static bool is(const char *text, const char *base, bool is_api, const char *owner, const char *file)
{
    address a;

    return address_next(text, &a) && a.base == strlen(base) && memcmp(a.text, base, a.base) == 0 &&
           a.is_api == is_api && a.owner_length == strlen(owner) && memcmp(a.owner, owner, a.owner_length) == 0 &&
           a.file_length == strlen(file) && memcmp(a.file, file, a.file_length) == 0 &&
           a.text + a.length == a.file + a.file_length;
}

static void test_addresses_of_api_and_bucket_are_found(void **state)
{
    (void)state;
    assert_true(is("![x](https://api.talel.io/v1/users/talel/images/x_1.jpg)", "https://api.talel.io", true, "talel",
                   "x_1.jpg"));
    assert_true(is("http://127.0.0.1:5000/v1/users/a-b/images/x.JPG", "http://127.0.0.1:5000", true, "a-b", "x.JPG"));
    assert_true(is("<img src=\"https://s3-eu-central-1.amazonaws.com/bucket/12/images/x.png\">",
                   "https://s3-eu-central-1.amazonaws.com/bucket", false, "12", "x.png"));
    assert_true(is("https://b.s3.amazonaws.com/1/images/x", "https://b.s3.amazonaws.com", false, "1", "x"));
    assert_true(is("http https:// https://h/1/images/x", "https://h", false, "1", "x"));
}

static void test_what_ends_an_address_is_no_part_of_it(void **state)
{
    (void)state;
    static const char *const ends[] = {"", ")", "\"", "'", " ", "\n", ">", "]", ".", "...", "?v=1", "#top", "`", "|"};
    char text[100];

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(text, sizeof text, "see https://h/v1/users/u/images/x.png%s", ends[i]);
        assert_true(is(text, "https://h", true, "u", "x.png"));
    }
}

static void test_what_only_looks_like_one_is_none(void **state)
{
    (void)state;
    static const char *const none[] = {"",
                                       "/v1/users/u/images/x.png",
                                       "ftp://h/v1/users/u/images/x.png",
                                       "https://h/v1/users/u/images/",
                                       "https://h/v1/users/u/images/...",
                                       "https://h/v1/users/u/images/x/y.png",
                                       "https://h/v1/users/u/images/x%2f.png",
                                       "https://h/v1/users//images/x.png",
                                       "https://h/v1/users/u /images/x.png",
                                       "https://h/users/u/images/x.png",
                                       "https://h/1a/images/x.png",
                                       "https://h/images/x.png",
                                       "https://1/images/x.png",
                                       "https:///1/images/x.png"};
    address a;

    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(address_next(none[i], &a));
}

static void test_an_address_within_another_is_a_part_of_it(void **state)
{
    (void)state;
    assert_true(is("https://archive.org/web/https://h/1/images/x.png", "https://archive.org/web/https://h", false, "1",
                   "x.png"));
}

static const char *map(void *arg, const address *found)
{
    ++*(int *)arg;
    return found->file_length == 5 && memcmp(found->file, "x.png", 5) == 0 ? "NEW" : NULL;
}

static void test_texts_keep_everything_else(void **state)
{
    (void)state;
    int asked = 0;
    char *text = addresses_rewrite("ü ![a](https://h/1/images/x.png \"t\"),https://h/1/images/y.png\n"
                                   "https://h/1/images/x.png https://h/a",
                                   map, &asked);
    assert_string_equal(text, "ü ![a](NEW \"t\"),https://h/1/images/y.png\nNEW https://h/a");
    assert_int_equal(asked, 3);
    free(text);
    text = addresses_rewrite("", map, &asked);
    assert_string_equal(text, "");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_of_api_and_bucket_are_found),
        cmocka_unit_test(test_what_ends_an_address_is_no_part_of_it),
        cmocka_unit_test(test_what_only_looks_like_one_is_none),
        cmocka_unit_test(test_an_address_within_another_is_a_part_of_it),
        cmocka_unit_test(test_texts_keep_everything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
