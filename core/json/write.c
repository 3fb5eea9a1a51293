/*
 * Writes a value as compact JSON text. Strings are well-formed UTF-8 already (json.c sees to that), so only quotes,
 * backslashes and control characters are looked for, eight bytes at a time: the text of an article is most of an
 * answer.
 */
#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/text.h"

typedef struct writer {
    arena *arena;
    char *start;
    char *at;
    char *end;
} writer;

enum { WORD = sizeof(uint64_t) };

/* About what the text of a value will take; a little above it for text with few escapes. */
static size_t estimate(json_object *value, size_t depth)
{
    size_t size = 24;
    if (depth > JSON_WRITE_DEPTH)
        return size;
    switch (json_object_get_type(value)) {
    case json_type_string: {
        size_t length = (size_t)json_object_get_string_len(value);
        return size + length + length / 8;
    }
    case json_type_object: {
        json_object_object_foreach(value, name, member)
        {
            size += strlen(name) + estimate(member, depth + 1);
        }
        return size;
    }
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(value); i++)
            size += estimate(json_object_array_get_idx(value, i), depth + 1);
        return size;
    default:
        return size;
    }
}

static void grow(writer *w, size_t room)
{
    size_t used = (size_t)(w->at - w->start);
    size_t size = 2 * (size_t)(w->end - w->start) + room;
    char *larger = arena_alloc_raw(w->arena, size);
    memcpy(larger, w->start, used);
    w->start = larger;
    w->at = larger + used;
    w->end = larger + size;
}

static inline void reserve(writer *w, size_t room)
{
    if ((size_t)(w->end - w->at) < room)
        grow(w, room);
}

static void put(writer *w, const char *text, size_t length)
{
    reserve(w, length);
    memcpy(w->at, text, length);
    w->at += length;
}

static void put_char(writer *w, char c)
{
    reserve(w, 1);
    *w->at++ = c;
}

/*
 * The number of bytes before the first one that must be escaped, WORD when there is none. The three differences set the
 * top bit of a byte that is below 0x20, a quote or a backslash; a borrow can set it only in bytes behind such a one.
 */
static inline size_t plain_bytes(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t bytes = le64toh(word);
    uint64_t quote = bytes ^ (ones * '"');
    uint64_t backslash = bytes ^ (ones * '\\');
    uint64_t found = ((bytes - ones * 0x20) & ~bytes) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash);
    found &= ones * 0x80;
    return found ? (size_t)__builtin_ctzll(found) / 8 : WORD;
}

/* Six bytes at most. */
static inline char *escape(char *to, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char names[0x20] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if (c >= 0x20 && c != '"' && c != '\\') {
        *to++ = (char)c;
        return to;
    }
    *to++ = '\\';
    if (c >= 0x20) {
        *to++ = (char)c;
    } else if (names[c]) {
        *to++ = names[c];
    } else {
        to[0] = 'u';
        to[1] = to[2] = '0';
        to[3] = digits[c >> 4];
        to[4] = digits[c & 15];
        to += 5;
    }
    return to;
}

static void put_string(writer *w, const char *text, size_t length)
{
    enum { STEP = 2 * WORD }; /* a word, then an escape */
    put_char(w, '"');
    reserve(w, STEP);
    /* In a variable of its own: the compiler must take every byte written for a change of *w. */
    char *at = w->at;
    while (length > 0) {
        if (w->end - at < STEP) {
            w->at = at;
            reserve(w, STEP);
            at = w->at;
        }
        size_t plain = 0;
        if (length >= WORD) {
            uint64_t word;
            memcpy(&word, text, WORD);
            memcpy(at, &word, WORD);
            plain = plain_bytes(word);
            at += plain;
            text += plain;
            length -= plain;
        }
        if (plain < WORD) {
            at = escape(at, (unsigned char)*text++);
            length--;
        }
    }
    w->at = at;
    put_char(w, '"');
}

static void put_integer(writer *w, int64_t number)
{
    char digits[24];
    char *start = digits + sizeof digits;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do {
        *--start = (char)('0' + rest % 10);
    } while ((rest /= 10) > 0);
    if (number < 0)
        *--start = '-';
    put(w, start, (size_t)(digits + sizeof digits - start));
}

static void put_value(writer *w, json_object *value, size_t depth)
{
    if (depth > JSON_WRITE_DEPTH)
        value = NULL;
    switch (json_object_get_type(value)) {
    case json_type_null:
        put(w, "null", 4);
        return;
    case json_type_boolean:
        json_object_get_boolean(value) ? put(w, "true", 4) : put(w, "false", 5);
        return;
    case json_type_int:
        put_integer(w, json_object_get_int64(value));
        return;
    case json_type_double: {
        /* Made by json.c or read.c with the text that stands for it. */
        const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
        put(w, text, strlen(text));
        return;
    }
    case json_type_string:
        put_string(w, json_object_get_string(value), (size_t)json_object_get_string_len(value));
        return;
    case json_type_object: {
        char before = '{';
        json_object_object_foreach(value, name, member)
        {
            put_char(w, before);
            put_string(w, name, strlen(name));
            put_char(w, ':');
            put_value(w, member, depth + 1);
            before = ',';
        }
        before == '{' ? put(w, "{}", 2) : put_char(w, '}');
        return;
    }
    case json_type_array:
        put_char(w, '[');
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            if (i > 0)
                put_char(w, ',');
            put_value(w, json_object_array_get_idx(value, i), depth + 1);
        }
        put_char(w, ']');
        return;
    }
}

char *json_write(arena *a, json_object *value, size_t *length)
{
    size_t size = estimate(value, 0) + 2 * WORD;
    writer w = {.arena = a, .start = arena_alloc_raw(a, size)};
    w.at = w.start;
    w.end = w.start + size;
    put_value(&w, value, 0);
    if (length)
        *length = (size_t)(w.at - w.start);
    put_char(&w, '\0');
    return w.start;
}
