/*
 * Signed tokens. The forged ones are signed by libsodium, so that libjwt does not check its own work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/auth/token.h"

#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HS512 "{\"alg\":\"HS512\",\"typ\":\"JWT\"}"
#define NOW INT64_C(1800000000)

static const token_issuer issuer = {SECRET, "talelio", "talelio"};

#define SOUND                                                                                                          \
    "\"iss\":\"talelio\",\"aud\":\"talelio\",\"sub\":\"7\",\"jti\":\"x\",\"iat\":1800000000,\"exp\":1800001800,"       \
    "\"kind\":\"access\",\"username\":\"talel\""

static size_t encode(char *out, size_t size, const void *bytes, size_t length)
{
    sodium_bin2base64(out, size, bytes, length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return strlen(out);
}

/* A token of any header and claims, soundly signed with HMAC-SHA512. */
static const char *forge(const char *header, const char *claims, const char *secret)
{
    static char token[8192];
    unsigned char signature[crypto_auth_hmacsha512_BYTES];
    crypto_auth_hmacsha512_state hmac;

    size_t length = encode(token, sizeof token, header, strlen(header));
    token[length++] = '.';
    length += encode(token + length, sizeof token - length, claims, strlen(claims));
    crypto_auth_hmacsha512_init(&hmac, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha512_update(&hmac, (const unsigned char *)token, length);
    crypto_auth_hmacsha512_final(&hmac, signature);
    token[length++] = '.';
    encode(token + length, sizeof token - length, signature, sizeof signature);
    return token;
}

static const char *check(const char *token)
{
    token_claims claims;

    return token_check(&issuer, TOKEN_ACCESS, token, NOW, &claims);
}

static const char *check_claims(const char *claims)
{
    return check(forge(HS512, claims, SECRET));
}

static char *made(token_kind kind)
{
    token_claims claims = {.subject = 7, .about = "talel"};

    return token_make(&issuer, kind, &claims, NOW, 1800);
}

static void a_made_token_is_sound_and_says_who(void **state)
{
    (void)state;
    token_claims claims;
    char *token = made(TOKEN_ACCESS);
    assert_null(token_check(&issuer, TOKEN_ACCESS, token, NOW, &claims));
    assert_int_equal(claims.subject, 7);
    assert_string_equal(claims.about, "talel");
    free(token);
}

static void a_forged_token_with_all_claims_is_sound(void **state)
{
    (void)state; /* guards every test below that expects a refusal */
    assert_null(check_claims("{" SOUND "}"));
    assert_null(check_claims("{" SOUND ",\"nbf\":1800000000,\"more\":[1]}"));
}

static void it_expires_to_the_second(void **state)
{
    (void)state;
    token_claims claims;
    char *token = made(TOKEN_ACCESS);
    assert_null(token_check(&issuer, TOKEN_ACCESS, token, NOW + 1799, &claims));
    assert_string_equal(token_check(&issuer, TOKEN_ACCESS, token, NOW + 1800, &claims), "Signature has expired");
    free(token);
}

static void the_kinds_do_not_pass_for_each_other(void **state)
{
    (void)state;
    token_claims claims;
    char *access = made(TOKEN_ACCESS), *verify = made(TOKEN_VERIFY);
    assert_null(token_check(&issuer, TOKEN_VERIFY, verify, NOW, &claims));
    assert_string_equal(token_check(&issuer, TOKEN_VERIFY, access, NOW, &claims), "Token of another kind");
    assert_string_equal(token_check(&issuer, TOKEN_ACCESS, verify, NOW, &claims), "Token of another kind");
    free(access);
    free(verify);
}

static void another_secret_fails_verification(void **state)
{
    (void)state;
    assert_string_equal(check(forge(HS512, "{" SOUND "}", "another secret")), "Signature verification failed");
}

static void every_changed_character_is_noticed(void **state)
{
    (void)state;
    char token[1024];
    snprintf(token, sizeof token, "%s", forge(HS512, "{" SOUND "}", SECRET));
    for (size_t i = 0; token[i]; i++) {
        char was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        assert_non_null(check(token));
        token[i] = was;
    }
    assert_null(check(token));
}

static void a_changed_claim_fails_verification(void **state)
{
    (void)state;
    char token[1024], other[1024];
    snprintf(token, sizeof token, "%s", forge(HS512, "{" SOUND "}", SECRET));
    snprintf(other, sizeof other, "%s", forge(HS512, "{" SOUND ",\"x\":1}", SECRET));
    strcpy(strrchr(other, '.'), strrchr(token, '.'));
    assert_string_equal(check(other), "Signature verification failed");
}

static void another_algorithm_is_refused_before_its_signature(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"NONE\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS384\"}",
        "{\"alg\":\"RS512\"}",
        "{\"alg\":\"EdDSA\"}",
        "{\"alg\":\"hs512\"}",
        "{\"alg\":\"\"}",
        "{\"alg\":5}",
        "{\"alg\":null}",
        "{}",
        "[]",
        "HS512",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        assert_string_equal(check(forge(headers[i], "{" SOUND "}", SECRET)), "Expected a token signed with HS512");
}

static void hs256_with_the_same_secret_is_refused(void **state)
{
    (void)state;
    char token[1024];
    unsigned char signature[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state hmac;
    snprintf(token, sizeof token, "%s", forge("{\"alg\":\"HS256\"}", "{" SOUND "}", SECRET));
    char *last = strrchr(token, '.');
    crypto_auth_hmacsha256_init(&hmac, (const unsigned char *)SECRET, strlen(SECRET));
    crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)token, (size_t)(last - token));
    crypto_auth_hmacsha256_final(&hmac, signature);
    encode(last + 1, 100, signature, sizeof signature);
    assert_string_equal(check(token), "Expected a token signed with HS512");
}

