/*
 * articles: Markdown articles, published, listed, read and changed over HTTP. The tables that say what it consists of.
 */
#include <talelio/talelio.h>

#include "plugins/articles/handlers.h"
#include "plugins/articles/site.h"

static const tl_route routes[] = {
    {TL_POST, "/v1/articles", publish_article, .auth = TL_AUTH_REQUIRED},
    {TL_GET, "/v1/articles/:slug", read_article},
    {TL_PATCH, "/v1/articles/:slug", change_article, .auth = TL_AUTH_REQUIRED},
    {TL_DELETE, "/v1/articles/:slug", delete_article, .auth = TL_AUTH_REQUIRED},
    {TL_GET, "/v1/users/:username/articles", list_articles},
    {0},
};

static const tl_option options[] = {
    {"site_url", TL_OPTION_STRING, &the_site.url, .fallback = "http://localhost:3000",
     .help = "address of the site: articles are at its /articles/SLUG, and links elsewhere open in a new tab"},
    {"raw_html", TL_OPTION_BOOL, &the_site.raw_html, .fallback = "no",
     .help = "authors are trusted: HTML in articles reaches the page as written"},
    {0},
};

TL_PLUGIN(.name = "articles", .version = "1.0.0", .summary = "Markdown articles", .routes = routes, .options = options,
          .init = site_init);
