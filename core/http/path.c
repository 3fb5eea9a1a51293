/*
 * Percent-decoding. What a decoded segment means is the router's business.
 */
#include "core/http/path.h"

#include <string.h>

#include "core/log/utf8.h"

int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

long percent_decode(const char *text, size_t length, bool plus, char *to)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%') {
            int high = length - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0))
                return -1;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        } else if (c == '\0') {
            return -1;
        }
        to[n++] = c;
    }
    return utf8_is_valid(to, n) ? (long)n : -1;
}

static path_result read_segment(const char *text, size_t length, char **scratch, path_segments *out)
{
    if (length == 0 || out->count == PATH_SEGMENTS)
        return PATH_NOWHERE;
    if (memchr(text, '%', length)) {
        long decoded = percent_decode(text, length, false, *scratch);
        if (decoded < 0 || memchr(*scratch, '/', (size_t)decoded))
            return PATH_MALFORMED;
        text = *scratch;
        length = (size_t)decoded;
        *scratch += length;
    } else if (memchr(text, '\0', length) || !utf8_is_valid(text, length)) {
        return PATH_MALFORMED;
    }
    /* Also when they stand there undecoded: clients resolve them, and nothing here should have to. */
    if (text[0] == '.' && (length == 1 || (length == 2 && text[1] == '.')))
        return PATH_MALFORMED;
    out->item[out->count].text = text;
    out->item[out->count++].length = length;
    return PATH_OK;
}

path_result path_split(const char *path, size_t length, char *scratch, path_segments *out)
{
    out->count = 0;
    if (length == 0 || path[0] != '/')
        return PATH_NOWHERE;
    if (length == 1)
        return PATH_OK;
    path_result worst = PATH_OK;
    size_t at = 1;
    while (at <= length) {
        const char *slash = memchr(path + at, '/', length - at);
        size_t end = slash ? (size_t)(slash - path) : length;
        path_result result = read_segment(path + at, end - at, &scratch, out);
        if (result == PATH_MALFORMED)
            return result;
        if (result != PATH_OK)
            worst = result;
        at = end + 1;
    }
    return worst;
}

bool query_next(const char **query, size_t *length, query_pair *pair)
{
    if (*length == 0)
        return false;
    const char *start = *query;
    const char *ampersand = memchr(start, '&', *length);
    size_t pair_length = ampersand ? (size_t)(ampersand - start) : *length;
    const char *equals = memchr(start, '=', pair_length);
    pair->name = start;
    pair->name_length = equals ? (size_t)(equals - start) : pair_length;
    pair->value = equals ? equals + 1 : start + pair_length;
    pair->value_length = equals ? pair_length - pair->name_length - 1 : 0;
    size_t taken = pair_length + (ampersand ? 1 : 0);
    *query += taken;
    *length -= taken;
    return true;
}

bool query_is_valid(const char *query, size_t length, char *scratch)
{
    query_pair pair;
    while (query_next(&query, &length, &pair)) {
        if (percent_decode(pair.name, pair.name_length, true, scratch) < 0 ||
            percent_decode(pair.value, pair.value_length, true, scratch) < 0)
            return false;
    }
    return true;
}
