/*
 * See sha256.h. OpenSSL's functions for messages fail for want of memory only.
 */
#include "plugins/shared/sha256.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

static void need(int done)
{
    if (done == 1)
        return;
    fputs("talelio: out of memory\n", stderr);
    abort();
}

void sha256_of(const void *bytes, size_t length, unsigned char hash[SHA256_BYTES])
{
    need(EVP_Digest(bytes, length, hash, NULL, EVP_sha256(), NULL));
}

/* The type is OpenSSL's, under our name. */
static EVP_MD_CTX *context(sha256 *s)
{
    return (EVP_MD_CTX *)s;
}

sha256 *sha256_new(void)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    need(c != NULL);
    need(EVP_DigestInit_ex(c, EVP_sha256(), NULL));
    return (sha256 *)c;
}

void sha256_add(sha256 *s, const void *bytes, size_t length)
{
    need(EVP_DigestUpdate(context(s), bytes, length));
}

void sha256_end(sha256 *s, unsigned char hash[SHA256_BYTES])
{
    need(EVP_DigestFinal_ex(context(s), hash, NULL));
}

void sha256_free(sha256 *s)
{
    EVP_MD_CTX_free(context(s));
}
