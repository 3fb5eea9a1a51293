/*
 * Text that comes from anywhere, made fit for JSON: well-formed UTF-8.
 */
#include "core/log/utf8.h"

#include <stdint.h>
#include <string.h>

#include "core/json/text.h"

bool text_is_well_formed(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        uint64_t word;
        if (length - at >= sizeof word) {
            memcpy(&word, text + at, sizeof word);
            if (!(word & UINT64_C(0x8080808080808080))) {
                at += sizeof word;
                continue;
            }
        }
        size_t step = utf8_sequence(text + at, length - at);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

size_t text_repair(const char *text, size_t length, char *to)
{
    char *end = to;
    for (size_t at = 0; at < length;) {
        size_t step = utf8_sequence(text + at, length - at);
        if (step > 0) {
            memcpy(end, text + at, step);
            end += step;
            at += step;
        } else {
            memcpy(end, "\xEF\xBF\xBD", 3);
            end += 3;
            at++;
        }
    }
    return (size_t)(end - to);
}
