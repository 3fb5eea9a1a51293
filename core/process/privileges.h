/*
 * What a process of the server may do: who it is, what it may open, what it leaves behind.
 */
#ifndef CORE_PROCESS_PRIVILEGES_H
#define CORE_PROCESS_PRIVILEGES_H

#include <stdbool.h>

#include "core/config/problems.h"
#include "core/config/settings.h"

/* For master and workers alike: files only for this user, as many descriptors as allowed, no signal from a closed
 * connection, and in production no core file, because secrets would be in it. */
void process_limits(const settings *s);

/* Makes run_dir (for this user only), owned by whoever the server will be. One that is there must be his already. */
bool run_dir_make(const settings *s, problems *found);

/* As root with [server] user set: gives that user a file in run_dir. Otherwise nothing. */
bool privileges_give(const settings *s, int fd, problems *found);

/* As root with [server] user set: becomes that user for good. Otherwise nothing. */
bool privileges_drop(const settings *s, problems *found);

#endif