static void a_header_with_critical_extensions_is_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{\"alg\":\"HS512\",\"crit\":[\"b64\"],\"b64\":true}",
        "{\"alg\":\"HS512\",\"typ\":\"JWT\",\"crit\":[\"exp\"],\"exp\":1}",
        "{\"alg\":\"HS512\",\"crit\":[]}",
        "{\"alg\":\"HS512\",\"crit\":\"exp\"}",
        "{\"alg\":\"HS512\",\"crit\":null}",
        "{\"alg\":\"HS512\",\"crit\":false}",
        "{\"alg\":\"HS512\",\"cr\\u0069t\":[\"x\"]}",
        "{\"crit\":[\"x\"],\"alg\":\"HS512\",\"crit\":[\"y\"]}",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        const char *problem = check(forge(headers[i], "{" SOUND "}", SECRET));
        if (!problem || strcmp(problem, "Token with critical extensions, of which none are understood") != 0)
            fail_msg("%s: %s", headers[i], problem ? problem : "passed");
    }
    /* and what is not critical may be ignored */
    assert_null(check(forge("{\"alg\":\"HS512\",\"kid\":\"1\",\"CRIT\":[\"x\"]}", "{" SOUND "}", SECRET)));
}

static void what_has_not_three_parts_is_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {"",     ".",       "..",     "...",     "x",      "a.b",      ".b.c",
                                        "a..c", "a.b.c.d", "a.b.c ", "a b.c.d", "a.b.c=", "\xff.b.c", "a.b/.c"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(check(texts[i]), "Malformed token");
}

static void a_token_without_signature_is_refused(void **state)
{
    (void)state;
    char token[1024];
    snprintf(token, sizeof token, "%s", forge(HS512, "{" SOUND "}", SECRET));
    strrchr(token, '.')[1] = '\0';
    assert_non_null(check(token));
    *strrchr(token, '.') = '\0';
    assert_non_null(check(token));
}

static void a_token_is_at_most_4_kib_long(void **state)
{
    (void)state;
    static char filler[3000];
    memset(filler, 'x', 2500);
    char claims[4000];

    /* given tokens just below and above the limit, both sound otherwise */
    snprintf(claims, sizeof claims, "{" SOUND ",\"filler\":\"%s\"}", filler);
    assert_true(strlen(forge(HS512, claims, SECRET)) < TOKEN_MAX);
    assert_null(check_claims(claims));
    memset(filler, 'x', sizeof filler - 1);
    snprintf(claims, sizeof claims, "{" SOUND ",\"filler\":\"%s\"}", filler);
    assert_true(strlen(forge(HS512, claims, SECRET)) > TOKEN_MAX);
    assert_string_equal(check_claims(claims), "Malformed token");
}

static void every_claim_is_needed_with_its_type(void **state)
{
    (void)state;
    static const struct {
        const char *piece, *instead;
    } changes[] = {
        {"\"iss\":\"talelio\"", "\"iss\":\"other\""},
        {"\"iss\":\"talelio\"", "\"x\":1"},
        {"\"iss\":\"talelio\"", "\"iss\":[\"talelio\"]"},
        {"\"aud\":\"talelio\"", "\"aud\":\"other\""},
        {"\"aud\":\"talelio\"", "\"x\":1"},
        {"\"sub\":\"7\"", "\"x\":1"},
        {"\"sub\":\"7\"", "\"sub\":7"},
        {"\"sub\":\"7\"", "\"sub\":\"\""},
        {"\"sub\":\"7\"", "\"sub\":\"-7\""},
        {"\"sub\":\"7\"", "\"sub\":\"0\""},
        {"\"sub\":\"7\"", "\"sub\":\"07\""},
        {"\"sub\":\"7\"", "\"sub\":\"7x\""},
        {"\"sub\":\"7\"", "\"sub\":\"9999999999999999999\""},
        {"\"jti\":\"x\"", "\"x\":1"},
        {"\"jti\":\"x\"", "\"jti\":\"\""},
        {"\"iat\":1800000000", "\"x\":1"},
        {"\"iat\":1800000000", "\"iat\":\"1800000000\""},
        {"\"iat\":1800000000", "\"iat\":1800000006"},
        {"\"exp\":1800001800", "\"x\":1"},
        {"\"exp\":1800001800", "\"exp\":\"1800001800\""},
        {"\"exp\":1800001800", "\"exp\":1800001800.5"},
        {"\"exp\":1800001800", "\"exp\":true"},
        {"\"exp\":1800001800", "\"exp\":null"},
        {"\"exp\":1800001800", "\"exp\":-1"},
        {"\"exp\":1800001800", "\"exp\":1800001800,\"nbf\":1800000006"},
        {"\"exp\":1800001800", "\"exp\":1800001800,\"nbf\":\"1\""},
        {"\"kind\":\"access\"", "\"kind\":\"verify\""},
        {"\"kind\":\"access\"", "\"x\":1"},
        {"\"username\":\"talel\"", "\"x\":1"},
        {"\"username\":\"talel\"", "\"username\":5"},
        {"\"username\":\"talel\"", "\"username\":\"\""},
        {"\"username\":\"talel\"", "\"username\":\"a b\""},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char claims[1024];
        const char *found = strstr(SOUND, changes[i].piece);
        assert_non_null(found);
        snprintf(claims, sizeof claims, "{%.*s%s%s}", (int)(found - SOUND), SOUND, changes[i].instead,
                 found + strlen(changes[i].piece));
        if (!check_claims(claims))
            fail_msg("passed with %s", changes[i].instead);
    }
}

