/*
 * SHA-256 (FIPS 180-4) of much data, by OpenSSL: it uses the processor's instructions for it; libsodium, which does
 * not, takes five times as long. Pure. Ends the process when memory is short, as everything does that a request needs.
 */
#ifndef PLUGINS_SHARED_SHA256_H
#define PLUGINS_SHARED_SHA256_H

#include <stddef.h>

enum { SHA256_BYTES = 32 };

typedef struct sha256 sha256;

/* The hash of bytes that lie together. */
void sha256_of(const void *bytes, size_t length, unsigned char hash[SHA256_BYTES]);

/* The hash of bytes that come piece by piece. */
sha256 *sha256_new(void);
void sha256_add(sha256 *s, const void *bytes, size_t length);

/* Once, at the end. */
void sha256_end(sha256 *s, unsigned char hash[SHA256_BYTES]);

/* NULL is fine. */
void sha256_free(sha256 *s);

#endif
