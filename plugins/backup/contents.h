/*
 * What is in a database: its tables with their rows and sums, and its properties.
 */
#ifndef PLUGINS_BACKUP_CONTENTS_H
#define PLUGINS_BACKUP_CONTENTS_H

#include "plugins/backup/manifest.h"
#include "plugins/backup/session.h"

/*
 * Counts the rows of every table that pg_dump takes along, and sums up their contents, in the transaction that is open.
 * Reads every row, a piece at a time, with rests (task_rest) between them. `what` is the progress that is told. May
 * wait for long.
 */
int contents_tables(task *t, session *s, const char *what, table_list *tables);

/* Encoding, locale, versions and how far migrations have come. */
int contents_properties(task *t, session *s, manifest *m);

/* How many tables, views, sequences, types, functions and schemas there are that did not come with the server. */
int contents_count(task *t, session *s, int64_t *objects);

#endif
