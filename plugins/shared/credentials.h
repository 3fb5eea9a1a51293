/*
 * What an email address and a password may look like. Needs nothing of the host.
 */
#ifndef PLUGINS_SHARED_CREDENTIALS_H
#define PLUGINS_SHARED_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#define EMAIL_MAX 254
#define EMAIL_LOCAL_MAX 64
#define PASSWORD_MIN 8
#define PASSWORD_MAX 128

/*
 * An address that mail servers everywhere take: printable ASCII, a local part of words between single dots, without
 * quotes, and a domain name with a dot. Addresses that only SMTPUTF8 servers take, and address literals, are refused:
 * their verification mail would be lost on many ways. A domain in another script is written in its xn-- form.
 */
bool credentials_is_email(const char *email);

/* What holds for every email of an account, also of one that was made when more of them were taken. */
bool credentials_is_ascii(const char *text);

/* 8 to 128 characters, which are Unicode code points. */
bool credentials_is_password(const char *password);

/* The text without the white space around it: where it starts; its length goes to `length`. */
const char *credentials_trim(const char *text, size_t *length);

#endif
