/*
 * Restoring a backup into a database that somebody is going to use.
 */
#ifndef PLUGINS_BACKUP_RESTORE_H
#define PLUGINS_BACKUP_RESTORE_H

#include "plugins/backup/catalog.h"

typedef struct restore_plan {
    const char *name; /* or "latest" */
    const char *to;   /* as libpq takes it */
    bool is_replacing;
} restore_plan;

typedef struct restored {
    const manifest *manifest;
    const char *kept; /* the database as it was, under its new name; NULL when there was nothing to keep */
} restored;

/* TL_OK when the database is what the manifest says. May wait. */
int restore_run(task *t, const restore_plan *plan, restored *done);

#endif