static void clocks_may_differ_by_seconds(void **state)
{
    (void)state;
    token_claims claims;
    char *token = made(TOKEN_ACCESS);
    assert_null(token_check(&issuer, TOKEN_ACCESS, token, NOW - TOKEN_CLOCK_SKEW, &claims));
    assert_string_equal(token_check(&issuer, TOKEN_ACCESS, token, NOW - TOKEN_CLOCK_SKEW - 1, &claims),
                        "Token from the future");
    free(token);
}

static void claims_that_are_no_object_are_refused(void **state)
{
    (void)state;
    assert_non_null(check_claims("[]"));
    assert_non_null(check_claims("7"));
    assert_non_null(check_claims(""));
    assert_non_null(check_claims("{"));
}

static void the_header_gives_the_token_behind_bearer(void **state)
{
    (void)state;
    static const struct {
        const char *header, *token, *problem;
    } samples[] = {
        {NULL, NULL, "No authorization header provided"},
        {"", NULL, "No authorization token provided"},
        {"  ", NULL, "No authorization token provided"},
        {"Bearer", NULL, "No authorization token provided"},
        {"Bearer  ", NULL, "No authorization token provided"},
        {"Basic eDp5", NULL, "Expected an authorization header of the scheme Bearer"},
        {"Bearer: x", NULL, "Expected an authorization header of the scheme Bearer"},
        {"Bearerx y", NULL, "Expected an authorization header of the scheme Bearer"},
        {"Bearer a.b.c", "a.b.c", NULL},
        {"bEARER \t a.b.c", "a.b.c", NULL},
        {" Bearer a b", "a b", NULL},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const char *problem;
        const char *token = token_of_header(samples[i].header, &problem);
        if (samples[i].token)
            assert_string_equal(token, samples[i].token);
        else
            assert_null(token);
        if (samples[i].problem)
            assert_string_equal(problem, samples[i].problem);
        else
            assert_null(problem);
    }
}

static void the_hash_of_an_email_forgets_its_case(void **state)
{
    (void)state;
    char one[65], other[65];
    token_email_hash("Talel@Talel.IO", one);
    token_email_hash("talel@talel.io", other);
    assert_string_equal(one, other);
    token_email_hash("talel@talel.ip", other);
    assert_string_not_equal(one, other);
    token_email_hash("", one);
    assert_string_equal(one, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_made_token_is_sound_and_says_who),
        cmocka_unit_test(a_forged_token_with_all_claims_is_sound),
        cmocka_unit_test(it_expires_to_the_second),
        cmocka_unit_test(the_kinds_do_not_pass_for_each_other),
        cmocka_unit_test(another_secret_fails_verification),
        cmocka_unit_test(every_changed_character_is_noticed),
        cmocka_unit_test(a_changed_claim_fails_verification),
        cmocka_unit_test(another_algorithm_is_refused_before_its_signature),
        cmocka_unit_test(hs256_with_the_same_secret_is_refused),
        cmocka_unit_test(a_header_with_critical_extensions_is_refused),
        cmocka_unit_test(what_has_not_three_parts_is_malformed),
        cmocka_unit_test(a_token_without_signature_is_refused),
        cmocka_unit_test(a_token_is_at_most_4_kib_long),
        cmocka_unit_test(every_claim_is_needed_with_its_type),
        cmocka_unit_test(clocks_may_differ_by_seconds),
        cmocka_unit_test(claims_that_are_no_object_are_refused),
        cmocka_unit_test(the_header_gives_the_token_behind_bearer),
        cmocka_unit_test(the_hash_of_an_email_forgets_its_case),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
