/*
 * The hashes of password.h.
 */
#include "plugins/auth/password.h"

#include <string.h>

#include "plugins/shared/earlier_password.h"
#include "plugins/shared/password_cost.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

/* All bits of the hash are zero. */
const char password_nobody[] = "$argon2id$v=19$m=" TEXT(PASSWORD_KIBIBYTES) ",t=" TEXT(
    PASSWORD_PASSES) ",p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

void password_make(void *arg)
{
    password_job *job = arg;

    if (crypto_pwhash_str_alg(job->hash, job->password, strlen(job->password), PASSWORD_PASSES, PASSWORD_BYTES,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        job->hash[0] = '\0';
}

void password_verify(void *arg)
{
    password_job *job = arg;

    job->hash[0] = '\0';
    if (earlier_password_is_wrapped(job->stored)) {
        job->right = earlier_password_verify(job->stored, job->password);
        if (job->right)
            password_make(job);
        return;
    }
    job->right = crypto_pwhash_str_verify(job->stored, job->password, strlen(job->password)) == 0;
    if (job->right && crypto_pwhash_str_needs_rehash(job->stored, PASSWORD_PASSES, PASSWORD_BYTES) != 0)
        password_make(job);
}
