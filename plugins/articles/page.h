/*
 * The page made of an article's Markdown, within a request: rendered in a process that can be killed, and kept up to
 * date.
 */
#ifndef PLUGINS_ARTICLES_PAGE_H
#define PLUGINS_ARTICLES_PAGE_H

#include <talelio/talelio.h>

#include "plugins/articles/article.h"
#include "plugins/articles/markdown.h"

/*
 * Renders `body`, which an author sends; the page lives as long as the request. May wait. TL_OK, or TL_REPLIED when the
 * request has been answered with the refusal.
 */
int page_publish(tl_request *req, const char *body, markdown_page *page);

/* Tells the author in the answer to a write what of the text is not in the page: the member "warnings", if anything. */
void page_warn(tl_request *req, const markdown_page *page, tl_json *answer);

/*
 * Makes the article's page anew when other rules than today's made it, and stores it. May wait, even when there is
 * nothing to do never longer than the database takes. TL_OK, TL_UNAVAILABLE or TL_CANCELLED.
 */
int page_refresh(tl_request *req, article *a);

#endif
