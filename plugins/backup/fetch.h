/*
 * Plain dumps as files: out of the store, or out of an encrypted file without any server.
 */
#ifndef PLUGINS_BACKUP_FETCH_H
#define PLUGINS_BACKUP_FETCH_H

#include "plugins/backup/catalog.h"

/* Writes what pg_dump wrote to a new file, which appears only when it is whole. May wait. */
int fetch_run(task *t, const entry *e, const char *path);

/* Decrypts a file that was copied out of the store by other means. Touches nothing but files. */
int fetch_decrypt(task *t, const char *from, const char *path);

#endif
