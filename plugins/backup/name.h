/*
 * Names of backups: "20261122T030000Z-1a2b3c4d", when it was begun (UTC) and four random bytes. Their order is that of
 * time.
 */
#ifndef PLUGINS_BACKUP_NAME_H
#define PLUGINS_BACKUP_NAME_H

#include <stdbool.h>
#include <stdint.h>

enum { BACKUP_NAME = 26 }; /* bytes, with the NUL */

/* `seconds` since 1970, of the years 1970 to 9999. */
void name_make(int64_t seconds, uint32_t random, char name[BACKUP_NAME]);

/* Reads a name exactly as name_make writes it; the time goes to `seconds`, which may be NULL. */
bool name_read(const char *name, int64_t *seconds);

#endif
