/*
 * The drill: a backup is restored into a database of its own, looked at, and that database dropped.
 */
#ifndef PLUGINS_BACKUP_DRILL_H
#define PLUGINS_BACKUP_DRILL_H

#include "plugins/backup/catalog.h"

/* Restores the backup and stores the verdict. TL_OK when everything is there. May wait. */
int drill_run(task *t, entry *e);

#endif
