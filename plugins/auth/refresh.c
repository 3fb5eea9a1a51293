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
_Static_assert(REFRESH_SECRET == crypto_auth_hmacsha256_KEYBYTES, "a secret is a key of HMAC-SHA256");
_Static_assert(REFRESH_SECRET == crypto_auth_hmacsha256_BYTES, "a secret is a result of HMAC-SHA256");

void refresh_make(refresh_token *token)
{
    unsigned char id[ID_BYTES];

    randombytes_buf(id, sizeof id);
    sodium_bin2base64(token->id, sizeof token->id, id, sizeof id, VARIANT);
    randombytes_buf(token->secret, sizeof token->secret);
}

/*
 * The decoder refuses padding and stray bits, so that one token has one text. What it takes as a digit is checked here:
 * libsodium 1.0.18 takes bytes above 0x7f for some.
 */
static bool decode(const char *text, size_t characters, unsigned char *bytes, size_t size)
{
    static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t length;

    return strspn(text, base64url) == characters &&
           sodium_base642bin(bytes, size, text, characters, NULL, &length, NULL, VARIANT) == 0 && length == size;
}

bool refresh_parse(const char *text, refresh_token *token)
{
    unsigned char id[ID_BYTES];

    if (strnlen(text, REFRESH_TEXT + 1) != REFRESH_TEXT || text[REFRESH_ID_TEXT] != '.' ||
        !decode(text, REFRESH_ID_TEXT, id, sizeof id) ||
        !decode(text + REFRESH_ID_TEXT + 1, REFRESH_TEXT - REFRESH_ID_TEXT - 1, token->secret, sizeof token->secret))
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
