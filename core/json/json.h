/*
 * JSON values of a request, by json-c. As documented in talelio/json.h.
 *
 * json_parse takes RFC 8259 and nothing else, and refuses beyond it: more than 32 levels or 16384 values, U+0000 in
 * strings and names, numbers that a double cannot hold. Integers outside int64_t are TL_JSON_DOUBLE. Of members with
 * the same name the last one counts.
 *
 * Bytes that are not UTF-8 are set as U+FFFD, numbers that are not finite as null.
 */
#ifndef CORE_JSON_JSON_H
#define CORE_JSON_JSON_H

#include <talelio/json.h>

tl_json *json_new_object(tl_request *req);
tl_json *json_new_array(tl_request *req);
void json_set(tl_json *object, const char *key, tl_json *value);
void json_set_string(tl_json *object, const char *key, const char *value);
void json_set_int(tl_json *object, const char *key, int64_t value);
void json_set_double(tl_json *object, const char *key, double value);
void json_set_bool(tl_json *object, const char *key, bool value);
void json_append(tl_json *array, tl_json *value);
void json_append_string(tl_json *array, const char *value);
tl_json *json_parse(tl_request *req, const char *text, size_t length);
tl_json_type json_type_of(const tl_json *value);
tl_json *json_get(const tl_json *object, const char *key);
tl_json *json_at(const tl_json *array, size_t index);
size_t json_count(const tl_json *value);
const char *json_as_string(const tl_json *value);
int64_t json_as_int(const tl_json *value);
double json_as_double(const tl_json *value);
bool json_as_bool(const tl_json *value);
const char *json_text(tl_request *req, const tl_json *value, size_t *length);

/* Copies with U+FFFD for each bad byte; `to` has room for 3 * length. Returns the length of the copy. */
size_t text_repair(const char *text, size_t length, char *to);

/* Calls visit for every member, in order. */
void json_each(const tl_json *object, void (*visit)(const char *key, const tl_json *value, void *arg), void *arg);

#endif
