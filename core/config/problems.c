/* The list of problems. The same line twice is one problem, and nobody reads more than a hundred. */
#include "core/config/problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "core/memory/arena.h"

enum { MOST_PROBLEMS = 100 };

struct problems {
    arena *memory;
    char *texts[MOST_PROBLEMS + 1]; /* the last one says that there are more */
    size_t count;
};

problems *problems_new(void)
{
    arena *memory = arena_new(NULL);
    problems *p = arena_alloc(memory, sizeof *p);
    p->memory = memory;
    return p;
}

void problems_free(problems *p)
{
    if (p)
        arena_free(p->memory);
}

void problems_add(problems *p, const char *file, int line, const char *format, ...)
{
    if (p->count > MOST_PROBLEMS)
        return;
    if (p->count == MOST_PROBLEMS) {
        p->texts[p->count++] = arena_copy(p->memory, "… and more: correct these first");
        return;
    }
    va_list args;
    va_start(args, format);
    char *message = arena_vformat(p->memory, format, args);
    va_end(args);
    if (file && line > 0)
        message = arena_format(p->memory, "%s:%d: %s", file, line, message);
    else if (file)
        message = arena_format(p->memory, "%s: %s", file, message);
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->texts[i], message) == 0)
            return;
    p->texts[p->count++] = message;
}

size_t problems_count(const problems *p)
{
    return p->count;
}

const char *problems_text(const problems *p, size_t index)
{
    return index < p->count ? p->texts[index] : NULL;
}

void problems_print(const problems *p, FILE *out)
{
    for (size_t i = 0; i < p->count; i++)
        fprintf(out, "%s\n", p->texts[i]);
}
