/*
 * JSON values that belong to the request: nothing to free, nothing to check. Setting something on a value of the wrong
 * kind is a mistake of the plugin: it is logged, and changes nothing. Nothing here waits.
 *
 * A value may stand in several places, and may not contain itself.
 */
#ifndef TALELIO_JSON_H
#define TALELIO_JSON_H

#include "base.h"

typedef struct tl_json tl_json;

typedef enum tl_json_type {
    TL_JSON_NULL,
    TL_JSON_BOOL,
    TL_JSON_INT,
    TL_JSON_DOUBLE,
    TL_JSON_STRING,
    TL_JSON_ARRAY,
    TL_JSON_OBJECT,
} tl_json_type;

typedef struct tl_json_api {
    size_t struct_size;
    tl_json *(*object)(tl_request *req);
    tl_json *(*array)(tl_request *req);
    void (*set)(tl_json *object, const char *key, tl_json *value);
    void (*set_string)(tl_json *object, const char *key, const char *value);
    void (*set_int)(tl_json *object, const char *key, int64_t value);
    void (*set_double)(tl_json *object, const char *key, double value);
    void (*set_bool)(tl_json *object, const char *key, bool value);
    void (*append)(tl_json *array, tl_json *value);
    void (*append_string)(tl_json *array, const char *value);
    tl_json *(*parse)(tl_request *req, const char *text, size_t length);
    tl_json_type (*type)(const tl_json *value);
    tl_json *(*get)(const tl_json *object, const char *key);
    tl_json *(*at)(const tl_json *array, size_t index);
    size_t (*count)(const tl_json *value);
    const char *(*as_string)(const tl_json *value);
    int64_t (*as_int)(const tl_json *value);
    double (*as_double)(const tl_json *value);
    bool (*as_bool)(const tl_json *value);
    const char *(*text)(tl_request *req, const tl_json *value, size_t *length);
} tl_json_api;

/* An empty object. Lives as long as the request. */
static inline tl_json *tl_json_object(tl_request *req)
{
    return tl_the_host->json->object(req);
}

/* An empty array. Lives as long as the request. */
static inline tl_json *tl_json_array(tl_request *req)
{
    return tl_the_host->json->array(req);
}

/* Sets a member; a NULL value is JSON's null. */
static inline void tl_json_set(tl_json *object, const char *key, tl_json *value)
{
    tl_the_host->json->set(object, key, value);
}

/* Sets a string member (UTF-8, copied); NULL is JSON's null. */
static inline void tl_json_set_string(tl_json *object, const char *key, const char *value)
{
    tl_the_host->json->set_string(object, key, value);
}

/* Sets an integer member. */
static inline void tl_json_set_int(tl_json *object, const char *key, int64_t value)
{
    tl_the_host->json->set_int(object, key, value);
}

/* Sets a number with a fraction. */
static inline void tl_json_set_double(tl_json *object, const char *key, double value)
{
    tl_the_host->json->set_double(object, key, value);
}

/* Sets true or false. */
static inline void tl_json_set_bool(tl_json *object, const char *key, bool value)
{
    tl_the_host->json->set_bool(object, key, value);
}

/* Appends to an array; a NULL value is JSON's null. */
static inline void tl_json_append(tl_json *array, tl_json *value)
{
    tl_the_host->json->append(array, value);
}

/* Appends a string (UTF-8, copied) to an array; NULL is JSON's null. */
static inline void tl_json_append_string(tl_json *array, const char *value)
{
    tl_the_host->json->append_string(array, value);
}

/*
 * Parses one JSON text (RFC 8259, UTF-8, at most 32 levels deep) with nothing behind it. NULL when it is none; the text
 * `null` gives a value of type TL_JSON_NULL.
 */
static inline tl_json *tl_json_parse(tl_request *req, const char *text, size_t length)
{
    return tl_the_host->json->parse(req, text, length);
}

/* The kind of a value; NULL is TL_JSON_NULL. */
static inline tl_json_type tl_json_type_of(const tl_json *value)
{
    return tl_the_host->json->type(value);
}

/* A member of an object, or NULL when there is none of that name. Members that are null are values, not NULL. */
static inline tl_json *tl_json_get(const tl_json *object, const char *key)
{
    return tl_the_host->json->get(object, key);
}

/* An element of an array, or NULL past its end. */
static inline tl_json *tl_json_at(const tl_json *array, size_t index)
{
    return tl_the_host->json->at(array, index);
}

/* The number of members or elements; 0 for anything else. */
static inline size_t tl_json_count(const tl_json *value)
{
    return tl_the_host->json->count(value);
}

/* The text of a string, or NULL when the value is none. Lives as long as the request. */
static inline const char *tl_json_string(const tl_json *value)
{
    return tl_the_host->json->as_string(value);
}

/* The number as an integer, or 0 when the value is no number. */
static inline int64_t tl_json_int(const tl_json *value)
{
    return tl_the_host->json->as_int(value);
}

/* The number, or 0 when the value is none. */
static inline double tl_json_double(const tl_json *value)
{
    return tl_the_host->json->as_double(value);
}

/* True when the value is JSON's true. */
static inline bool tl_json_bool(const tl_json *value)
{
    return tl_the_host->json->as_bool(value);
}

/* The value as JSON text; its length when `length` is not NULL. Lives as long as the request. */
static inline const char *tl_json_text(tl_request *req, const tl_json *value, size_t *length)
{
    return tl_the_host->json->text(req, value, length);
}

#endif
