/*
 * AWS Signature Version 4, by the steps of its specification: canonical request, string to sign, derived key.
 */
#include "core/objects/sigv4.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

enum { DIGEST = crypto_hash_sha256_BYTES };

typedef unsigned char digest[DIGEST];

/* OpenSSL's, because whole parts are hashed: it uses the processor's instructions for it, libsodium does not. */
void sigv4_hash(const void *bytes, size_t length, char hash[SIGV4_HASH])
{
    digest d;
    if (EVP_Digest(bytes, length, d, NULL, EVP_sha256(), NULL) != 1) {
        fputs("talelio: out of memory\n", stderr);
        abort();
    }
    sodium_bin2hex(hash, SIGV4_HASH, d, sizeof d);
}

void sigv4_time(int64_t seconds, char text[SIGV4_TIME])
{
    time_t t = (time_t)seconds;
    struct tm utc = {0};
    gmtime_r(&t, &utc);
    strftime(text, SIGV4_TIME, "%Y%m%dT%H%M%SZ", &utc);
}

static void hmac(const void *key, size_t key_length, const char *text, digest out)
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, key_length);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, strlen(text));
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

char *sigv4_encode(arena *a, const char *text, bool keep_slashes)
{
    static const char digits[] = "0123456789ABCDEF";
    char *encoded = arena_alloc_raw(a, strlen(text) * 3 + 1), *to = encoded;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool is_plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                        c == '_' || c == '.' || c == '~' || (c == '/' && keep_slashes);
        if (is_plain) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    *to = '\0';
    return encoded;
}

static int by_name_and_value(const void *a, const void *b)
{
    const sigv4_pair *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : strcmp(left->value, right->value);
}

char *sigv4_query(arena *a, const sigv4_pair *query, size_t count)
{
    sigv4_pair *pairs = arena_alloc(a, (count + 1) * sizeof *pairs);
    char *text = arena_copy(a, "");
    for (size_t i = 0; i < count; i++)
        pairs[i] = (sigv4_pair){sigv4_encode(a, query[i].name, false), sigv4_encode(a, query[i].value, false)};
    qsort(pairs, count, sizeof *pairs, by_name_and_value);
    for (size_t i = 0; i < count; i++)
        text = arena_format(a, "%s%s%s=%s", text, i > 0 ? "&" : "", pairs[i].name, pairs[i].value);
    return text;
}

/* Without blanks around it, and with single ones within. */
static const char *trimmed(arena *a, const char *value)
{
    char *text = arena_copy(a, value), *to = text;
    for (const char *from = value; *from; from++)
        if (*from != ' ' || (to > text && to[-1] != ' '))
            *to++ = *from;
    if (to > text && to[-1] == ' ')
        to--;
    *to = '\0';
    return text;
}

typedef struct canonical_headers {
    const char *lines;
    const char *names;
} canonical_headers;

/* Values of one name are put together in the order in which they came. */
static canonical_headers canonical(arena *a, const sigv4_pair *headers, size_t count)
{
    canonical_headers c = {.lines = "", .names = ""};
    for (const char *last = "";;) {
        const char *next = NULL;
        for (size_t i = 0; i < count; i++)
            if (strcmp(headers[i].name, last) > 0 && (!next || strcmp(headers[i].name, next) < 0))
                next = headers[i].name;
        if (!next)
            return c;
        const char *values = NULL;
        for (size_t i = 0; i < count; i++)
            if (strcmp(headers[i].name, next) == 0)
                values =
                    arena_format(a, "%s%s%s", values ? values : "", values ? "," : "", trimmed(a, headers[i].value));
        c.lines = arena_format(a, "%s%s:%s\n", c.lines, next, values);
        c.names = arena_format(a, "%s%s%s", c.names, *c.names ? ";" : "", next);
        last = next;
    }
}

static const char *scope_of(arena *a, const sigv4_request *r, const char *when)
{
    return arena_format(a, "%.8s/%s/%s/aws4_request", when, r->region, r->service);
}

static void signing_key(arena *a, const sigv4_request *r, const sigv4_keys *keys, const char *when, digest key)
{
    char *first = arena_format(a, "AWS4%s", keys->secret_key);
    hmac(first, strlen(first), arena_format(a, "%.8s", when), key);
    sodium_memzero(first, strlen(first));
    hmac(key, DIGEST, r->region, key);
    hmac(key, DIGEST, r->service, key);
    hmac(key, DIGEST, "aws4_request", key);
}

static const char *sign(arena *a, const sigv4_request *r, const sigv4_keys *keys, const char *when, const char *query,
                        const canonical_headers *headers)
{
    const char *request = arena_format(a, "%s\n%s\n%s\n%s\n%s\n%s", r->method, r->path, query, headers->lines,
                                       headers->names, r->payload);
    char hash[SIGV4_HASH];
    sigv4_hash(request, strlen(request), hash);
    const char *text = arena_format(a, ALGORITHM "\n%s\n%s\n%s", when, scope_of(a, r, when), hash);
    digest key, signature;
    signing_key(a, r, keys, when, key);
    hmac(key, sizeof key, text, signature);
    sodium_memzero(key, sizeof key);
    char *hex = arena_alloc(a, 2 * sizeof signature + 1);
    return sodium_bin2hex(hex, 2 * sizeof signature + 1, signature, sizeof signature);
}

char *sigv4_authorization(arena *a, const sigv4_request *r, const sigv4_keys *keys)
{
    char when[SIGV4_TIME];
    sigv4_time(r->seconds, when);
    canonical_headers headers = canonical(a, r->headers, r->header_count);
    const char *signature = sign(a, r, keys, when, sigv4_query(a, r->query, r->query_count), &headers);
    return arena_format(a, ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s", keys->access_key,
                        scope_of(a, r, when), headers.names, signature);
}

char *sigv4_presigned_query(arena *a, const sigv4_request *r, const sigv4_keys *keys, int64_t lifetime)
{
    char when[SIGV4_TIME];
    sigv4_time(r->seconds, when);
    canonical_headers headers = canonical(a, r->headers, r->header_count);
    const sigv4_pair own[] = {
        {"X-Amz-Algorithm", ALGORITHM},
        {"X-Amz-Credential", arena_format(a, "%s/%s", keys->access_key, scope_of(a, r, when))},
        {"X-Amz-Date", when},
        {"X-Amz-Expires", arena_format(a, "%" PRId64, lifetime)},
        {"X-Amz-SignedHeaders", headers.names},
        {"X-Amz-Security-Token", keys->token}, /* the last: left out without one */
    };
    size_t own_count = sizeof own / sizeof *own - (keys->token && *keys->token ? 0 : 1);
    size_t count = r->query_count + own_count;
    sigv4_pair *query = arena_alloc(a, count * sizeof *query);
    if (r->query_count > 0)
        memcpy(query, r->query, r->query_count * sizeof *query);
    memcpy(query + r->query_count, own, own_count * sizeof *own);
    const char *text = sigv4_query(a, query, count);
    return arena_format(a, "%s&X-Amz-Signature=%s", text, sign(a, r, keys, when, text, &headers));
}
