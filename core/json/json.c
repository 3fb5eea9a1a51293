/*
 * JSON values as plugins see them: json-c's objects behind an opaque type, owned by the request through its arena.
 *
 * Containers made or parsed here are put when the request ends; a container that holds another keeps a reference of
 * its own. Scalars belong to their container alone. json-c has NULL for null; plugins get a pointer for it, because
 * NULL means "no such member" to them.
 */
#include "core/json/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/text.h"
#include "core/log/log.h"
#include "core/log/utf8.h"
#include "core/request/request.h"
#include "core/worker.h"

static const char null_value; /* only its address counts */

static tl_json *wrap(json_object *value)
{
    return value ? (tl_json *)value : (tl_json *)&null_value;
}

static json_object *unwrap(const tl_json *value)
{
    return value == (const tl_json *)&null_value ? NULL : (json_object *)value;
}

json_object *json_checked(json_object *made)
{
    if (made)
        return made;
    fprintf(stderr, "talelio: out of memory for JSON\n");
    abort();
}

static void put_value(void *value)
{
    json_object_put(value);
}

enum { VALUE = 96 /* about what json-c takes for one, beside its text */ };

/* Setters carry no request: it is the one whose code runs. */
static void count(tl_request *req, size_t text_length)
{
    if (!req && the_worker && the_worker->requests)
        req = (tl_request *)request_current(the_worker->requests);
    if (!req)
        return;
    request_count_memory(req, VALUE + text_length);
    request_check_memory(req, 0);
}

static tl_json *adopt(tl_request *req, json_object *value)
{
    if (value)
        arena_defer(req->arena, put_value, value);
    return wrap(value);
}

static void mistake(const char *what)
{
    if (the_worker && the_worker->log)
        log_error(the_worker, NULL, "a plugin's JSON: %s", what);
}

tl_json *json_new_object(tl_request *req)
{
    tl_json *object = adopt(req, json_checked(json_object_new_object()));
    count(req, 0);
    return object;
}

tl_json *json_new_array(tl_request *req)
{
    tl_json *array = adopt(req, json_checked(json_object_new_array_ext(8)));
    count(req, 0);
    return array;
}

/* The text in well-formed UTF-8: itself, or a copy to free in `*repaired`. */
static const char *well_formed(const char *text, size_t *length, char **repaired)
{
    *repaired = NULL;
    if (utf8_is_valid(text, *length))
        return text;
    *repaired = malloc(3 * *length + 1);
    if (!*repaired)
        json_checked(NULL);
    *length = text_repair(text, *length, *repaired);
    (*repaired)[*length] = '\0';
    return *repaired;
}

static json_object *new_string(const char *text)
{
    if (!text)
        return NULL;
    size_t length = strlen(text);
    if (length > INT32_MAX / 4) {
        mistake("a string of more than 512 MB was set to null");
        return NULL;
    }
    char *repaired;
    text = well_formed(text, &length, &repaired);
    json_object *value = json_checked(json_object_new_string_len(text, (int)length));
    free(repaired);
    return value;
}

/* With the fewest digits that read back as the same number; json-c's own are always 17. */
static json_object *new_double(double number)
{
    if (!isfinite(number))
        return NULL;
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    if (!strpbrk(text, ".e"))
        snprintf(text, sizeof text, "%.1f", number);
    return json_checked(json_object_new_double_s(number, text));
}

/* Takes the caller's reference on `value`. */
static void set_member(tl_json *object, const char *key, json_object *value)
{
    json_object *to = unwrap(object);
    if (!json_object_is_type(to, json_type_object) || !key) {
        mistake("a member was set on a value that is no object, or without a name");
        json_object_put(value);
        return;
    }
    size_t length = strlen(key);
    char *repaired;
    key = well_formed(key, &length, &repaired);
    if (json_object_object_add(to, key, value) != 0) {
        mistake("an object was set as its own member");
        json_object_put(value);
    }
    free(repaired);
}

static void append_element(tl_json *array, json_object *value)
{
    json_object *to = unwrap(array);
    if (!json_object_is_type(to, json_type_array) || to == value) {
        mistake("an element was appended to a value that is no array, or to itself");
        json_object_put(value);
        return;
    }
    if (json_object_array_add(to, value) != 0)
        json_checked(NULL);
}

