/* Which texts are JSON and which are not. */
#include "tests/unit/support/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/json/json.h"
#include "core/json/text.h"

struct text {
    const char *bytes;
    size_t length;
};

/* A literal and its length. */
#define TEXT(literal) literal, sizeof(literal) - 1
#define T(literal)                                                                                                     \
    {                                                                                                                  \
        TEXT(literal)                                                                                                  \
    }

static worker *the_fixture;

static int set_up_all(void **state)
{
    (void)state;
    the_fixture = fixture_worker_new(fixture_settings());
    return 0;
}

static int tear_down_all(void **state)
{
    (void)state;
    fixture_worker_free(the_fixture);
    return 0;
}

static int set_up(void **state)
{
    *state = request_new(the_fixture, 0);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    request_free(*state);
    return 0;
}

/* From memory of exactly its size, so that AddressSanitizer sees a byte too many. */
static tl_json *parse(tl_request *req, const char *bytes, size_t length)
{
    char *exact = malloc(length ? length : 1);
    memcpy(exact, bytes, length);
    tl_json *value = json_parse(req, exact, length);
    free(exact);
    return value;
}

static void refuse_all(tl_request *req, const struct text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (parse(req, texts[i].bytes, texts[i].length))
            fail_msg("passes: %s", texts[i].bytes);
    }
}

#define REFUSE(...)                                                                                                    \
    static const struct text texts[] = {__VA_ARGS__};                                                                  \
    refuse_all(*state, texts, sizeof texts / sizeof *texts)

