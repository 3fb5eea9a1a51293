/*
 * Text that comes from anywhere, made fit for JSON: well-formed UTF-8.
 */
#include "core/log/utf8.h"

#include <string.h>

#include "core/json/json.h"

size_t text_repair(const char *text, size_t length, char *to)
{
    static const char replacement[] = {'\xEF', '\xBF', '\xBD'};
    char *end = to;
    for (size_t at = 0; at < length;) {
        size_t step = utf8_sequence(text + at, length - at);
        if (step > 0) {
            memcpy(end, text + at, step);
            end += step;
            at += step;
        } else {
            memcpy(end, replacement, sizeof replacement);
            end += sizeof replacement;
            at++;
        }
    }
    return (size_t)(end - to);
}
