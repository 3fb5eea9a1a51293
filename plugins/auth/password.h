/*
 * Password hashes: argon2id as PHC strings, by libsodium. These run for tens of milliseconds and take 19 MiB each: in
 * the blocking pool (passwords.c), never on the loop. Needs nothing of the host.
 */
#ifndef PLUGINS_AUTH_PASSWORD_H
#define PLUGINS_AUTH_PASSWORD_H

#include <sodium.h>
#include <stdbool.h>

typedef struct password_job {
    const char *password;
    const char *stored;                /* password_verify: the hash to check against */
    bool right;                        /* password_verify: the password is the one behind the hash */
    char hash[crypto_pwhash_STRBYTES]; /* a new hash; "" when none was needed, or memory was short */
} password_job;

/* Fills in `hash`. The argument is a password_job; untyped, so that this fits the blocking pool. */
void password_make(void *arg);

/* Fills in `right`; and `hash`, when the password is right and the stored hash was made with other parameters, or is
 * one of the service before this one (shared/earlier_password.h). */
void password_verify(void *arg);

/* A hash that no password fits and that takes as long as any to find that out: for accounts that do not exist. */
extern const char password_nobody[];

#endif
