/*
 * Which worker gets the next connection: the kernel goes by a hash of the addresses, over all sockets that listen, also
 * those whose worker is away. While one is, this leaves it out.
 */
#ifndef CORE_PROCESS_SPREAD_H
#define CORE_PROCESS_SPREAD_H

#include "core/process/listen.h"
#include "core/process/scoreboard.h"

/* New connections go to the slots of `board` that serve; to all of them when none does. */
void spread_connections(const listeners *l, const scoreboard_slot *board);

#endif
