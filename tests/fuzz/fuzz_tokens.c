/*
 * What visitors send as tokens: the Authorization header, signed tokens, refresh tokens. The first byte says which.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/auth/refresh.h"
#include "plugins/auth/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const token_issuer issuer = {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "talelio",
                                    "talelio"};

static void check(const char *header)
{
    token_claims claims;
    const char *problem;
    const char *token = token_of_header(header, &problem);

    if (!token != !!problem)
        abort();
    /* What passes has a subject and a name, whoever signed it. */
    if (token && !token_check(&issuer, TOKEN_ACCESS, token, 1800000000, &claims) &&
        (claims.subject <= 0 || claims.about[0] == '\0'))
        abort();
}

/* The input as the header or the claims of a token with a sound signature, which no fuzzer would find. */
static void check_signed(const char *head, size_t head_length, const char *claims, size_t claims_length)
{
    static char header[16384] = "Bearer ";
    size_t start = strlen("Bearer "), length = start;
    unsigned char signature[crypto_auth_hmacsha512_BYTES];
    crypto_auth_hmacsha512_state hmac;

    if (head_length + claims_length > 8192)
        return;
    sodium_bin2base64(header + length, sizeof header - length, (const unsigned char *)head, head_length,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    length += strlen(header + length);
    header[length++] = '.';
    sodium_bin2base64(header + length, sizeof header - length, (const unsigned char *)claims, claims_length,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    length += strlen(header + length);
    crypto_auth_hmacsha512_init(&hmac, (const unsigned char *)issuer.secret, strlen(issuer.secret));
    crypto_auth_hmacsha512_update(&hmac, (const unsigned char *)header + start, length - start);
    crypto_auth_hmacsha512_final(&hmac, signature);
    header[length++] = '.';
    sodium_bin2base64(header + length, sizeof header - length, signature, sizeof signature,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    check(header);
}

/* One token has one text. */
static void check_refresh(const char *text)
{
    refresh_token token;
    char again[REFRESH_TEXT + 1];

    if (!refresh_parse(text, &token))
        return;
    refresh_text(&token, again);
    if (strcmp(text, again) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "{\"alg\":\"HS512\",\"typ\":\"JWT\"}";
    static const char claims[] =
        "{\"iss\":\"talelio\",\"aud\":\"talelio\",\"sub\":\"7\",\"jti\":\"x\",\"iat\":1800000000,"
        "\"exp\":1800001800,\"kind\":\"access\",\"username\":\"talel\"}";
    if (size == 0)
        return 0;
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 4) {
    case 0:
        check(text);
        break;
    case 1:
        check_signed(head, strlen(head), text, size - 1);
        break;
    case 2:
        check_signed(text, size - 1, claims, strlen(claims));
        break;
    default:
        check_refresh(text);
    }
    free(text);
    return 0;
}
