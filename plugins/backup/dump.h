/*
 * Making a backup.
 */
#ifndef PLUGINS_BACKUP_DUMP_H
#define PLUGINS_BACKUP_DUMP_H

#include "plugins/backup/backup.h"
#include "plugins/backup/catalog.h"

/* Dumps the database into the store. TL_OK with the new backup, not verified yet; otherwise there is none. May wait. */
int dump_make(task *t, entry **made);

#endif
