/*
 * A worker's signs of life in the scoreboard, and its numbers.
 */
#ifndef CORE_PROCESS_BEAT_H
#define CORE_PROCESS_BEAT_H

#include <event2/event.h>
#include <stdbool.h>

#include "core/worker.h"

/* Twice a second from now on, as long as the loop turns. NULL when the loop refuses; event_free ends it. */
struct event *beat_start(worker *w);

/* The first worker of a generation tells the master what has been loaded. */
struct router;
void tell_contents(const worker *w, const struct router *routes, int control);

#endif
