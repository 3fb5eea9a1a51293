/*
 * Which backups are kept: the newest of each of the last days, weeks and months that have one. Calls nothing of the
 * host.
 */
#ifndef PLUGINS_BACKUP_RETENTION_H
#define PLUGINS_BACKUP_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct retention_rules {
    int64_t daily, weekly, monthly;
} retention_rules;

typedef struct retained {
    int64_t time; /* seconds since 1970 */
    bool verified;
    const char *why; /* filled in: what keeps it, or NULL: it may go */
} retained;

/*
 * Decides on `items`, which are in order of time, the oldest first. Days, weeks (from Monday) and months are those of
 * UTC. Where one of them has several backups, the newest verified one stands for it, else the newest. The newest
 * verified one is always kept, and so is everything when nothing has been verified.
 */
void retention_choose(const retention_rules *rules, retained *items, size_t count);

#endif
