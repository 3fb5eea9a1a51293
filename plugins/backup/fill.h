/*
 * Restoring a dump into a database, and comparing what is there afterwards with the manifest.
 */
#ifndef PLUGINS_BACKUP_FILL_H
#define PLUGINS_BACKUP_FILL_H

#include "plugins/backup/backup.h"
#include "plugins/backup/conninfo.h"
#include "plugins/backup/manifest.h"
#include "plugins/backup/session.h"

/*
 * pg_restore into the database of this address, in one transaction: all of it or nothing. Owners and rights are those
 * of whoever restores. May wait.
 */
int fill_restore(task *t, const manifest *m, const conninfo *to);

/*
 * Counts and sums up the tables there. TL_OK when they are what the manifest says. A database that is kept is wanted
 * soon, and analyzed as well; another one is read gently. May wait.
 */
int fill_compare(task *t, const manifest *m, const conninfo *in, bool is_kept);

/* CREATE DATABASE with the encoding of the manifest, and its locale where the server has it. May wait. */

int fill_create(task *t, session *s, const manifest *m, const char *name);

#endif
