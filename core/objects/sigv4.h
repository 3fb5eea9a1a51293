/*
 * AWS Signature Version 4: signed headers, and presigned URLs. Knows nothing of transfers, nor of what is signed.
 *
 * One encoding serves for the URL and for what is signed: every byte but A-Z a-z 0-9 - _ . ~ is percent-encoded, and
 * '/' stays where it separates. So what is sent is what was signed.
 */
#ifndef CORE_OBJECTS_SIGV4_H
#define CORE_OBJECTS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory/arena.h"

enum { SIGV4_HASH = 65, SIGV4_TIME = 17 };

typedef struct sigv4_keys {
    const char *access_key;
    const char *secret_key;
    const char *token; /* of temporary keys; NULL or "": none */
} sigv4_keys;

typedef struct sigv4_pair {
    const char *name;
    const char *value;
} sigv4_pair;

typedef struct sigv4_request {
    const char *method;
    const char *path;        /* encoded */
    const sigv4_pair *query; /* as they are, in any order; a name may come twice */
    size_t query_count;
    const sigv4_pair *headers; /* names in lower case, in any order, `host` among them: all are signed */
    size_t header_count;
    const char *payload; /* the hash of the body in hexadecimal, or UNSIGNED-PAYLOAD */
    const char *region;
    const char *service;
    int64_t seconds; /* since 1970 */
} sigv4_request;

/* The value of the Authorization header. */
char *sigv4_authorization(arena *a, const sigv4_request *r, const sigv4_keys *keys);

/* The whole query of a URL that is good for `lifetime` seconds, the signature in it. `query` is signed along. */
char *sigv4_presigned_query(arena *a, const sigv4_request *r, const sigv4_keys *keys, int64_t lifetime);

/* The parameters sorted and encoded, as they are signed; "" for none. */
char *sigv4_query(arena *a, const sigv4_pair *query, size_t count);

char *sigv4_encode(arena *a, const char *text, bool keep_slashes);

/* SHA-256 in hexadecimal. */
void sigv4_hash(const void *bytes, size_t length, char hash[SIGV4_HASH]);

/* 20130524T000000Z; the first eight characters are the date. */
void sigv4_time(int64_t seconds, char text[SIGV4_TIME]);

#endif
