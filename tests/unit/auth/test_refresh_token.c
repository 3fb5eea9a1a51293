/*
 * Refresh tokens as values: their text, and the chain of secrets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "plugins/auth/refresh.h"

static void a_token_survives_its_text(void **state)
{
    (void)state;
    refresh_token made, parsed;
    char text[REFRESH_TEXT + 1];
    refresh_make(&made);

    refresh_text(&made, text);
    assert_int_equal(strlen(text), REFRESH_TEXT);
    assert_true(refresh_parse(text, &parsed));
    assert_string_equal(parsed.id, made.id);
    assert_memory_equal(parsed.secret, made.secret, REFRESH_SECRET);
}

static void two_tokens_have_nothing_in_common(void **state)
{
    (void)state;
    refresh_token one, other;
    refresh_make(&one);
    refresh_make(&other);
    assert_string_not_equal(one.id, other.id);
    assert_memory_not_equal(one.secret, other.secret, REFRESH_SECRET);
}

static void other_texts_are_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "abc",
        ".",
        "AAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAA.",
        "AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",   /* a character short */
        "AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* one too many */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",  /* no dot */
        "AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+A",  /* not base64url */
        "AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",  /* padding */
        "AAAAAAAAAAAAAAAAAAAAAB.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",  /* stray bits: another text of one id */
        "AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
        "AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAA\377\377AAAAAAAAAAAAAAAAAAAAAAAAA", /* which libsodium would take */
        "AAAAAAAAAA:AAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAA .AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    refresh_token token;
    assert_true(refresh_parse("AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &token));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(refresh_parse(texts[i], &token));
}

static void the_hash_is_sha256_of_the_secret(void **state)
{
    (void)state;
    refresh_token token = {{0}, {0}};
    char hash[REFRESH_HEX + 1];
    refresh_hash(&token, hash);
    assert_string_equal(hash, "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925");
}

static void one_secret_and_one_salt_have_one_successor(void **state)
{
    (void)state;
    refresh_token one, other;
    char salt[REFRESH_HEX + 1], another_salt[REFRESH_HEX + 1];
    refresh_make(&one);
    other = one;
    refresh_token before = one;
    refresh_salt(salt);
    refresh_salt(another_salt);

    /* when two that hold the same secret follow the same salt, then they meet */
    assert_true(refresh_advance(&one, salt));
    assert_true(refresh_advance(&other, salt));
    assert_memory_equal(one.secret, other.secret, REFRESH_SECRET);
    assert_string_equal(one.id, before.id);
    assert_memory_not_equal(one.secret, before.secret, REFRESH_SECRET);

    /* and by another salt they do not */
    assert_true(refresh_advance(&before, another_salt));
    assert_memory_not_equal(one.secret, before.secret, REFRESH_SECRET);
}

static void a_malformed_salt_changes_nothing(void **state)
{
    (void)state;
    refresh_token token, before;
    refresh_make(&token);
    before = token;
    assert_false(refresh_advance(&token, ""));
    assert_false(refresh_advance(&token, "zz"));
    assert_false(refresh_advance(&token, "0g00000000000000000000000000000000000000000000000000000000000000"));
    assert_memory_equal(token.secret, before.secret, REFRESH_SECRET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_survives_its_text),
        cmocka_unit_test(two_tokens_have_nothing_in_common),
        cmocka_unit_test(other_texts_are_malformed),
        cmocka_unit_test(the_hash_is_sha256_of_the_secret),
        cmocka_unit_test(one_secret_and_one_salt_have_one_successor),
        cmocka_unit_test(a_malformed_salt_changes_nothing),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
