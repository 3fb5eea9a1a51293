/*
 * The master: `talelio serve`. It reads the configuration, binds the sockets, and starts and watches generations. It
 * never loads a plugin and never talks to a database.
 */
#ifndef CORE_PROCESS_MASTER_H
#define CORE_PROCESS_MASTER_H

#include <stdatomic.h>
#include <stdbool.h>

/*
 * Serves until told to stop; the exit code. `env` may be NULL. `building` not NULL: reloads when files change, whatever
 * the ini file says, but not while it is true, which another process may make it.
 */
int master_run(const char *ini, const char *env, const atomic_bool *building);

#endif
