/*
 * pg_dump and pg_restore: where they are, and whether they are new enough for a server.
 */
#ifndef PLUGINS_BACKUP_PROGRAMS_H
#define PLUGINS_BACKUP_PROGRAMS_H

#include "plugins/backup/child.h"

typedef struct program {
    const char *path;
    const char *version; /* "15.14 (Debian 15.14-0+deb12u1)" */
    int major;
} program;

/*
 * Finds `name` for a server of version `server_major` (0: the newest there is): in the configured folder, or else under
 * /usr/lib/postgresql and in PATH. pg_dump refuses servers that are newer than itself, so it must be of the server's
 * major version or above. TL_OK, or TL_ERROR with the reason. May wait.
 */
int program_find(task *t, const char *name, int server_major, program *found);

#endif
