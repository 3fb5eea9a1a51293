/*
 * What lies in the store: <prefix>/<name>/dump, manifest.json, verdict.json. Anything else is nobody's business here.
 */
#ifndef PLUGINS_BACKUP_CATALOG_H
#define PLUGINS_BACKUP_CATALOG_H

#include "plugins/backup/backup.h"
#include "plugins/backup/manifest.h"

typedef struct entry {
    const char *name;
    int64_t time;    /* seconds since 1970, of the name */
    int64_t touched; /* microseconds: the youngest of its objects */
    bool has_dump, has_manifest, has_verdict;
    const manifest *manifest; /* NULL: see `problem` */
    const verdict *verdict;   /* NULL: none, or none to be trusted */
    const char *problem;      /* why it counts as no backup, or NULL */
} entry;

typedef struct catalog {
    entry *items; /* in order of time, the oldest first */
    size_t count;
} catalog;

/* The key of an object of a backup; lives as long as the request. */
const char *catalog_key(tl_request *req, const char *name, const char *object);

/* What there is, by names alone. May wait, as everything below. */
int catalog_list(task *t, catalog *c);

/* Reads manifest and verdict; what is wrong with them goes to `problem`. An error only when the storage fails. */
int catalog_load(task *t, entry *e);

/* Both of the above, for all of them. */
int catalog_read(task *t, catalog *c);

/* A backup that was read back and found whole, and that no drill has failed on since. */
bool entry_is_verified(const entry *e);

/* "verified", "not verified", "failed", "refused", "unfinished". */
const char *entry_state(const entry *e);

/* Why it is failed, refused or unfinished; "" when it is neither. */
const char *entry_reason(const entry *e);

/* The backup of this name, or for "latest" the newest verified one; NULL with the task's reason. */
entry *catalog_choose(task *t, const char *name);

/* The newest verified one: TL_OK, with NULL when there is none. `*seen` tells how many names were looked at. */
int catalog_newest_verified(task *t, entry **found, size_t *seen);

/* Stores what came of reading a backup back. */
int catalog_put_verdict(task *t, entry *e, const verdict *v);

/* Deletes a backup: the manifest first, so that what is half deleted counts as none. */
int catalog_delete(task *t, const char *name);

#endif
