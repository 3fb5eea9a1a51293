/*
 * File names of images.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/media/name.h"

static void expect_stem(const char *name, const char *expected)
{
    char stem[NAME_STEM_MAX + 1];
    name_stem(name, strlen(name), stem);
    assert_string_equal(stem, expected);
}

static void test_the_extension_goes(void **state)
{
    (void)state;
    expect_stem("hello.jpeg", "hello");
    expect_stem("hello.tar.gz", "hellotar");
    expect_stem("hello", "hello");
    expect_stem("hello.", "hello");
    expect_stem(".hidden", "hidden");
    expect_stem("..png", "");
    expect_stem("", "");
    expect_stem("dir.d/file", "dirdfile");
    expect_stem("dir.d\\.file", "dirdfile");
    expect_stem("dir/.file.png", "dirfile");
}

static void test_only_letters_digits_and_underscores_stay(void **state)
{
    (void)state;
    expect_stem("Hello World_2.png", "hello_world_2");
    expect_stem("\xc3\x84pfel & Birnen.png", "pfel__birnen");
    expect_stem("a\tb\nc-d+e(f).png", "abcdef");
}

static void test_every_byte_is_kept_or_dropped(void **state)
{
    (void)state;
    char name[256], stem[NAME_STEM_MAX + 1];
    for (int i = 0; i < 256; i++)
        name[i] = (char)i;
    /* the last dot comes before the slash, so nothing is cut off */
    name_stem(name, sizeof name, stem);
    assert_string_equal(stem, "_0123456789abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz");
}

static void test_a_stem_has_at_most_a_hundred_characters(void **state)
{
    (void)state;
    char name[1000], stem[NAME_STEM_MAX + 1];
    memset(name, '-', sizeof name);
    memset(name + 500, 'x', 500);
    name_stem(name, sizeof name, stem);
    assert_int_equal(strlen(stem), 100);
    assert_int_equal(strspn(stem, "x"), 100);
}

static void test_a_name_is_stem_uuid_extension(void **state)
{
    (void)state;
    char name[NAME_MAX_LENGTH + 1];
    unsigned char random[NAME_RANDOM];
    memset(random, 0xff, sizeof random);
    name_make("hello", random, "jpeg", name);
    assert_string_equal(name, "hello_ffffffff-ffff-4fff-bfff-ffffffffffff.jpeg");
    memset(random, 0, sizeof random);
    name_make("", random, "gif", name);
    assert_string_equal(name, "_00000000-0000-4000-8000-000000000000.gif");
}

static void test_the_longest_name_fits(void **state)
{
    (void)state;
    char stem[NAME_STEM_MAX + 1], name[NAME_MAX_LENGTH + 1];
    const unsigned char random[NAME_RANDOM] = {1};
    memset(stem, 'x', NAME_STEM_MAX);
    stem[NAME_STEM_MAX] = '\0';
    name_make(stem, random, "webp", name);
    assert_int_equal(strlen(name), NAME_MAX_LENGTH);
    assert_string_equal(name + NAME_MAX_LENGTH - 5, ".webp");
    assert_true(name_is_made(name));
    assert_true(name_is_possible(name));
}

static void test_what_cannot_be_a_name_is_told(void **state)
{
    (void)state;
    char longer[NAME_MAX_LENGTH + 2];
    assert_true(name_is_made("hello_ffffffff-ffff-4fff-bfff-ffffffffffff.jpeg"));
    assert_true(name_is_made("_00000000-0000-4000-8000-000000000000.gif"));
    static const char *const none[] = {"",
                                       "x.png",
                                       "00000000-0000-4000-8000-000000000000.gif",
                                       "_00000000-0000-4000-8000-000000000000",
                                       "_00000000-0000-4000-8000-000000000000.gif2",
                                       "_00000000-0000-4000-8000-000000000000.gif/",
                                       "Hello_00000000-0000-4000-8000-000000000000.gif",
                                       "../_00000000-0000-4000-8000-000000000000.gif",
                                       "\xff_00000000-0000-4000-8000-000000000000.gif"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(name_is_made(none[i]));
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    memcpy(longer + NAME_MAX_LENGTH + 1 - 5, ".webp", 5);
    assert_false(name_is_made(longer));
}

static void test_names_of_the_earlier_service_are_possible(void **state)
{
    (void)state;
    static const char uuid[] = "12345678-9abc-4def-8012-3456789abcde";
    static const char *const possible[] = {"name.jpg", "name.JPG", "2_names.jpeg", "name-2.png", "null.gif", "a.heic"};
    static const char *const none[] = {"",
                                       "name",
                                       "null",
                                       ".jpg",
                                       "name.",
                                       "name.jpg.png",
                                       "a b.jpg",
                                       "Name.jpg",
                                       "n\xc3\xa9.jpg",
                                       "../name.jpg",
                                       "a/name.jpg",
                                       "name.j g",
                                       "name.jpg/",
                                       "..",
                                       "name_1234.",
                                       "name.abcdefghijklmnopq"};
    static const char *const ends[] = {"", ".jpg", ".JPG", ".webp", ".x1"};
    char name[2 * NAME_LONGEST];

    for (size_t i = 0; i < sizeof possible / sizeof *possible; i++)
        assert_true(name_is_possible(possible[i]));
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(name_is_possible(none[i]));
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(name, sizeof name, "photo_of_me_%s%s", uuid, ends[i]);
        assert_true(name_is_possible(name));
        snprintf(name, sizeof name, "_%s%s", uuid, ends[i]);
        assert_true(name_is_possible(name));
    }
    assert_false(name_is_possible(uuid)); /* nothing stands before it */
    memset(name, 'x', sizeof name);
    memcpy(name + 300, ".abcdefghijklmnop", 18);
    assert_int_equal(strlen(name), NAME_LONGEST);
    assert_true(name_is_possible(name));
    memcpy(name + 301, ".abcdefghijklmnop", 18);
    name[300] = 'x';
    assert_false(name_is_possible(name));
}

static void expect_shown(const char *name, const char *expected)
{
    char shown[NAME_SHOWN_MAX + 1];
    name_shown(name, strlen(name), shown);
    assert_string_equal(shown, expected);
}

static void test_a_name_is_shown_safely(void **state)
{
    (void)state;
    expect_shown("Grüße.jpg", "Grüße.jpg");
    expect_shown("", "");
    expect_shown("a\x1b[31m\tb\x7f", "a?[31m?b?");
    char name[NAME_SHOWN_MAX + 3], expected[NAME_SHOWN_MAX + 1];
    snprintf(name, sizeof name, "%0102d", 0);
    snprintf(expected, sizeof expected, "%0100d", 0);
    expect_shown(name, expected);
    snprintf(name, sizeof name, "%099d\xe2\x82\xac", 0); /* a character that does not fit as a whole */
    snprintf(expected, sizeof expected, "%099d", 0);
    expect_shown(name, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_extension_goes),
        cmocka_unit_test(test_only_letters_digits_and_underscores_stay),
        cmocka_unit_test(test_every_byte_is_kept_or_dropped),
        cmocka_unit_test(test_a_stem_has_at_most_a_hundred_characters),
        cmocka_unit_test(test_a_name_is_stem_uuid_extension),
        cmocka_unit_test(test_the_longest_name_fits),
        cmocka_unit_test(test_what_cannot_be_a_name_is_told),
        cmocka_unit_test(test_a_name_is_shown_safely),
        cmocka_unit_test(test_names_of_the_earlier_service_are_possible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
