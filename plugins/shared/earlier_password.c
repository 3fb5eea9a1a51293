/*
 * SHA-3 comes from OpenSSL: libsodium has none.
 */
#include "plugins/shared/earlier_password.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "plugins/shared/password_cost.h"

#define MARK "sha3-512,"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

enum { DIGEST = 64, DIGITS = 2 * DIGEST };

/* The length of the salt at `text`, which `end` follows; 0 when there is none. */
static size_t salt_length(const char *text, char end)
{
    size_t length = strspn(text, LETTERS);

    return length <= EARLIER_SALT_MAX && text[length] == end ? length : 0;
}

bool earlier_password_is_hash(const char *hash)
{
    return strspn(hash, "0123456789abcdef") == DIGITS && hash[DIGITS] == ',' &&
           salt_length(hash + DIGITS + 1, '\0') > 0;
}

bool earlier_password_wrap(const char *hash, char stored[EARLIER_PASSWORD_SIZE])
{
    char outer[crypto_pwhash_STRBYTES];

    if (crypto_pwhash_str_alg(outer, hash, DIGITS, PASSWORD_PASSES, PASSWORD_BYTES, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return false;
    snprintf(stored, EARLIER_PASSWORD_SIZE, MARK "%.*s%s", EARLIER_SALT_MAX, hash + DIGITS + 1, outer);
    return true;
}

bool earlier_password_is_wrapped(const char *stored)
{
    return strncmp(stored, MARK, sizeof MARK - 1) == 0;
}

/* The hexadecimal digits of SHA3-512 over both texts. */
static bool digits_of(const char *password, const char *salt, size_t salt_size, char digits[DIGITS + 1])
{
    unsigned char digest[DIGEST];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made = context && EVP_DigestInit_ex(context, EVP_sha3_512(), NULL) == 1 &&
                EVP_DigestUpdate(context, password, strlen(password)) == 1 &&
                EVP_DigestUpdate(context, salt, salt_size) == 1 && EVP_DigestFinal_ex(context, digest, NULL) == 1;

    EVP_MD_CTX_free(context);
    if (made)
        sodium_bin2hex(digits, DIGITS + 1, digest, sizeof digest);
    sodium_memzero(digest, sizeof digest);
    return made;
}

bool earlier_password_verify(const char *stored, const char *password)
{
    const char *salt = stored + sizeof MARK - 1;
    size_t salt_size = salt_length(salt, '$');
    char digits[DIGITS + 1];

    bool right = salt_size > 0 && digits_of(password, salt, salt_size, digits) &&
                 crypto_pwhash_str_verify(salt + salt_size, digits, DIGITS) == 0;
    sodium_memzero(digits, sizeof digits);
    return right;
}
