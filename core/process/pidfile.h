/*
 * run_dir/talelio.pid: the number of the running master, and a lock that says whether it lives. A file that a dead
 * master left behind has no lock and means nothing.
 */
#ifndef CORE_PROCESS_PIDFILE_H
#define CORE_PROCESS_PIDFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/config/problems.h"
#include "core/config/settings.h"

/* Takes the lock for as long as the descriptor lives. -1 with the reason in `found` when another master has it. */
int pidfile_take(const settings *s, problems *found);

/* The running master, 0 when none runs. -1 when that cannot be found out (errno). */
pid_t pidfile_owner(const settings *s);

#endif