void json_set(tl_json *object, const char *key, tl_json *value)
{
    set_member(object, key, json_object_get(unwrap(value)));
    count(NULL, 0);
}

void json_set_string(tl_json *object, const char *key, const char *value)
{
    set_member(object, key, new_string(value));
    count(NULL, value ? strlen(value) : 0);
}

void json_set_int(tl_json *object, const char *key, int64_t value)
{
    set_member(object, key, json_checked(json_object_new_int64(value)));
    count(NULL, 0);
}

void json_set_double(tl_json *object, const char *key, double value)
{
    set_member(object, key, new_double(value));
    count(NULL, 0);
}

void json_set_bool(tl_json *object, const char *key, bool value)
{
    set_member(object, key, json_checked(json_object_new_boolean(value)));
    count(NULL, 0);
}

void json_append(tl_json *array, tl_json *value)
{
    append_element(array, json_object_get(unwrap(value)));
    count(NULL, 0);
}

void json_append_string(tl_json *array, const char *value)
{
    append_element(array, new_string(value));
    count(NULL, value ? strlen(value) : 0);
}

tl_json *json_parse(tl_request *req, const char *text, size_t length)
{
    json_object *value;
    if (!text || !json_read(req->arena, text, length, &value))
        return NULL;
    tl_json *parsed = adopt(req, value);
    count(req, length);
    return parsed;
}

tl_json_type json_type_of(const tl_json *value)
{
    switch (json_object_get_type(unwrap(value))) {
    case json_type_null:
        return TL_JSON_NULL;
    case json_type_boolean:
        return TL_JSON_BOOL;
    case json_type_int:
        return TL_JSON_INT;
    case json_type_double:
        return TL_JSON_DOUBLE;
    case json_type_string:
        return TL_JSON_STRING;
    case json_type_array:
        return TL_JSON_ARRAY;
    case json_type_object:
        return TL_JSON_OBJECT;
    }
    return TL_JSON_NULL;
}

tl_json *json_get(const tl_json *object, const char *key)
{
    json_object *from = unwrap(object);
    json_object *value;
    if (!json_object_is_type(from, json_type_object) || !key || !json_object_object_get_ex(from, key, &value))
        return NULL;
    return wrap(value);
}

tl_json *json_at(const tl_json *array, size_t index)
{
    json_object *from = unwrap(array);
    if (!json_object_is_type(from, json_type_array) || index >= json_object_array_length(from))
        return NULL;
    return wrap(json_object_array_get_idx(from, index));
}

size_t json_count(const tl_json *value)
{
    json_object *from = unwrap(value);
    if (json_object_is_type(from, json_type_array))
        return json_object_array_length(from);
    if (json_object_is_type(from, json_type_object))
        return (size_t)json_object_object_length(from);
    return 0;
}

const char *json_as_string(const tl_json *value)
{
    json_object *from = unwrap(value);
    return json_object_is_type(from, json_type_string) ? json_object_get_string(from) : NULL;
}

int64_t json_as_int(const tl_json *value)
{
    json_object *from = unwrap(value);
    if (json_object_is_type(from, json_type_int))
        return json_object_get_int64(from);
    if (!json_object_is_type(from, json_type_double))
        return 0;
    double number = json_object_get_double(from);
    if (number >= 0x1p63)
        return INT64_MAX;
    return number < -0x1p63 ? INT64_MIN : (int64_t)number;
}

double json_as_double(const tl_json *value)
{
    json_object *from = unwrap(value);
    if (json_object_is_type(from, json_type_int))
        return (double)json_object_get_int64(from);
    return json_object_is_type(from, json_type_double) ? json_object_get_double(from) : 0;
}

bool json_as_bool(const tl_json *value)
{
    json_object *from = unwrap(value);
    return json_object_is_type(from, json_type_boolean) && json_object_get_boolean(from);
}

const char *json_text(tl_request *req, const tl_json *value, size_t *length)
{
    const char *text = json_write(req->arena, unwrap(value), length);
    request_check_memory(req, 0);
    return text;
}

void json_each(const tl_json *object, void (*visit)(const char *key, const tl_json *value, void *arg), void *arg)
{
    json_object *from = unwrap(object);
    if (!json_object_is_type(from, json_type_object))
        return;
    json_object_object_foreach(from, key, value)
    {
        visit(key, wrap(value), arg);
    }
}
