/*
 * The hashes of password.h.
 */
#include "plugins/auth/password.h"

#include <string.h>

/* 19 MiB, 2 passes; libsodium always takes 1 lane. */
#define PASSES 2
#define KIBIBYTES 19456
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

/* All bits of the hash are zero. */
const char password_nobody[] =
    "$argon2id$v=19$m=" TEXT(KIBIBYTES) ",t=" TEXT(PASSES) ",p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                                                           "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

void password_make(void *arg)
{
    password_job *job = arg;

    if (crypto_pwhash_str_alg(job->hash, job->password, strlen(job->password), PASSES, KIBIBYTES * (size_t)1024,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        job->hash[0] = '\0';
}

void password_verify(void *arg)
{
    password_job *job = arg;

    job->hash[0] = '\0';
    job->right = crypto_pwhash_str_verify(job->stored, job->password, strlen(job->password)) == 0;
    if (job->right && crypto_pwhash_str_needs_rehash(job->stored, PASSES, KIBIBYTES * (size_t)1024) != 0)
        password_make(job);
}
