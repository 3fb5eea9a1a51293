/*
 * Deleting the backups that no rule keeps, and what unfinished ones have left.
 */
#ifndef PLUGINS_BACKUP_PRUNE_H
#define PLUGINS_BACKUP_PRUNE_H

#include "plugins/backup/catalog.h"

typedef struct pruned {
    const char *name;
    const char *state;
    const char *why; /* what keeps it, or why it goes */
    bool goes;
} pruned;

typedef struct prune_list {
    pruned *items; /* the oldest first */
    size_t count, going;
} prune_list;

/* Decides about every backup, and deletes what goes unless `is_dry`. May wait. */
int prune_run(task *t, bool is_dry, prune_list *list);

#endif
