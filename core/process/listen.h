/*
 * The listening socket: one for all workers of all generations. It belongs to the master and lives as long as it does,
 * so neither a reload nor a worker that dies loses a connection that waits in it.
 */
#ifndef CORE_PROCESS_LISTEN_H
#define CORE_PROCESS_LISTEN_H

#include <stdbool.h>

#include "core/config/problems.h"
#include "core/config/settings.h"

typedef struct listener {
    int fd;
    char url[96]; /* http://localhost:5000, with the port that was taken */
} listener;

/* Listens on [server] address and port; port 0 takes a free one. False with what is wrong in `found`. */
bool listener_open(listener *l, const settings *s, problems *found);
void listener_close(listener *l);

#endif
