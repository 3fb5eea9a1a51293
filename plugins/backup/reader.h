/*
 * Reading a dump back from the store: hashed, decrypted, and refused as soon as something is not as it was written.
 */
#ifndef PLUGINS_BACKUP_READER_H
#define PLUGINS_BACKUP_READER_H

#include "plugins/backup/backup.h"
#include "plugins/backup/manifest.h"

/* Takes a piece of what pg_dump wrote. On the fiber; may wait. TL_OK to go on. */
typedef int reader_sink(task *t, void *arg, const void *bytes, size_t length);

/*
 * Reads the whole dump. TL_OK when all of it was there and as the manifest says; whatever the sink was given before an
 * error may be good, but is not whole. `sink` may be NULL. May wait.
 */
int reader_run(task *t, const manifest *m, const char *what, reader_sink *sink, void *arg);

#endif
