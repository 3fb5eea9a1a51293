/*
 * A database's address: libpq's string taken apart, so that its password reaches child processes neither in their
 * arguments nor in their environment, but in a service file that exists in memory only.
 */
#ifndef PLUGINS_BACKUP_CONNINFO_H
#define PLUGINS_BACKUP_CONNINFO_H

#include <stdbool.h>
#include <stddef.h>

enum { CONNINFO_MOST = 64 };

typedef struct conninfo {
    const char *keywords[CONNINFO_MOST]; /* as PQconnectdbParams takes them, NULL at the end */
    const char *values[CONNINFO_MOST];
    size_t count;
} conninfo;

/* Takes `url` apart; what it makes is allocated and goes with conninfo_free. NULL, or what is wrong, without a secret.
 */
const char *conninfo_read(conninfo *a, const char *url);
void conninfo_free(conninfo *a);

/* The value of a keyword, NULL when it is not given. */
const char *conninfo_value(const conninfo *a, const char *keyword);

/* A copy of the values with another database; the strings stay those of `a` and of `database`. */
conninfo conninfo_with(const conninfo *a, const char *database);

/* The text of a service file with the one service "talelio"; malloc, NULL when memory is short. */
char *conninfo_service(const conninfo *a);

#endif
