/*
 * Addresses and the text of a message (RFC 5322, 2045, 2047). No files, no network, no other parts of the core: the
 * blocking pool uses it.
 */
#ifndef CORE_MAIL_MESSAGE_H
#define CORE_MAIL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAIL_ADDRESS_SIZE = 255, MAIL_NAME_SIZE = 256, MAIL_SUBJECT_MOST = 500, MAIL_TEXT_MOST = 1048576 };

typedef struct mail_sender {
    char name[MAIL_NAME_SIZE]; /* "" when there is none */
    char address[MAIL_ADDRESS_SIZE];
} mail_sender;

typedef struct mail_message {
    const mail_sender *from;
    const char *to;
    const char *subject;
    const char *text; /* UTF-8, lines end in LF or CRLF */
    int64_t id;
    int64_t created; /* microseconds since 1970 */
} mail_message;

/* "Name <address>", "\"Name\" <address>" or "address". */
bool mail_sender_parse(const char *text, mail_sender *out);

/* One plain address: nothing that could end a header or an SMTP command, or be read as more than one. */
bool mail_address_is_valid(const char *address);

bool mail_has_control(const char *text);

/* "b***@example.org": enough to recognise, for the log. */
void mail_address_mask(const char *address, char *out, size_t size);

/* The whole message, CRLF at every line's end; free() it. NULL when out of memory. */
char *mail_message_text(const mail_message *message, size_t *length);

#endif
