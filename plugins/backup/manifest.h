/*
 * The two small files beside a dump: the manifest, without which there is no backup, and the verdict, what came of
 * reading it back. Both are sealed: with the key that encrypts dumps by a MAC, so that nobody without the key can make
 * or change one; without a key by a plain hash, which protects from accidents only.
 */
#ifndef PLUGINS_BACKUP_MANIFEST_H
#define PLUGINS_BACKUP_MANIFEST_H

#include <stdint.h>

#include "plugins/backup/keys.h"
#include "plugins/backup/name.h"

enum { MANIFEST_FORMAT = 1, SEAL_BYTES = 32, SEAL_TEXT = 2 * SEAL_BYTES + 1 };

/* What a table held: how many rows, and a sum over their contents that does not depend on their order. */
typedef struct table_sum {
    const char *name; /* as SQL writes it: public.articles */
    int64_t rows;
    const char *sum;
} table_sum;

typedef struct table_list {
    table_sum *items; /* in order of the names' bytes */
    size_t count;
} table_list;

/* The schema: how far the migrations of each owner have come. */
typedef struct schema_version {
    const char *owner;
    int64_t number;
} schema_version;

/* All strings are set; "" where there is nothing to say. */
typedef struct manifest {
    const char *name;
    int64_t started;      /* microseconds since 1970: what the dump shows is the database of this moment */
    int64_t milliseconds; /* how long it took */
    int64_t size;         /* of the stored object */
    int64_t plain_size;   /* of what pg_dump wrote */
    const char *sha256;   /* of the stored object, in hexadecimal */
    const char *key_id;   /* "": not encrypted */
    const char *server;   /* version of PostgreSQL */
    const char *program;  /* version of pg_dump */
    const char *encoding, *collate, *ctype;
    schema_version *schema;
    size_t schema_count;
    table_list tables;
} manifest;

/* The seal over everything in the manifest, as text. `key` NULL: the plain hash. */
void manifest_seal(const manifest *m, const backup_key *key, char text[SEAL_TEXT]);

typedef struct verdict {
    const char *name;
    const char *sha256;   /* of the dump that was read */
    bool is_good;         /* of the last time it was read back */
    int64_t checked;      /* when, in microseconds */
    const char *reason;   /* "" when it is good */
    bool is_restorable;   /* of the last drill */
    int64_t drilled;      /* when, 0: never */
    int64_t milliseconds; /* that the drill took */
    const char *drill_reason;
} verdict;

void verdict_seal(const verdict *v, const backup_key *key, char text[SEAL_TEXT]);

/* True when the two are the same, in a time that does not depend on where they differ. */
bool seal_fits(const char *wanted, const char *found);

/* Where the lists differ, in a line for people; NULL when they are the same. `text` is filled. */
const char *tables_differ(const table_list *wanted, const table_list *found, char *text, size_t size);

/* The rows of all tables. */
int64_t tables_rows(const table_list *tables);

#endif
