/*
 * What the files of this folder share. Not for others.
 */
#ifndef CORE_MIGRATE_PARTS_H
#define CORE_MIGRATE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "core/memory/arena.h"
#include "core/migrate/migrate.h"

#define SERVER_OWNER "talelio"

enum { CHECKSUM_LENGTH = 64 };

typedef struct migration {
    const char *owner;
    int number;
    const char *name; /* "0001_accounts.sql" */
    const char *path;
    const char *sql;
    char checksum[CHECKSUM_LENGTH + 1]; /* SHA-256 of the file, in hex */
    STAILQ_ENTRY(migration) next;
} migration;

typedef struct owner {
    const char *name;
    int latest;
    STAILQ_ENTRY(owner) next;
} owner;

struct migration_list {
    arena *memory;
    STAILQ_HEAD(, migration) migrations; /* the server's first, then the plugins' in order of the ini file */
    STAILQ_HEAD(, owner) owners;
    const char *check_sql;
};

const char *check_sql_make(const migration_list *list);

/* One statement of a file. */
typedef struct statement {
    const char *text;
    size_t length; /* without the ';' */
    int line;
} statement;

typedef struct scanner {
    const char *at;
    int line;
} scanner;

typedef enum scan_result {
    SCAN_STATEMENT,
    SCAN_END,
    SCAN_TRANSACTION, /* BEGIN, COMMIT and the like */
    SCAN_PSQL,        /* a command of psql */
    SCAN_OPEN,        /* a quote or comment that is not closed */
} scan_result;

/* The next statement of a file; with any other result `out` says only the line. */
scan_result sql_scan(scanner *s, statement *out);

#endif
