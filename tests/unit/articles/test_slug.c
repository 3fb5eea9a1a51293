/*
 * Slugs of titles in many scripts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "plugins/articles/slug.h"

static void expect(const char *title, const char *expected)
{
    char slug[SLUG_SIZE];
    size_t length = slug_make(title, strlen(title), slug);

    assert_string_equal(slug, expected);
    assert_int_equal(length, strlen(expected));
}

static void words_are_lower_case_and_joined_by_single_hyphens(void **state)
{
    (void)state;
    expect("Hello World Article", "hello-world-article");
    expect("  many   spaces -- and dashes  ", "many-spaces-and-dashes");
    expect("C++ & Rust: 10% off", "c-rust-10-off");
    expect("a_b.c/d\te\nf", "a-b-c-d-e-f");
    expect("Don't", "don-t");
    expect("42", "42");
    expect("CO\u2013OP\u2014\u201cQUOTE\u201d", "co-op-quote");
}

static void accents_are_stripped(void **state)
{
    (void)state;
    expect("Über die Brücke", "uber-die-brucke");
    expect("Ça va? Très bien!", "ca-va-tres-bien");
    expect("Žluťoučký kůň", "zlutoucky-kun");
    expect("Tiếng Việt", "tieng-viet");
    expect("e\u0301\u0302\u0303\u0304\u0305\u0306", "e"); /* written apart, and any number of them */
    expect("Ωραίος λόγος", "ωραιος-λογος");
    expect("Новый ёж, її", "новыи-еж-іі");
}

static void letters_that_are_no_accented_ones_stay(void **state)
{
    (void)state;
    expect("Straße GROẞ", "strasse-gross");
    expect("İstanbul Diyarbakır", "istanbul-diyarbakır");
    expect("Łódź Ørsted Æther Þór", "łodz-ørsted-æther-þor");
}

static void greek_words_end_in_a_final_sigma(void **state)
{
    (void)state;
    expect("ΩΡΑΊΟΣ ΛΌΓΟΣ, ΣΑΣ", "ωραιος-λογος-σας");
    expect("Σ ΣΣ", "σ-σς");
}

static void compatibility_forms_stay_as_they_are_typed(void **state)
{
    (void)state;
    expect("ＦＵＬＬ　ｗｉｄｔｈ", "ｆｕｌｌ-ｗｉｄｔｈ");
    expect("ﬁne x² ① Ⅻ", "ﬁne-x²-①-ⅻ");
    expect("ﾊﾟﾝ", "ﾊﾟﾝ");
    expect("\ufedf\ufee0 \ufefb", "\ufedf\ufee0-\ufefb"); /* forms of Arabic letters */
    expect("\u3131\u314f", "\u3131\u314f");               /* Korean letters by themselves */
    expect("ทำงาน", "ทำงาน");
    expect("ນ້ຳ ລາວ ໜຶ່ງ", "ນ້ຳ-ລາວ-ໜຶ່ງ");
}

static void only_latin_greek_and_cyrillic_lose_accents(void **state)
{
    (void)state;
    expect("Đà Nẵng ơi", "đa-nang-oi");
    expect("҆а҃ꙗ꙯", "аꙗ");
    expect("ａ\u0301", "ａ");
    expect("5\u0301 \u0915\u0301 \u05d0\u0308 \u30ab\u0301", "5-\u0915\u0301-\u05d0\u0308-\u30ab\u0301");
    expect("a\u0301\u0915\u0301", "a\u0915\u0301");
}

static void scripts_keep_the_marks_that_they_need(void **state)
{
    (void)state;
    expect("हिन्दी में लेख", "हिन्दी-में-लेख");
    expect("การเขียนไทย", "การเขียนไทย");
    expect("বাংলা ভাষা", "বাংলা-ভাষা");
    expect("தமிழ் மொழி", "தமிழ்-மொழி");
    expect("أحمد مرحبا بالعالم", "أحمد-مرحبا-بالعالم");
    expect("שָׁלוֹם עולם", "שָׁלוֹם-עולם");
    expect("がぎぐ ゲーム", "がぎぐ-ゲーム");
    expect("か\u3099", "が");
    expect("မြန်မာ ကြွှော့်", "မြန်မာ-ကြွှော့်");
    expect("བོད་ཡིག བསྒྲུབས", "བོད-ཡིག-བསྒྲུབས");
    expect("ភាសាខ្មែរ", "ភាសាខ្មែរ");
}

static void letters_of_east_asia_stay_as_they_are(void **state)
{
    (void)state;
    expect("한국어 기사", "한국어-기사");
    expect("\u1112\u1161\u11ab", "한"); /* jamo come together */
    expect("日本語の記事", "日本語の記事");
    expect("你好，世界！", "你好-世界");
}

static void what_has_no_letters_gives_nothing(void **state)
{
    (void)state;
    expect("", "");
    expect("!!!", "");
    expect("🎉🎉", "");
    expect("❤\ufe0f", "");
    expect("\u0301\u0302", "");
    expect("\u3164\u115f", ""); /* letters that nobody sees */
    expect("\u00ad\u200d", "");
}

