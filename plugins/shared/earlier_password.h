/*
 * Password hashes of the service before this one, "HEX,SALT": SHA3-512 over the password and five letters behind it,
 * which is guessed in no time. So none is stored as it is: argon2id goes over its hexadecimal digits, and what is
 * stored is "sha3-512,SALT" and then the PHC string. It lasts until its owner's next login, which knows the password.
 * Pure; the two functions take as long as hashing any password: in the blocking pool.
 */
#ifndef PLUGINS_SHARED_EARLIER_PASSWORD_H
#define PLUGINS_SHARED_EARLIER_PASSWORD_H

#include <sodium.h>
#include <stdbool.h>

enum {
    EARLIER_SALT_MAX = 5,
    EARLIER_PASSWORD_SIZE = 9 + EARLIER_SALT_MAX + crypto_pwhash_STRBYTES, /* of what is stored, with its NUL */
};

/* Whether `hash` is one of the earlier service. */
bool earlier_password_is_hash(const char *hash);

/* Makes what is stored of such a hash. False when memory is short. */
bool earlier_password_wrap(const char *hash, char stored[EARLIER_PASSWORD_SIZE]);

/* Whether `stored` was made by earlier_password_wrap. */
bool earlier_password_is_wrapped(const char *stored);

/* Whether the password is the one behind such a string; also false when memory is short. */
bool earlier_password_verify(const char *stored, const char *password);

#endif
