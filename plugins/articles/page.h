/*
 * The page made of an article's Markdown, within a request: rendered here or in the blocking pool, and kept up to date.
 */
#ifndef PLUGINS_ARTICLES_PAGE_H
#define PLUGINS_ARTICLES_PAGE_H

#include <talelio/talelio.h>

#include "plugins/articles/article.h"
#include "plugins/articles/markdown.h"

/*
 * Renders `body`; the page lives as long as the request. May wait. TL_OK, TL_UNAVAILABLE, TL_CANCELLED, or TL_ERROR:
 * the text is too complex, which is the author's to change.
 */
int page_render(tl_request *req, const char *body, markdown_page *page);

/* page_render for what an author sends. TL_OK, or TL_REPLIED when the request has been answered with the refusal. */
int page_publish(tl_request *req, const char *body, markdown_page *page);

/*
 * Makes the article's page anew when other rules than today's made it, and stores it. May wait, even when there is
 * nothing to do never longer than the database takes. TL_OK, TL_UNAVAILABLE or TL_CANCELLED.
 */
int page_refresh(tl_request *req, article *a);

#endif
