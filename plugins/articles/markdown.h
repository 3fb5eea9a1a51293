/*
 * Markdown to HTML: CommonMark by cmark, with GFM's tables, and with what this API adds to images, links and headings.
 * Pure: no host call. It may take any time on hostile text, so it runs where it can be killed (page.c). See "Markdown"
 * in README.md.
 */
#ifndef PLUGINS_ARTICLES_MARKDOWN_H
#define PLUGINS_ARTICLES_MARKDOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "plugins/articles/tags.h"

/* What decides the result besides the text. Change MARKDOWN_VERSION with the rules, so that stored pages are made anew.
 */
#define MARKDOWN_VERSION 2

typedef struct markdown_rules {
    const char *site_host; /* links to other hosts open in a new tab */
    bool raw_html;         /* authors are trusted: HTML other than galleries passes as written */
} markdown_rules;

typedef enum markdown_status {
    MARKDOWN_OK,
    MARKDOWN_TOO_LARGE, /* would need too much memory, or the page would be out of proportion to its text */
} markdown_status;

#define MARKDOWN_LEFT_OUT_MAX 10 /* names that are reported */

/* The raw HTML that was left out: the names of its tags, each once, in the order of the tree. */
typedef struct markdown_left_out {
    char names[MARKDOWN_LEFT_OUT_MAX][TAG_NAME_MAX + 1];
    size_t count;
} markdown_left_out;

typedef struct markdown_page {
    char *html;
    size_t html_length;
    char *table_of_contents; /* "" with fewer than two headings */
    size_t table_of_contents_length;
    markdown_left_out left_out;
} markdown_page;

/* Once in a process, before anything else of this. */
void markdown_init(void);

/* On MARKDOWN_OK the page goes to markdown_free. Renders one text at a time in a process. */
markdown_status markdown_render(const char *text, size_t length, const markdown_rules *rules, markdown_page *page);

/* Also for a zeroed page. */
void markdown_free(markdown_page *page);

#endif
