/*
 * Reads JSON text as RFC 8259 has it, and nothing else. Of members with the same name the last one counts. Not a
 * stream: the whole text is in memory.
 *
 * Refused beyond the grammar: U+0000 in strings and names (values are C strings), numbers that a double cannot hold,
 * and the limits of text.h. A surrogate that has no partner becomes U+FFFD. Integers outside int64_t become doubles.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/text.h"
#include "core/log/utf8.h"

typedef struct reader {
    arena *scratch;
    const char *at;
    const char *end;
    size_t depth;
    size_t values;
} reader;

static bool read_value(reader *r, json_object **value);

/* The next byte, or -1 at the end. */
static int peek(const reader *r)
{
    return r->at < r->end ? (unsigned char)*r->at : -1;
}

static void skip_space(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

static bool take(reader *r, char c)
{
    if (peek(r) != (unsigned char)c)
        return false;
    r->at++;
    return true;
}

static bool take_word(reader *r, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
        return false;
    r->at += length;
    return true;
}

static size_t take_digits(reader *r)
{
    const char *start = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return (size_t)(r->at - start);
}

static bool read_number(reader *r, json_object **value)
{
    const char *start = r->at;
    take(r, '-');
    if (!take(r, '0') && take_digits(r) == 0)
        return false;
    bool integer = true;
    if (take(r, '.')) {
        integer = false;
        if (take_digits(r) == 0)
            return false;
    }
    if (take(r, 'e') || take(r, 'E')) {
        integer = false;
        if (!take(r, '+'))
            take(r, '-');
        if (take_digits(r) == 0)
            return false;
    }
    const char *text = arena_copy_bytes(r->scratch, start, (size_t)(r->at - start));
    if (integer) {
        errno = 0;
        long long number = strtoll(text, NULL, 10);
        if (errno == 0) {
            *value = json_checked(json_object_new_int64(number));
            return true;
        }
    }
    double number = strtod(text, NULL);
    if (!isfinite(number))
        return false;
    /* With the text as it came, so that writing it out again loses no digit. */
    *value = json_checked(json_object_new_double_s(number, text));
    return true;
}

/* Four hexadecimal digits, -1 when there are fewer. */
static int take_hex(reader *r)
{
    if (r->end - r->at < 4)
        return -1;
    int code = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        char c = *r->at;
        if (c >= '0' && c <= '9')
            code = code << 4 | (c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            code = code << 4 | ((c | 0x20) - 'a' + 10);
        else
            return -1;
    }
    return code;
}

static char *put_code(char *to, int code)
{
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xE0 | code >> 12);
        } else {
            *to++ = (char)(0xF0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        }
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
    }
    *to++ = (char)(0x80 | (code & 0x3F));
    return to;
}

/* Behind "\u". The sequence that is written is never longer than its escape. NULL: no escape, or U+0000. */
static char *read_code(reader *r, char *to)
{
    int code = take_hex(r);
    if (code <= 0)
        return NULL;
    if (code < 0xD800 || code > 0xDFFF)
        return put_code(to, code);
    if (code < 0xDC00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
        const char *before = r->at;
        r->at += 2;
        int low = take_hex(r);
        if (low < 0)
            return NULL;
        if (low >= 0xDC00 && low <= 0xDFFF)
            return put_code(to, 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00));
        r->at = before;
    }
    return put_code(to, 0xFFFD);
}

/* Behind a backslash. NULL when that is no escape. */
static char *read_escape(reader *r, char *to)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    int c = peek(r);
    if (c <= 0)
        return NULL;
    r->at++;
    if (c == 'u')
        return read_code(r, to);
    const char *name = strchr(names, c);
    if (!name)
        return NULL;
    *to++ = meanings[name - names];
    return to;
}

/* Without its opening quote. The text is the arena's, with a NUL behind it. */
static bool read_text(reader *r, const char **text, size_t *length)
{
    /* The closing quote is the first one without a backslash before it; what lies between is never made longer. */
    const char *close = r->at;
    while (close < r->end && *close != '"')
        close += *close == '\\' ? 2 : 1;
    if (close >= r->end)
        return false;
    char *copy = arena_alloc_raw(r->scratch, (size_t)(close - r->at) + 1);
    char *to = copy;
    while (r->at < close) {
        unsigned char c = (unsigned char)*r->at;
        if (c == '\\') {
            r->at++;
            to = read_escape(r, to);
            if (!to)
                return false;
            continue;
        }
        size_t step = utf8_sequence(r->at, (size_t)(close - r->at));
        if (c < 0x20 || step == 0)
            return false;
        memcpy(to, r->at, step);
        to += step;
        r->at += step;
    }
    r->at = close + 1;
    *to = '\0';
    *text = copy;
    *length = (size_t)(to - copy);
    return true;
}

static bool read_member(reader *r, json_object *object)
{
    const char *name;
    size_t length;
    json_object *value;
    skip_space(r);
    if (!take(r, '"') || !read_text(r, &name, &length))
        return false;
    skip_space(r);
    if (!take(r, ':') || !read_value(r, &value))
        return false;
    if (json_object_object_add(object, name, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

static bool read_element(reader *r, json_object *array)
{
    json_object *value;
    if (!read_value(r, &value))
        return false;
    if (json_object_array_add(array, value) == 0)
        return true;
    json_object_put(value);
    return false;
}

/* Without its opening bracket. */
static bool read_list(reader *r, json_object *list, char close, bool (*read_one)(reader *r, json_object *list))
{
    skip_space(r);
    if (take(r, close))
        return true;
    do {
        if (!read_one(r, list))
            return false;
        skip_space(r);
    } while (take(r, ','));
    return take(r, close);
}

static bool read_container(reader *r, json_object **value)
{
    bool object = *r->at++ == '{';
    if (++r->depth > JSON_READ_DEPTH)
        return false;
    json_object *list = json_checked(object ? json_object_new_object() : json_object_new_array_ext(4));
    bool sound = object ? read_list(r, list, '}', read_member) : read_list(r, list, ']', read_element);
    if (!sound) {
        json_object_put(list);
        return false;
    }
    r->depth--;
    *value = list;
    return true;
}

static bool read_string(reader *r, json_object **value)
{
    const char *text;
    size_t length;
    r->at++;
    if (!read_text(r, &text, &length))
        return false;
    *value = json_checked(json_object_new_string_len(text, (int)length));
    return true;
}

/* With the space around it. */
static bool read_value(reader *r, json_object **value)
{
    *value = NULL;
    if (++r->values > JSON_READ_VALUES)
        return false;
    skip_space(r);
    switch (peek(r)) {
    case '{':
    case '[':
        return read_container(r, value);
    case '"':
        return read_string(r, value);
    case 't':
        *value = json_checked(json_object_new_boolean(true));
        break;
    case 'f':
        *value = json_checked(json_object_new_boolean(false));
        break;
    case 'n':
        return take_word(r, "null");
    default:
        return read_number(r, value);
    }
    if (take_word(r, json_object_get_boolean(*value) ? "true" : "false"))
        return true;
    json_object_put(*value);
    return false;
}

bool json_read(arena *scratch, const char *text, size_t length, json_object **value)
{
    /* json-c counts bytes in an int. */
    if (length > INT32_MAX)
        return false;
    reader r = {.scratch = scratch, .at = text, .end = text + length};
    if (!read_value(&r, value))
        return false;
    skip_space(&r);
    if (r.at == r.end)
        return true;
    json_object_put(*value);
    return false;
}
