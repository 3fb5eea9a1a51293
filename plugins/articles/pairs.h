/*
 * Which tags reach the page: only those on the list (tags.h) that have their other half, so that no author leaves one
 * open. Both halves must have the same parent in the tree, which keeps them within the structure of the Markdown.
 */
#ifndef PLUGINS_ARTICLES_PAIRS_H
#define PLUGINS_ARTICLES_PAIRS_H

#include <cmark-gfm.h>
#include <stdbool.h>

#include "plugins/articles/markdown.h"

/* Marks the tags of a document that blocks_feed has fed, and names those that are left out. Draws its memory from the
 * budget that the caller has begun (budget.h). */
void pairs_match(cmark_node *document, bool raw_html, markdown_left_out *left_out);

#endif
