/*
 * The connection to Redis, as the files of this folder share it.
 */
#ifndef CORE_REDIS_CONNECTION_H
#define CORE_REDIS_CONNECTION_H

#include <hiredis/async.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/redis/address.h"
#include "core/redis/redis.h"
#include "core/request/request.h"
#include "core/worker.h"

/* A command whose answer has not come yet. Outlives the request that sent it: the answer comes all the same. */
typedef struct flight {
    TAILQ_ENTRY(flight) entry;
    redis *redis;
    int64_t sent;
    struct call *call; /* who waits, on a fiber's stack; NULL: cancelled */
} flight;

/* A command that waits for the first connection of the process. */
typedef struct starter {
    TAILQ_ENTRY(starter) entry;
    redis *redis;
    waiter wait;
    bool ready; /* how it ended */
} starter;

struct redis {
    worker *worker;
    redisAsyncContext *context; /* NULL between connections */
    redis_address address;
    redis_lookup *lookup; /* NULL unless the address is a name */
    bool ready;           /* connected, logged in, database chosen */
    bool starting;        /* the first connect of the process is still going */
    bool told_away;       /* the log has it */
    bool told_full;
    int64_t state_told; /* when an error of the server's state was logged last */
    int64_t backoff;
    int64_t connect_deadline;
    struct event *retry; /* the next attempt */
    struct event *watch; /* the deadline of the connect, or of the oldest command */
    struct event *start; /* the end of waiting for the first connect */
    TAILQ_HEAD(, flight) flights;
    size_t flight_count;
    TAILQ_HEAD(, starter) starters;
};

/* Makes sure that a stalled server is noticed. Called for every command that is sent. */
void redis_watch(redis *r);

/* True when this error text speaks of the server's state and not of the command. */
bool redis_is_state_error(const char *text);

/* A copy of an error text for the log without any word of the command in it. */
void redis_safe_error(const char *text, char *out, size_t size);

/* A copy of the answer in the arena. */
tl_redis_value *redis_value_copy(arena *a, const redisReply *reply);

#endif
