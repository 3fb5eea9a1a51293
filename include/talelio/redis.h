/*
 * Redis. Commands go out as separate words, so nothing in a value can become part of a command.
 */
#ifndef TALELIO_REDIS_H
#define TALELIO_REDIS_H

#include "base.h"

typedef struct tl_redis_value tl_redis_value;

typedef struct tl_redis_api {
    size_t struct_size;
    const char *(*key)(tl_request *req, const char *kind, const char *name);
    tl_redis_value *(*command)(tl_request *req, size_t count, const char *const *words);
    int (*reply_error)(tl_request *req);
    bool (*is_nil)(const tl_redis_value *value);
    const char *(*text)(const tl_redis_value *value);
    int64_t (*integer)(const tl_redis_value *value);
    size_t (*count)(const tl_redis_value *value);
    const tl_redis_value *(*item)(const tl_redis_value *value, size_t index);
} tl_redis_api;

/* "<configured prefix><kind>:<name>". Every key goes through this. Does not wait. */
static inline const char *tl_redis_key(tl_request *req, const char *kind, const char *name)
{
    return tl_the_host->redis->key(req, kind, name);
}

/*
 * Sends one command, its words as strings: tl_redis(req, "SET", key, value, "EX", "60"). The answer lives as long as
 * the request. NULL when there is none, or an error of Redis (logged): `return tl_fail_redis(req)`. May wait.
 */
#define tl_redis(req, ...)                                                                                             \
    tl_redis_list(req, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *),                              \
                  (const char *const[]){__VA_ARGS__})

/* The same with the words in an array. May wait. */
static inline tl_redis_value *tl_redis_list(tl_request *req, size_t count, const char *const *words)
{
    return tl_the_host->redis->command(req, count, words);
}

/* Answers for a failed call: 503 with Retry-After when Redis is away, 500 otherwise. Does not wait. */
static inline int tl_fail_redis(tl_request *req)
{
    return tl_the_host->redis->reply_error(req);
}

static inline bool tl_redis_is_nil(const tl_redis_value *value)
{
    return tl_the_host->redis->is_nil(value);
}

/* The text of a string or status answer, NULL for anything else. */
static inline const char *tl_redis_text(const tl_redis_value *value)
{
    return tl_the_host->redis->text(value);
}

/* The number of an integer answer, 0 for anything else. */
static inline int64_t tl_redis_int(const tl_redis_value *value)
{
    return tl_the_host->redis->integer(value);
}

/* The number of elements of an array answer, 0 for anything else. */
static inline size_t tl_redis_count(const tl_redis_value *value)
{
    return tl_the_host->redis->count(value);
}

/* An element of an array answer, NULL past its end. */
static inline const tl_redis_value *tl_redis_item(const tl_redis_value *value, size_t index)
{
    return tl_the_host->redis->item(value, index);
}

#endif
