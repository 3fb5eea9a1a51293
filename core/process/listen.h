/*
 * The listening sockets: one SO_REUSEPORT socket a worker slot on the same address, so that the kernel spreads
 * connections evenly. They belong to the master and live as long as it does.
 */
#ifndef CORE_PROCESS_LISTEN_H
#define CORE_PROCESS_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config/problems.h"
#include "core/config/settings.h"

typedef struct listeners {
    int *fds;
    size_t count;
    char url[96]; /* http://127.0.0.1:5000, with the port that was taken */
} listeners;

/* Binds `count` sockets to [server] address and port; port 0 takes a free one. False with what is wrong in `found`. */
bool listeners_open(listeners *l, const settings *s, size_t count, problems *found);
void listeners_close(listeners *l);

#endif
