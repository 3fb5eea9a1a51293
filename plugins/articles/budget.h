/*
 * Memory and time for one run of cmark. Some Markdown costs cmark far more than its length (a table's header decides
 * how many cells every line gets; some patterns are quadratic), and cmark cannot be stopped from outside. So all it
 * allocates comes from one arena that counts, and that leaves cmark by longjmp when the run has become too expensive.
 *
 *     budget b;
 *     budget_begin(&b, bytes, microseconds);
 *     switch (sigsetjmp(b.over, 0)) { // returns a second time when the budget is exceeded
 *     case BUDGET_OK: … cmark with budget_memory() …; budget_end(); break;
 *     case BUDGET_TIME: budget_end(); …
 *     }
 *     … use what was made …
 *     budget_free(&b);
 *
 * Between begin and end nothing may be held that only its holder would release, and the fiber may not wait.
 */
#ifndef PLUGINS_ARTICLES_BUDGET_H
#define PLUGINS_ARTICLES_BUDGET_H

#include <cmark-gfm.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

enum { BUDGET_OK = 0, BUDGET_MEMORY = 1, BUDGET_TIME = 2 };

typedef struct budget {
    sigjmp_buf over;
    struct budget_chunk *chunks;
    unsigned char *at;   /* free space of the newest chunk */
    unsigned char *end;  /* behind it */
    unsigned char *last; /* the newest block, which can grow in place */
    size_t used;         /* bytes of all chunks */
    size_t limit;
    int64_t deadline; /* CPU time of this thread, in microseconds */
    unsigned calls;
} budget;

/* Makes a budget, and makes it the one of this thread. */
void budget_begin(budget *b, size_t bytes, int64_t microseconds);
void budget_end(void);
void budget_free(budget *b);

/* cmark's allocator that draws on the budget that this thread has begun. Its blocks live until budget_free. */
cmark_mem *budget_memory(void);

#endif
