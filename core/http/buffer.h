/*
 * Bytes that grow: what has been read of a request, and what is written of a response. Out of memory ends the process,
 * as everywhere in the core.
 */
#ifndef CORE_HTTP_BUFFER_H
#define CORE_HTTP_BUFFER_H

#include <stddef.h>

typedef struct buffer {
    char *data; /* a NUL stands behind the last byte once anything was added */
    size_t length;
    size_t capacity;
} buffer;

/* Makes room for `more` bytes and a NUL behind them. */
void buffer_reserve(buffer *b, size_t more);
void buffer_add(buffer *b, const void *bytes, size_t length);
void buffer_add_text(buffer *b, const char *text);
void buffer_printf(buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Empties it; memory above `keep` bytes goes back. */
void buffer_clear(buffer *b, size_t keep);
void buffer_free(buffer *b);

/* Hands the bytes over (malloc, NUL behind them) and leaves the buffer empty. */
char *buffer_take(buffer *b);

#endif