static void accepts_each_kind(void **state)
{
    static const struct {
        struct text text;
        tl_json_type type;
    } cases[] = {
        {T("null"), TL_JSON_NULL},   {T(" \t\r\n{ } \t\r\n"), TL_JSON_OBJECT},
        {T("true"), TL_JSON_BOOL},   {T("[ ]"), TL_JSON_ARRAY},
        {T("false"), TL_JSON_BOOL},  {T("\"\""), TL_JSON_STRING},
        {T("0"), TL_JSON_INT},       {T("-0"), TL_JSON_INT},
        {T("1e5"), TL_JSON_DOUBLE},  {T("1E+5"), TL_JSON_DOUBLE},
        {T("-0.5"), TL_JSON_DOUBLE}, {T("1.0e-5"), TL_JSON_DOUBLE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tl_json *value = parse(*state, cases[i].text.bytes, cases[i].text.length);
        assert_non_null(value);
        assert_int_equal(json_type_of(value), cases[i].type);
    }
}

static void refuses_what_is_no_value(void **state)
{
    REFUSE(T(""), T(" "), T("nul"), T("nULL"), T("True"), T("truefalse"), T("nullx"), T("NaN"), T("[NaN]"),
           T("Infinity"), T("-Infinity"), T("undefined"), T("'a'"), T("/*c*/1"), T("\xEF\xBB\xBF[1]"), T("\v1"),
           T("\f1"),
           T("\xA0"
             "1"),
           T("\xFF"), T("#"), T("a"));
}

static void refuses_malformed_numbers(void **state)
{
    REFUSE(T("01"), T("-01"), T("[00]"), T("-"), T("+1"), T(".5"), T("1."), T("1.e5"), T("1e"), T("1e+"), T("1e5e5"),
           T("1.5.5"), T("--1"), T("1-1"), T("0x10"), T("1_000"), T("1e400"), T("-1e400"), T("[1 2]"));
}

static void refuses_malformed_containers(void **state)
{
    REFUSE(T("["), T("]"), T("[1"), T("[1,"), T("[1,]"), T("[,1]"), T("[,]"), T("[1}"), T("{"), T("}"), T("{\"a\"}"),
           T("{\"a\":}"), T("{\"a\":1"), T("{\"a\":1,}"), T("{,}"), T("{a:1}"), T("{'a':1}"), T("{1:1}"),
           T("{\"a\" 1}"), T("{\"a\"::1}"), T("{\"a\":1]"), T("{\"a\":1 \"b\":2}"), T("[\"a\":1]"));
}

static void refuses_what_follows_the_value(void **state)
{
    REFUSE(T("[1] x"), T("[1]]"), T("1 1"), T("{}{}"), T("[1]//x"), T("\"a\"b"), T("[1]\0"), T("1\0"), T("[1]\0[2]"));
}

static void refuses_malformed_strings(void **state)
{
    REFUSE(T("\""), T("\"a"), T("\"\\"), T("\"\\\""), T("\"\\x41\""), T("\"\\'\""), T("\"\\U0041\""), T("\"\\u12\""),
           T("\"\\u12g4\""), T("\"\\u"), T("\"\\u123"), T("\"\\ud83d\\u12\""), T("\"a\nb\""), T("\"\t\""),
           T("\"\x1f\""), T("\"a\0b\""), T("{\"a\nb\":1}"), T("\"\\\0\""));
}

static void refuses_u0000_in_strings_and_names(void **state)
{
    REFUSE(T("\"\\u0000\""), T("\"a\\u0000b\""), T("{\"a\\u0000b\":1}"), T("{\"\\u0000\":1}"),
           T("[\"x\",\"\\u0000\"]"));
}

static void refuses_bad_utf8(void **state)
{
    REFUSE(T("\"\xff\""), T("\"\x80\""), T("\"\xc3\""), T("\"\xc0\x80\""), T("\"\xc1\xbf\""), T("\"\xe0\x80\x80\""),
           T("\"\xed\xa0\x80\""), T("\"\xed\xbf\xbf\""), T("\"\xf0\x80\x80\x80\""), T("\"\xf4\x90\x80\x80\""),
           T("\"\xf5\x80\x80\x80\""), T("\"\xe2\x82\""), T("{\"\xff\":1}"), T("[1\xff]"), T("\"\xe2\x82"));
}

static void strings_are_unescaped(void **state)
{
    static const struct {
        struct text text;
        const char *expected;
    } cases[] = {
        {T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\/\b\f\n\r\t"},
        {T("\"\\u0041\\u00e9\\u20AC\\uD83D\\ude00\""), "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {T("\"\\udbff\\udfff\""), "\xF4\x8F\xBF\xBF"},
        {T("\"\\ud800\""), "\xEF\xBF\xBD"},
        {T("\"\\udc00x\""), "\xEF\xBF\xBDx"},
        {T("\"\\ud800\\u0041\""), "\xEF\xBF\xBD"
                                  "A"},
        {T("\"\\ud800\\ud83d\\ude00\""), "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
        {T("\"\\ud800\\n\""), "\xEF\xBF\xBD\n"},
        {T("\"\\\\u0000\""), "\\u0000"},
        {T("\"\x7f caf\xC3\xA9 \xF0\x9F\x91\x8D\""), "\x7f caf\xC3\xA9 \xF0\x9F\x91\x8D"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tl_json *value = parse(*state, cases[i].text.bytes, cases[i].text.length);
        assert_non_null(value);
        assert_string_equal(json_as_string(value), cases[i].expected);
    }
}

static void integers_never_saturate(void **state)
{
    tl_request *req = *state;
    static const struct {
        struct text text;
        tl_json_type type;
        double number;
    } cases[] = {
        {T("9223372036854775807"), TL_JSON_INT, 0x1p63},
        {T("-9223372036854775808"), TL_JSON_INT, -0x1p63},
        {T("9223372036854775808"), TL_JSON_DOUBLE, 0x1p63},
        {T("-9223372036854775809"), TL_JSON_DOUBLE, -0x1p63},
        {T("18446744073709551615"), TL_JSON_DOUBLE, 0x1p64},
        {T("18446744073709551616"), TL_JSON_DOUBLE, 0x1p64},
        {T("100000000000000000000000000000"), TL_JSON_DOUBLE, 1e29},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tl_json *value = parse(req, cases[i].text.bytes, cases[i].text.length);
        assert_non_null(value);
        assert_int_equal(json_type_of(value), cases[i].type);
        assert_true(json_as_double(value) == cases[i].number);
        assert_string_equal(json_text(req, value, NULL), cases[i].text.bytes);
    }
    assert_int_equal(json_as_int(parse(req, TEXT("9223372036854775807"))), INT64_MAX);
    assert_int_equal(json_as_int(parse(req, TEXT("-9223372036854775808"))), INT64_MIN);
    assert_int_equal(json_as_int(parse(req, TEXT("1e300"))), INT64_MAX);
    assert_int_equal(json_as_int(parse(req, TEXT("-1e300"))), INT64_MIN);
}

static void a_number_of_many_digits_is_one(void **state)
{
    char digits[400];
    memset(digits, '1', sizeof digits);
    assert_non_null(parse(*state, digits, 300));
    assert_null(parse(*state, digits, 400)); /* above what a double holds */
    digits[1] = '.';
    assert_non_null(parse(*state, digits, 400));
}

static void thirty_two_levels_and_no_more(void **state)
{
    char text[2 * 40 + 1];
    for (size_t depth = 31; depth <= 33; depth++) {
        memset(text, '[', depth);
        text[depth] = '1';
        memset(text + depth + 1, ']', depth);
        tl_json *value = parse(*state, text, 2 * depth + 1);
        assert_int_equal(value != NULL, depth <= 32);
    }
    /* Side by side is not deep. */
    assert_non_null(parse(*state, TEXT("[[[]],[[]],{\"a\":[[]]}]")));
}

/* "[[],[],…]" with `count` empty arrays inside. */
static bool is_read_with(tl_request *req, size_t count)
{
    size_t length = 3 * count + 1;
    char *text = malloc(length);
    text[0] = '[';
    for (size_t i = 0; i < count; i++)
        memcpy(text + 1 + 3 * i, "[],", 3);
    text[length - 1] = ']';
    bool read = parse(req, text, length) != NULL;
    free(text);
    return read;
}

static void the_number_of_values_is_bounded(void **state)
{
    assert_true(is_read_with(*state, JSON_READ_VALUES - 1));
    assert_false(is_read_with(*state, JSON_READ_VALUES));
}

static void of_equal_names_the_last_counts(void **state)
{
    tl_json *o = parse(*state, TEXT("{\"a\":1,\"b\":2,\"a\":3,\"\":4}"));
    assert_non_null(o);
    assert_int_equal(json_as_int(json_get(o, "a")), 3);
    assert_int_equal(json_as_int(json_get(o, "")), 4);
    assert_int_equal(json_count(o), 3);
}

static void no_text_is_no_json(void **state)
{
    assert_null(json_parse(*state, NULL, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(accepts_each_kind),
        TEST(refuses_what_is_no_value),
        TEST(refuses_malformed_numbers),
        TEST(refuses_malformed_containers),
        TEST(refuses_what_follows_the_value),
        TEST(refuses_malformed_strings),
        TEST(refuses_u0000_in_strings_and_names),
        TEST(refuses_bad_utf8),
        TEST(strings_are_unescaped),
        TEST(integers_never_saturate),
        TEST(a_number_of_many_digits_is_one),
        TEST(thirty_two_levels_and_no_more),
        TEST(the_number_of_values_is_bounded),
        TEST(of_equal_names_the_last_counts),
        TEST(no_text_is_no_json),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
