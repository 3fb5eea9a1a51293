/*
 * Redis for fibers: one asynchronous connection a worker, reconnected with back-off.
 */
#ifndef CORE_REDIS_REDIS_H
#define CORE_REDIS_REDIS_H

#include <talelio/redis.h>

struct worker;
typedef struct redis redis;

/* Starts connecting at once; never blocks. */
redis *redis_new(struct worker *w);

/* Commands under way end without an answer. */
void redis_free(redis *r);

/* As documented in talelio/redis.h. */
const char *redis_key(tl_request *req, const char *kind, const char *name);
tl_redis_value *redis_command(tl_request *req, size_t count, const char *const *words);
bool redis_is_nil(const tl_redis_value *value);
const char *redis_text(const tl_redis_value *value);
int64_t redis_integer(const tl_redis_value *value);
size_t redis_count(const tl_redis_value *value);
const tl_redis_value *redis_item(const tl_redis_value *value, size_t index);

/* What the request's last command came to: TL_OK, TL_UNAVAILABLE, TL_CANCELLED or TL_ERROR. */
int redis_error(const tl_request *req);

#endif
