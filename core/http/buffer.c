/*
 * Bytes that grow. Knows nothing of HTTP.
 */
#include "core/http/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 512 };

static void out_of_memory(void)
{
    fputs("talelio: out of memory\n", stderr);
    abort();
}

void buffer_reserve(buffer *b, size_t more)
{
    size_t needed = b->length + more + 1;
    if (needed <= b->capacity)
        return;
    size_t capacity = b->capacity ? b->capacity : FIRST_CAPACITY;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(b->data, capacity);
    if (!data)
        out_of_memory();
    b->data = data;
    b->capacity = capacity;
}

void buffer_add(buffer *b, const void *bytes, size_t length)
{
    buffer_reserve(b, length);
    if (length > 0)
        memcpy(b->data + b->length, bytes, length);
    b->length += length;
    b->data[b->length] = '\0';
}

void buffer_add_text(buffer *b, const char *text)
{
    buffer_add(b, text, strlen(text));
}

void buffer_printf(buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return;
    buffer_reserve(b, (size_t)length);
    va_start(args, format);
    vsnprintf(b->data + b->length, (size_t)length + 1, format, args);
    va_end(args);
    b->length += (size_t)length;
}

void buffer_clear(buffer *b, size_t keep)
{
    b->length = 0;
    if (b->capacity > keep)
        buffer_free(b);
}

void buffer_free(buffer *b)
{
    free(b->data);
    *b = (buffer){0};
}

char *buffer_take(buffer *b)
{
    buffer_reserve(b, 0);
    b->data[b->length] = '\0';
    char *data = b->data;
    *b = (buffer){0};
    return data;
}