static void invisible_characters_do_not_separate(void **state)
{
    (void)state;
    expect("co\u00adop\ufeff", "coop");
    expect("می\u200cخواهم", "میخواهم");
    expect("\u0dc1\u0dca\u200d\u0dbb\u0dd3", "\u0dc1\u0dca\u0dbb\u0dd3"); /* a joiner of Sinhala */
    expect("1\ufe0f\u20e3 first", "1-first");
    expect("ก\u200bข", "ก-ข"); /* except the one that is a space */
}

static void bytes_that_are_no_text_separate(void **state)
{
    (void)state;
    expect("a\xff"
           "b\xc3",
           "a-b");
    expect("a\xed\xa0\x80"
           "b",
           "a-b");
}

static size_t count_points(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += (*text & 0xc0) != 0x80;
    return count;
}

static void long_titles_are_cut_between_words(void **state)
{
    (void)state;
    char title[2000] = "", slug[SLUG_SIZE];
    /* given words of nine letters: ten of them and their hyphens are 99 */
    for (int i = 0; i < 30; i++)
        strcat(title, "abcdefghi ");
    slug_make(title, strlen(title), slug);
    assert_int_equal(strlen(slug), 99);
    assert_string_equal(slug + 90, "abcdefghi");

    /* a word that would end after the limit goes as a whole, one that ends there stays */
    memset(title, 'a', 60);
    strcpy(title + 60, " bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    slug_make(title, strlen(title), slug);
    assert_int_equal(strlen(slug), 60);
    strcpy(title + 60, " bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccc");
    slug_make(title, strlen(title), slug);
    assert_int_equal(strlen(slug), 100);
}

static void a_single_long_word_is_cut_at_the_limit(void **state)
{
    (void)state;
    char title[4000] = "", slug[SLUG_SIZE];

    for (int i = 0; i < 600; i++)
        strcat(title, "語");
    slug_make(title, strlen(title), slug);
    assert_int_equal(count_points(slug), SLUG_MAX);

    /* Hangul is three code points apart and one together: it still fills the limit */
    title[0] = '\0';
    for (int i = 0; i < 300; i++)
        strcat(title, "\u1112\u1161\u11ab");
    slug_make(title, strlen(title), slug);
    assert_int_equal(count_points(slug), SLUG_MAX);

    /* a letter is not cut from its marks */
    title[0] = '\0';
    strcat(title, "क");
    for (int i = 0; i < 120; i++)
        strcat(title, "कि");
    slug_make(title, strlen(title), slug);
    assert_int_equal(count_points(slug), SLUG_MAX - 1);
}

static void towers_of_marks_are_cut(void **state)
{
    (void)state;
    char title[600] = "ก", slug[SLUG_SIZE];

    for (int i = 0; i < 100; i++)
        strcat(title, "\u0e48");
    slug_make(title, strlen(title), slug);
    assert_int_equal(count_points(slug), 11);
}

static void expect_path(const char *path, const char *expected)
{
    char slug[SLUG_STORED_SIZE];

    assert_int_equal(slug_from_path(path, slug), expected != NULL);
    if (expected)
        assert_string_equal(slug, expected);
}

static void a_path_asks_for_its_composed_form(void **state)
{
    (void)state;
    expect_path("hello-world-2", "hello-world-2");
    expect_path("привет", "привет");
    expect_path("\u1112\u1161\u11ab-か\u3099", "한-が");
    expect_path("می\u200cخواهم", "میخواهم");
    expect_path("Hello World", "Hello World"); /* which no article has */
}

static void only_text_of_a_slugs_length_is_looked_for(void **state)
{
    (void)state;
    char text[6000];

    expect_path("", NULL);
    expect_path("\u200b\u00ad", NULL);
    expect_path("a\xff", NULL);
    expect_path("\xed\xa0\x80", NULL);
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    expect_path(text, NULL);
    text[SLUG_STORED_SIZE] = '\0';
    expect_path(text, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_lower_case_and_joined_by_single_hyphens),
        cmocka_unit_test(accents_are_stripped),
        cmocka_unit_test(letters_that_are_no_accented_ones_stay),
        cmocka_unit_test(greek_words_end_in_a_final_sigma),
        cmocka_unit_test(compatibility_forms_stay_as_they_are_typed),
        cmocka_unit_test(only_latin_greek_and_cyrillic_lose_accents),
        cmocka_unit_test(scripts_keep_the_marks_that_they_need),
        cmocka_unit_test(letters_of_east_asia_stay_as_they_are),
        cmocka_unit_test(what_has_no_letters_gives_nothing),
        cmocka_unit_test(invisible_characters_do_not_separate),
        cmocka_unit_test(bytes_that_are_no_text_separate),
        cmocka_unit_test(long_titles_are_cut_between_words),
        cmocka_unit_test(a_single_long_word_is_cut_at_the_limit),
        cmocka_unit_test(towers_of_marks_are_cut),
        cmocka_unit_test(a_path_asks_for_its_composed_form),
        cmocka_unit_test(only_text_of_a_slugs_length_is_looked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
