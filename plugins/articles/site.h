/*
 * The plugin's options, and what follows from them.
 */
#ifndef PLUGINS_ARTICLES_SITE_H
#define PLUGINS_ARTICLES_SITE_H

#include <talelio/talelio.h>

#include "plugins/articles/links.h"
#include "plugins/articles/markdown.h"

typedef struct site {
    const char *url; /* as configured; its end is cut off at url_length */
    int url_length;  /* without slashes at the end */
    bool raw_html;
    char host[LINK_HOST_SIZE];
    char renderer[512]; /* what `renderer` says in rows that need no new rendering */
    markdown_rules rules;
} site;

extern site the_site;

/* In `init`: checks the options and fills in the rest. */
int site_init(void);

#endif
