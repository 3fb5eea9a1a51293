/*
 * Looking up the names of hosts on a thread of its own, which may outlive whoever asked.
 */
#ifndef CORE_DB_LOOKUP_H
#define CORE_DB_LOOKUP_H

#include "core/db/address.h"

struct event_base;
typedef struct lookup lookup;

/* Calls `done(found, error, arg)` from the loop. NULL when there is no thread to be had. */
lookup *lookup_start(struct event_base *base, const places *names,
                     void (*done)(const places *found, const lookup_error *error, void *arg), void *arg);

/* Before `done` has been called: it will not be. After it: frees. NULL is allowed. */
void lookup_free(lookup *l);

#endif
