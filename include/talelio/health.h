/*
 * What this server depends on, for readiness: database, redis, migrations … as configured.
 */
#ifndef TALELIO_HEALTH_H
#define TALELIO_HEALTH_H

#include "base.h"

typedef struct tl_health_api {
    size_t struct_size;
    size_t (*count)(void);
    const char *(*name)(size_t index);
    int (*check)(tl_request *req, size_t index);
} tl_health_api;

/* How many dependencies there are. Does not wait. */
static inline size_t tl_dependency_count(void)
{
    return tl_the_host->health->count();
}

/* The name of a dependency: "database", "redis", "migrations" … Does not wait. */
static inline const char *tl_dependency_name(size_t index)
{
    return tl_the_host->health->name(index);
}

/* Asks it now. May wait. TL_OK, TL_UNAVAILABLE or TL_CANCELLED. */
static inline int tl_dependency_check(tl_request *req, size_t index)
{
    return tl_the_host->health->check(req, index);
}

#endif
