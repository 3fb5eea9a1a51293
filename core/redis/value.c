/*
 * Answers of Redis in the request's arena: hiredis frees its own right after the callback.
 */
#include "core/redis/connection.h"

struct tl_redis_value {
    int type; /* REDIS_REPLY_… */
    const char *text;
    int64_t integer;
    size_t count;
    tl_redis_value *items;
};

/* Recursion is bounded: hiredis' reader refuses answers nested deeper than a few levels. */
static void fill(arena *a, tl_redis_value *value, const redisReply *reply)
{
    value->type = reply->type;
    switch (reply->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        value->text = arena_copy_bytes(a, reply->str, (size_t)reply->len);
        break;
    case REDIS_REPLY_INTEGER:
        value->integer = reply->integer;
        break;
    case REDIS_REPLY_ARRAY:
        value->count = reply->elements;
        value->items = arena_alloc(a, reply->elements * sizeof(*value->items));
        for (size_t i = 0; i < reply->elements; i++)
            fill(a, &value->items[i], reply->element[i]);
        break;
    default:
        break;
    }
}

tl_redis_value *redis_value_copy(arena *a, const redisReply *reply)
{
    tl_redis_value *value = arena_alloc(a, sizeof(*value));
    fill(a, value, reply);
    return value;
}

bool redis_is_nil(const tl_redis_value *value)
{
    return !value || value->type == REDIS_REPLY_NIL;
}

const char *redis_text(const tl_redis_value *value)
{
    return value ? value->text : NULL;
}

int64_t redis_integer(const tl_redis_value *value)
{
    return value ? value->integer : 0;
}

size_t redis_count(const tl_redis_value *value)
{
    return value ? value->count : 0;
}

const tl_redis_value *redis_item(const tl_redis_value *value, size_t index)
{
    return value && index < value->count ? &value->items[index] : NULL;
}
