/*
 * Memory for one run of cmark. Some Markdown costs cmark far more than its length: a table's header decides how many
 * cells every line gets. So all it allocates comes from one arena that counts, and that leaves cmark by a jump when the
 * run has become too expensive.
 *
 *     budget b;
 *     budget_begin(&b, bytes);
 *     if (sigsetjmp(b.over, 0) == 0) { // returns a second time when the budget is exceeded
 *         … cmark with budget_memory() …
 *     }
 *     budget_end();
 *     … use what was made …
 *     budget_free(&b);
 *
 * Between begin and end nothing may be held that only its holder would release.
 */
#ifndef PLUGINS_ARTICLES_BUDGET_H
#define PLUGINS_ARTICLES_BUDGET_H

#include <cmark-gfm.h>
#include <setjmp.h>
#include <stddef.h>

typedef struct budget {
    sigjmp_buf over;
    struct budget_chunk *chunks;
    unsigned char *at;   /* free space of the newest chunk */
    unsigned char *end;  /* behind it */
    unsigned char *last; /* the newest block, which can grow in place */
    size_t used;         /* bytes of all chunks */
    size_t limit;
} budget;

/* Makes a budget, and makes it the one that budget_memory draws on. */
void budget_begin(budget *b, size_t bytes);
void budget_end(void);
void budget_free(budget *b);

/* cmark's allocator that draws on the budget that has been begun. Its blocks live until budget_free. */
cmark_mem *budget_memory(void);

#endif
