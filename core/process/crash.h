/*
 * The crash handler of a worker: says in the scoreboard what was running, then lets the process die of its signal.
 */
#ifndef CORE_PROCESS_CRASH_H
#define CORE_PROCESS_CRASH_H

#include <stdbool.h>

/* For the_worker. `tell`: also writes one line to stderr, for a process without a master. False when refused. */
bool crash_handler_install(bool tell);

#endif
