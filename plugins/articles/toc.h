/*
 * Headings: their plain text, their ids, and the table of contents. Draws its memory from the budget that the caller
 * has begun (budget.h).
 */
#ifndef PLUGINS_ARTICLES_TOC_H
#define PLUGINS_ARTICLES_TOC_H

#include <cmark-gfm.h>
#include <stddef.h>

typedef struct toc {
    cmark_node **headings; /* in the order of the text */
    size_t count;
    size_t capacity;
    void *ids; /* a tree (tsearch) of the ids that are taken, and of the next number behind each */
} toc;

void toc_add(toc *t, cmark_node *heading);

/* Gives every heading its id and returns the table of contents. For two or more headings. */
const char *toc_finish(toc *t, size_t *length);

/* The tree is not of the budget's memory: also after the budget was exceeded. */
void toc_free(toc *t);

#endif
