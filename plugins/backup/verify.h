/*
 * Whether a backup is what was written: the whole dump is read back, hashed, decrypted, and read by pg_restore, whose
 * list must name every table of the manifest.
 */
#ifndef PLUGINS_BACKUP_VERIFY_H
#define PLUGINS_BACKUP_VERIFY_H

#include "plugins/backup/catalog.h"

/* Reads a backup back and stores the verdict. TL_OK when it is whole. May wait. */
int verify_run(task *t, entry *e);

#endif
