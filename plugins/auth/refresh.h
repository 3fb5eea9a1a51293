/*
 * Refresh tokens as values: "<session id>.<secret>" in base64url, and the chain of secrets that rotation makes. Needs
 * nothing of the host.
 *
 * The secret that follows another is HMAC-SHA256(key = the secret before, message = a random salt). The store keeps the
 * salt and the hash of the result: who brings the old secret can work out the new one, so that two requests with one
 * token get the same successor, and nobody else can, also not with all that is in the store.
 */
#ifndef PLUGINS_AUTH_REFRESH_H
#define PLUGINS_AUTH_REFRESH_H

#include <stdbool.h>

#define REFRESH_ID_TEXT 22 /* 128 bits */
#define REFRESH_SECRET 32  /* 256 bits */
#define REFRESH_TEXT 66    /* the id, a dot, 43 characters of the secret */
#define REFRESH_HEX 64     /* of a hash or a salt */

typedef struct refresh_token {
    char id[REFRESH_ID_TEXT + 1];
    unsigned char secret[REFRESH_SECRET];
} refresh_token;

/* A token with a new session id and a new secret. */
void refresh_make(refresh_token *token);

/* False unless the text is exactly what refresh_text makes of some token. */
bool refresh_parse(const char *text, refresh_token *token);

void refresh_text(const refresh_token *token, char text[REFRESH_TEXT + 1]);

/*
 * What the store keeps of the secret: SHA-256 in hexadecimal. The secret is random, 256 bits long, so that no salt or
 * slow hash is needed, and a comparison of hashes that takes longer for more equal digits tells nothing that helps.
 */
void refresh_hash(const refresh_token *token, char hash[REFRESH_HEX + 1]);

/* A new salt, in hexadecimal. */
void refresh_salt(char salt[REFRESH_HEX + 1]);

/* Puts the secret's successor in its place. False when the salt is none. */
bool refresh_advance(refresh_token *token, const char *salt);

#endif
