/*
 * The refresh tokens of refresh.h, by libsodium.
 */
#include "plugins/auth/refresh.h"

#include <sodium.h>
#include <string.h>

enum { ID_BYTES = 16, SALT_BYTES = 32, VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

_Static_assert(sodium_base64_ENCODED_LEN(ID_BYTES, VARIANT) == REFRESH_ID_TEXT + 1, "text of an id");
_Static_assert(sodium_base64_ENCODED_LEN(REFRESH_SECRET, VARIANT) == REFRESH_TEXT - REFRESH_ID_TEXT,
               "text of a secret");
_Static_assert(REFRESH_SECRET == crypto_auth_hmacsha256_KEYBYTES && REFRESH_SECRET == crypto_auth_hmacsha256_BYTES,
               "a secret is a key and a result of HMAC-SHA256");

void refresh_make(refresh_token *token)
{
    unsigned char id[ID_BYTES];

    randombytes_buf(id, sizeof id);
    sodium_bin2base64(token->id, sizeof token->id, id, sizeof id, VARIANT);
    randombytes_buf(token->secret, sizeof token->secret);
}

bool refresh_parse(const char *text, refresh_token *token)
{
    unsigned char id[ID_BYTES];
    size_t length;

    /* The decoder refuses other characters, padding and stray bits, so that one token has one text. */
    if (strnlen(text, REFRESH_TEXT + 1) != REFRESH_TEXT || text[REFRESH_ID_TEXT] != '.' ||
        sodium_base642bin(id, sizeof id, text, REFRESH_ID_TEXT, NULL, &length, NULL, VARIANT) != 0 ||
        length != sizeof id)
        return false;
    const char *secret = text + REFRESH_ID_TEXT + 1;
    if (sodium_base642bin(token->secret, sizeof token->secret, secret, strlen(secret), NULL, &length, NULL, VARIANT) !=
            0 ||
        length != sizeof token->secret)
        return false;
    memcpy(token->id, text, REFRESH_ID_TEXT);
    token->id[REFRESH_ID_TEXT] = '\0';
    return true;
}

void refresh_text(const refresh_token *token, char text[REFRESH_TEXT + 1])
{
    memcpy(text, token->id, REFRESH_ID_TEXT);
    text[REFRESH_ID_TEXT] = '.';
    sodium_bin2base64(text + REFRESH_ID_TEXT + 1, REFRESH_TEXT - REFRESH_ID_TEXT, token->secret, sizeof token->secret,
                      VARIANT);
}

void refresh_hash(const refresh_token *token, char hash[REFRESH_HEX + 1])
{
    unsigned char digest[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(digest, token->secret, sizeof token->secret);
    sodium_bin2hex(hash, REFRESH_HEX + 1, digest, sizeof digest);
}

void refresh_salt(char salt[REFRESH_HEX + 1])
{
    unsigned char bytes[SALT_BYTES];

    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(salt, REFRESH_HEX + 1, bytes, sizeof bytes);
}

bool refresh_advance(refresh_token *token, const char *salt)
{
    unsigned char bytes[SALT_BYTES], next[REFRESH_SECRET];
    size_t length;

    if (strnlen(salt, REFRESH_HEX + 1) != REFRESH_HEX ||
        sodium_hex2bin(bytes, sizeof bytes, salt, REFRESH_HEX, NULL, &length, NULL) != 0 || length != sizeof bytes)
        return false;
    crypto_auth_hmacsha256(next, bytes, sizeof bytes, token->secret);
    memcpy(token->secret, next, sizeof next);
    sodium_memzero(next, sizeof next);
    return true;
}
