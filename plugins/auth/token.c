/*
 * Making and checking the tokens of token.h.
 */
#include "plugins/auth/token.h"

#include <errno.h>
#include <inttypes.h>
#include <jwt.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/shared/username.h"

static const struct {
    const char *name;  /* the claim "kind" */
    const char *about; /* the claim that holds token_claims.about */
} kinds[] = {
    [TOKEN_ACCESS] = {"access", "username"},
    [TOKEN_VERIFY] = {"verify", "email"},
};

static const char not_a_token[] = "Malformed token";
static const char bad_signature[] = "Signature verification failed";
static const char other_algorithm[] = "Expected a token signed with HS512";

char *token_make(const token_issuer *issuer, token_kind kind, const token_claims *claims, int64_t now, int64_t lifetime)
{
    jwt_t *jwt;
    if (jwt_new(&jwt) != 0)
        return NULL;

    unsigned char random[16];
    char id[sodium_base64_ENCODED_LEN(sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    randombytes_buf(random, sizeof random);
    sodium_bin2base64(id, sizeof id, random, sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char subject[24];
    snprintf(subject, sizeof subject, "%" PRId64, claims->subject);

    char *token = NULL;
    if (jwt_set_alg(jwt, JWT_ALG_HS512, (const unsigned char *)issuer->secret, (int)strlen(issuer->secret)) == 0 &&
        jwt_add_grant(jwt, "iss", issuer->issuer) == 0 && jwt_add_grant(jwt, "aud", issuer->audience) == 0 &&
        jwt_add_grant(jwt, "sub", subject) == 0 && jwt_add_grant(jwt, "jti", id) == 0 &&
        jwt_add_grant_int(jwt, "iat", now) == 0 && jwt_add_grant_int(jwt, "exp", now + lifetime) == 0 &&
        jwt_add_grant(jwt, "kind", kinds[kind].name) == 0 && jwt_add_grant(jwt, kinds[kind].about, claims->about) == 0)
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    return token;
}

/*
 * The algorithm has to be known before the signature is checked, for libjwt takes any of its algorithms with any key.
 * It reports none without a key, so the header is decoded alone, over an empty object, and its text compared. What the
 * header lists as critical (RFC 7515, 4.1.11) must be understood or refused, and nothing of the kind is understood
 * here.
 */
static const char *check_header(const char *token, size_t header_length)
{
    static const char empty_body[] = ".e30.";
    char alone[TOKEN_MAX + sizeof empty_body];
    memcpy(alone, token, header_length);
    memcpy(alone + header_length, empty_body, sizeof empty_body);

    jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, alone, NULL, 0) != 0)
        return other_algorithm;
    const char *algorithm = jwt_get_header(jwt, "alg");
    const char *problem = algorithm && strcmp(algorithm, "HS512") == 0 ? NULL : other_algorithm;
    char *critical = jwt_get_headers_json(jwt, "crit");
    if (!problem && critical)
        problem = "Token with critical extensions, of which none are understood";
    free(critical);
    jwt_free(jwt);
    return problem;
}

/* Three parts of base64url. libjwt would take some other characters too. */
static bool has_token_shape(const char *token, size_t *header_length)
{
    static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    if (strnlen(token, TOKEN_MAX + 1) > TOKEN_MAX)
        return false;
    size_t length = strspn(token, base64url);
    *header_length = length;
    for (int dots = 0; dots < 2; dots++) {
        if (length == 0 || *(token += length) != '.')
            return false;
        length = strspn(++token, base64url);
    }
    return token[length] == '\0';
}

/* Decimal digits of a positive number, without sign or leading zeros. */
static bool parse_id(const char *text, int64_t *id)
{
    size_t length = strspn(text, "0123456789");

    if (length == 0 || length > 18 || text[length] || text[0] == '0')
        return false;
    *id = strtoll(text, NULL, 10);
    return true;
}

static bool claim_is(jwt_t *jwt, const char *name, const char *expected)
{
    const char *value = jwt_get_grant(jwt, name);

    return value && strcmp(value, expected) == 0;
}

static const char *check_times(jwt_t *jwt, int64_t now)
{
    /* Anything but an integer reads as 0 or -1. */
    int64_t expires = jwt_get_grant_int(jwt, "exp");
    int64_t issued = jwt_get_grant_int(jwt, "iat");

    if (expires <= 0)
        return "Token without an expiry time";
    if (now >= expires)
        return "Signature has expired";
    if (issued <= 0)
        return "Token without the time of its issue";
    if (issued > now + TOKEN_CLOCK_SKEW)
        return "Token from the future";
    errno = 0;
    int64_t not_before = jwt_get_grant_int(jwt, "nbf");
    bool has_not_before = errno != ENOENT;
    if (has_not_before && (not_before <= 0 || not_before > now + TOKEN_CLOCK_SKEW))
        return "Token not valid yet";
    return NULL;
}

static const char *check_claims(const token_issuer *issuer, token_kind kind, jwt_t *jwt, token_claims *claims)
{
    if (!claim_is(jwt, "iss", issuer->issuer))
        return "Token of another issuer";
    if (!claim_is(jwt, "aud", issuer->audience))
        return "Token for another audience";
    if (!claim_is(jwt, "kind", kinds[kind].name))
        return "Token of another kind";
    const char *id = jwt_get_grant(jwt, "jti");
    if (!id || !*id)
        return "Token without an id";
    const char *subject = jwt_get_grant(jwt, "sub");
    if (!subject || !parse_id(subject, &claims->subject))
        return "Token without a subject";
    const char *about = jwt_get_grant(jwt, kinds[kind].about);
    if (!about || strlen(about) >= sizeof claims->about || (kind == TOKEN_ACCESS && !username_is_possible(about)))
        return "Token without a name";
    memcpy(claims->about, about, strlen(about) + 1);
    return NULL;
}

const char *token_check(const token_issuer *issuer, token_kind kind, const char *token, int64_t now,
                        token_claims *claims)
{
    size_t header_length;
    if (!has_token_shape(token, &header_length))
        return not_a_token;
    const char *problem = check_header(token, header_length);
    if (problem)
        return problem;

    jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, token, (const unsigned char *)issuer->secret, (int)strlen(issuer->secret)) != 0)
        return bad_signature;
    problem = jwt_get_alg(jwt) == JWT_ALG_HS512 ? NULL : bad_signature;
    if (!problem)
        problem = check_times(jwt, now);
    if (!problem)
        problem = check_claims(issuer, kind, jwt, claims);
    jwt_free(jwt);
    return problem;
}

const char *token_of_header(const char *header, const char **problem)
{
    static const char space[] = " \t";

    *problem = NULL;
    if (!header) {
        *problem = "No authorization header provided";
        return NULL;
    }
    header += strspn(header, space);
    size_t scheme = strcspn(header, space);
    const char *token = header + scheme + strspn(header + scheme, space);
    if (!*token)
        *problem = "No authorization token provided";
    else if (scheme != strlen("Bearer") || strncasecmp(header, "Bearer", scheme) != 0)
        *problem = "Expected an authorization header of the scheme Bearer";
    return *problem ? NULL : token;
}

void token_email_hash(const char *email, char hash[65])
{
    crypto_hash_sha256_state state;
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256_init(&state);
    for (; *email; email++) {
        unsigned char c = (unsigned char)*email;
        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c - 'A' + 'a');
        crypto_hash_sha256_update(&state, &c, 1);
    }
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(hash, 65, digest, sizeof digest);
}
