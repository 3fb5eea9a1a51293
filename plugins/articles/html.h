/*
 * How images, links, headings and the tags that pass are written: as cmark writes them, with the attributes that this
 * API adds. Everything else is left to cmark. It hangs on nodes as an "extension" of cmark-gfm, the way its own tables
 * do.
 */
#ifndef PLUGINS_ARTICLES_HTML_H
#define PLUGINS_ARTICLES_HTML_H

#include <cmark-gfm.h>

/* Once in a process. */
void html_init(void);

void html_mark_image(cmark_node *image);

/* An external link opens in a new tab. */
void html_mark_link(cmark_node *link, int external);

/* `id` lives at least as long as the node. */
void html_mark_heading(cmark_node *heading, const char *id);

/* Raw HTML, or what was made of it, that is written as `output`, which lives at least as long as the node. */
void html_mark_tag(cmark_node *node, const char *output);

/* Raw HTML that is left out: cmark's own comment stands for it. */
void html_mark_left_out(cmark_node *node);

/* A paragraph that is written without its tags. */
void html_mark_bare(cmark_node *paragraph);

#endif
