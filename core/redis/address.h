/*
 * Where Redis is: a unix socket, a numeric address, or a host name that is looked up without holding the loop. Connects
 * to nothing.
 */
#ifndef CORE_REDIS_ADDRESS_H
#define CORE_REDIS_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct event_base;

enum { REDIS_ADDRESSES = 8 };

typedef struct redis_lookup redis_lookup;

typedef struct redis_address {
    bool is_path;
    bool is_name;   /* `host` must be looked up */
    char host[256]; /* or the path */
    int port;
    char found[REDIS_ADDRESSES][INET6_ADDRSTRLEN]; /* what the last look-up said */
    size_t count;
    size_t next; /* the one of `found` to try next */
} redis_address;

/* "host:port", "[v6]:port" or "/path/to/socket". False when it is none of these. */
bool redis_address_parse(const char *text, redis_address *out);

/* Makes what looks names up; reads /etc/resolv.conf and /etc/hosts once. NULL when the loop refuses. */
redis_lookup *redis_lookup_new(struct event_base *base);
void redis_lookup_free(redis_lookup *lookup);

/*
 * Fills address->found and calls done(arg) once, perhaps before it returns; nothing was found when address->count is 0.
 * One at a time. After redis_lookup_stop `done` is not called any more.
 */
void redis_lookup_start(redis_lookup *lookup, redis_address *address, void (*done)(void *arg), void *arg);
void redis_lookup_stop(redis_lookup *lookup);

#endif
