/*
 * Feeding cmark so that the block-level tags that pass (tags.h) become nodes of their own. To cmark such a tag starts
 * an HTML block, which swallows the lines behind it up to a blank one, and Markdown in it stays unread.
 *
 * In the tree such a tag is a thematic break whose user data is the tag's output. With raw HTML these are the galleries
 * and their ends only; without it also <details>, and lines that start with a tag from within paragraphs are
 * paragraphs. Draws its memory from the budget that the caller has begun (budget.h).
 */
#ifndef PLUGINS_ARTICLES_BLOCKS_H
#define PLUGINS_ARTICLES_BLOCKS_H

#include <cmark-gfm.h>
#include <stdbool.h>
#include <stddef.h>

void blocks_feed(cmark_parser *parser, const char *text, size_t length, bool raw_html);

#endif
