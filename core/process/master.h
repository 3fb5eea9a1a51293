/*
 * The master: `talelio serve`. It reads the configuration, binds the sockets, and starts and watches generations. It
 * never loads a plugin and never talks to a database.
 */
#ifndef CORE_PROCESS_MASTER_H
#define CORE_PROCESS_MASTER_H

#include <stdbool.h>

/* Serves until told to stop; the exit code. `env` may be NULL. `watch`: reloads when files change, whatever the ini
 * file says. */
int master_run(const char *ini, const char *env, bool watch);

#endif
