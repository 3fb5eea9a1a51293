/*
 * A list of what is wrong, so that somebody is told everything in one go. Shared by configuration, loading and checks.
 */
#ifndef CORE_CONFIG_PROBLEMS_H
#define CORE_CONFIG_PROBLEMS_H

#include <stddef.h>
#include <stdio.h>

typedef struct problems problems;

problems *problems_new(void);
void problems_free(problems *p);

/* Adds "file:line: message"; file NULL: the message alone; line 0: without it. */
void problems_add(problems *p, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

size_t problems_count(const problems *p);
const char *problems_text(const problems *p, size_t index);

/* One line each. */
void problems_print(const problems *p, FILE *out);

#endif
