/*
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef CORE_LOG_UTF8_H
#define CORE_LOG_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length (1 to 4) of the sequence that `text` starts with; 0 when it is none, or `length` cuts it off. */
size_t utf8_sequence(const char *text, size_t length);

/* Fast where the text is ASCII. */
bool utf8_is_valid(const char *text, size_t length);

#endif
