/*
 * One line of the log being put together: bounded, and never with a byte that could end the line, move the cursor of a
 * terminal or break JSON. What does not fit is left out.
 */
#ifndef CORE_LOG_LINE_H
#define CORE_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct line {
    char *at;
    char *end;
    bool json;
} line;

/* As it stands: for text that is known to be harmless. Here, so that a literal is a move or two: every request logs. */
static inline void line_put(line *l, const char *text, size_t length)
{
    size_t room = (size_t)(l->end - l->at);
    if (length > room)
        length = room;
    memcpy(l->at, text, length);
    l->at += length;
}

void line_put_int(line *l, int64_t value);

/* Outside text, escaped for the line's format; at most `limit` bytes come out, the last of them "…" when it is cut. */
void line_put_escaped(line *l, const char *text, size_t length, size_t limit);

#define line_put_literal(l, text) line_put(l, text, sizeof(text) - 1)

#endif
