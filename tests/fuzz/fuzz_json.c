/*
 * JSON text from outside. Whatever is read must be written as text that is read as the same again, and json-c's own
 * parser, which is more lenient, must take it too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(arena *a, const char *text, size_t length, json_object *value)
{
    size_t written_length;
    size_t again_length;
    json_object *again;
    const char *written = json_write(a, value, &written_length);
    if (!json_read(a, written, written_length, &again))
        abort();
    const char *text_again = json_write(a, again, &again_length);
    if (again_length != written_length || memcmp(written, text_again, again_length) != 0)
        abort();
    json_object_put(again);

    json_tokener *lenient = json_tokener_new_ex(JSON_READ_DEPTH + 2);
    json_tokener_set_flags(lenient, JSON_TOKENER_VALIDATE_UTF8);
    const char *ended = arena_copy_bytes(a, text, length);
    json_object_put(json_tokener_parse_ex(lenient, ended, (int)length + 1));
    if (json_tokener_get_error(lenient) != json_tokener_success)
        abort();
    json_tokener_free(lenient);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena *a = arena_new(NULL);
    json_object *value;
    if (json_read(a, (const char *)data, size, &value)) {
        check(a, (const char *)data, size, value);
        json_object_put(value);
    }
    arena_free(a);
    return 0;
}
