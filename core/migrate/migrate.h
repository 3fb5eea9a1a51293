/*
 * Migrations: numbered SQL files, forward only, each in a transaction, recorded with a checksum.
 *
 * A set of files has an owner: "talelio" for migrations/, the plugin's name for a third party's folder. Table:
 * schema_migration (owner text, number int, name text, checksum text, applied_at timestamptz, primary key (owner,
 * number)).
 */
#ifndef CORE_MIGRATE_MIGRATE_H
#define CORE_MIGRATE_MIGRATE_H

#include <stdio.h>

#include "core/config/config.h"
#include "core/config/problems.h"

typedef struct migration_list migration_list;

/* Reads the files of the server and of enabled plugins: NNNN_name.sql, numbers without gaps or repeats. */
migration_list *migration_list_load(config *c, const settings *s, problems *found);
void migration_list_free(migration_list *list);

/*
 * One statement that answers a single text: '' when the schema is exactly what the files say, else what is wrong and
 * what to do. For db_new. Lives as long as the list.
 */
const char *migration_check_sql(const migration_list *list);

/* Applies what is missing, under an advisory lock, over a blocking connection of its own (commands only). 0, or 1 with
 * lines on stderr. */
int migrate_run(const migration_list *list, const char *postgres_url, FILE *out);

#endif
