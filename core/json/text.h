/*
 * Private to core/json: JSON text to json-c's values and back. json-c's own parser lets through what RFC 8259 forbids
 * (NaN, "01", control characters, overlong UTF-8, integers that it saturates), and its writer handles strings byte by
 * byte.
 */
#ifndef CORE_JSON_TEXT_H
#define CORE_JSON_TEXT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/memory/arena.h"

enum {
    JSON_READ_DEPTH = 32,
    JSON_READ_VALUES = 16384, /* "[{},{},…" makes values 200 times the size of their text */
    JSON_WRITE_DEPTH = 256,   /* a value that contains itself must not run off the stack */
};

/*
 * Reads one text; false when it is no JSON, or breaks a limit above. `null` is read as NULL, as json-c has it. Scratch
 * memory is the arena's, the value is the caller's to put.
 */
bool json_read(arena *scratch, const char *text, size_t length, json_object **value);

/* Compact text in the arena with a NUL behind it. What nests too deep becomes null. */
char *json_write(arena *a, json_object *value, size_t *length);

/* Out of memory ends the worker, as in the arena. */
json_object *json_checked(json_object *made);

#endif
