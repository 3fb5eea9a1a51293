/*
 * Entity tags, alone and in lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/http/entity_tags.h"

#define HASH "0123456789abcdef0123456789abcdef"

static void expect(const char *list, const char *tag, tag_rule rule, tags_found expected)
{
    tags_found found = entity_tags_find(list, tag, rule);
    if (found != expected)
        fail_msg("%d instead of %d for %s in %s", (int)found, (int)expected, tag, list);
}

static void test_a_tag_is_found_alone_and_in_a_list(void **state)
{
    (void)state;
    static const char *const lists[] = {"\"a\"",        " \"a\"\t",       "\"b\", \"a\"",       "\"b\",\"a\",",
                                        ", ,\"a\" , ,", "\"a\", W/\"a\"", "W/\"b\" , \"a\"",    "\"b,c\",\"a\"",
                                        "\"\", \"a\"",  "\"W/\",\"a\"",   "\"\xc3\xa9\",\"a\"", "\"\\\",\"a\""};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        expect(lists[i], "\"a\"", TAG_STRONG, TAGS_FOUND);
        expect(lists[i], "\"a\"", TAG_WEAK, TAGS_FOUND);
        expect(lists[i], "a", TAG_VERSION, TAGS_FOUND);
    }
}

static void test_other_tags_are_not_it(void **state)
{
    (void)state;
    static const char *const lists[] = {"",       " ",       ",",      ", ,",          "\"b\"",
                                        "\"ab\"", "\"A\"",   "\"\"",   "\"b\", \"c\"", "W/\"b\"",
                                        "\"b,\"", "\",a,\"", "\"\\a\""};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        expect(lists[i], "\"a\"", TAG_STRONG, TAGS_NONE);
        expect(lists[i], "\"a\"", TAG_WEAK, TAGS_NONE);
        expect(lists[i], "a", TAG_VERSION, TAGS_NONE);
    }
}

static void test_what_is_malformed_is_no_match_wherever_it_stands(void **state)
{
    (void)state;
    static const char *const lists[] = {"a",         "\"a",      "a\"",         "\"a\" \"a\"", "\"a\"x",
                                        "\"a\", x",  "x, \"a\"", "\"a\", \"",   "w/\"a\"",     "W \"a\"",
                                        "W/ \"a\"",  "W/a",      "W/",          "*, \"a\"",    "\"a\", *",
                                        "**",        "* *",      "\"a\";\"b\"", "\"a b\"",     "\"a\tb\", \"a\"",
                                        "\"a\x7f\"", "'a'",      "\"a\"\"a\"",  "W/W/\"a\""};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        expect(lists[i], "\"a\"", TAG_STRONG, TAGS_MALFORMED);
        expect(lists[i], "\"a\"", TAG_WEAK, TAGS_MALFORMED);
        expect(lists[i], "a", TAG_VERSION, TAGS_MALFORMED);
    }
}

static void test_an_asterisk_is_any(void **state)
{
    (void)state;
    expect("*", "\"a\"", TAG_STRONG, TAGS_ANY);
    expect(" *\t", "a", TAG_VERSION, TAGS_ANY);
    expect("\"*\"", "\"a\"", TAG_WEAK, TAGS_NONE);
}

static void test_weak_tags_are_found_by_the_weak_rule_only(void **state)
{
    (void)state;
    expect("W/\"a\"", "\"a\"", TAG_WEAK, TAGS_FOUND);
    expect("\"a\"", "W/\"a\"", TAG_WEAK, TAGS_FOUND);
    expect("W/\"a\"", "\"a\"", TAG_STRONG, TAGS_NONE);
    expect("\"a\"", "W/\"a\"", TAG_STRONG, TAGS_NONE);
    expect("W/\"a\"", "W/\"a\"", TAG_STRONG, TAGS_NONE);
    expect("W/\"a\"", "a", TAG_VERSION, TAGS_NONE);
    expect("W/\"a-" HASH "\"", "a", TAG_VERSION, TAGS_NONE);
}

static void test_a_version_is_found_whatever_hash_stands_behind_it(void **state)
{
    (void)state;
    expect("\"1.2-" HASH "\"", "1.2", TAG_VERSION, TAGS_FOUND);
    expect("\"1.2\"", "1.2", TAG_VERSION, TAGS_FOUND);
    expect("\"1-2-" HASH "\"", "1-2", TAG_VERSION, TAGS_FOUND);
    static const char *const others[] = {"\"1.2-\"",          "\"1.2-" HASH "0\"",
                                         "\"1.2" HASH "-\"",  "\"1.20-" HASH "\"",
                                         "\"1.-" HASH "\"",   "\"-" HASH "\"",
                                         "\"" HASH "\"",      "\"1.2-2-" HASH "\"",
                                         "\"1.2-" HASH "-\"", "\"1.2-0123456789ABCDEF0123456789ABCDEF\""};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect(others[i], "1.2", TAG_VERSION, TAGS_NONE);
    expect("\"1.2-" HASH "\"", "\"1.2\"", TAG_STRONG, TAGS_NONE);
    expect("\"1.2-" HASH "\"", "\"1.2\"", TAG_WEAK, TAGS_NONE);
}

static void test_a_sound_tag_is_one_tag_and_nothing_else(void **state)
{
    (void)state;
    assert_true(entity_tag_is_sound("\"\""));
    assert_true(entity_tag_is_sound("\"a,'-.\xff\""));
    assert_true(entity_tag_is_sound("W/\"a\""));
    static const char *const none[] = {"", "a", "\"", "\"a\" ", " \"a\"", "\"a\",\"b\"", "\"a b\"", "\"a\nb\"", "*"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(entity_tag_is_sound(none[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tag_is_found_alone_and_in_a_list),
        cmocka_unit_test(test_other_tags_are_not_it),
        cmocka_unit_test(test_what_is_malformed_is_no_match_wherever_it_stands),
        cmocka_unit_test(test_an_asterisk_is_any),
        cmocka_unit_test(test_weak_tags_are_found_by_the_weak_rule_only),
        cmocka_unit_test(test_a_version_is_found_whatever_hash_stands_behind_it),
        cmocka_unit_test(test_a_sound_tag_is_one_tag_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
