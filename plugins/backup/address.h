/*
 * A database's address: libpq's string taken apart, so that its password reaches child processes neither in their
 * arguments nor in their environment, but in a service file that exists in memory only.
 */
#ifndef PLUGINS_BACKUP_ADDRESS_H
#define PLUGINS_BACKUP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

enum { ADDRESS_MOST = 64 };

typedef struct address {
    const char *keywords[ADDRESS_MOST]; /* as PQconnectdbParams takes them, NULL at the end */
    const char *values[ADDRESS_MOST];
    size_t count;
} address;

/* Takes `url` apart; what it makes is allocated and goes with address_free. NULL, or what is wrong, without a secret.
 */
const char *address_read(address *a, const char *url);
void address_free(address *a);

/* The value of a keyword, NULL when it is not given. */
const char *address_value(const address *a, const char *keyword);

/* A copy of the values with another database; the strings stay those of `a` and of `database`. */
address address_with(const address *a, const char *database);

/* The text of a service file with the one service "talelio"; malloc, NULL when memory is short. */
char *address_service(const address *a);

#endif
