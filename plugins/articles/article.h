/*
 * An article as a row, and as JSON.
 */
#ifndef PLUGINS_ARTICLES_ARTICLE_H
#define PLUGINS_ARTICLES_ARTICLE_H

#include <talelio/talelio.h>

#include "plugins/shared/version.h"

/* What article_read and user_json need, of the tables `a` (articles) and `u` (users). */
#define ARTICLE_COLUMNS                                                                                                \
    "a.id, a.created_at, a.updated_at, a.title, a.slug, a.body, a.html, a.table_of_contents, a.meta_description,"      \
    " a.featured_image, a.renderer, " ROW_VERSION("a") " AS version"
#define USER_COLUMNS "u.id AS user_id, u.username, u.location, u.avatar_url"

/*
 * The author's articles before and after `a`, to be joined: article_page needs them. Each is a descent of an index,
 * whatever the table's size: the comparison of rows is what lets the search start in the middle of the author's
 * articles.
 */
#define NEIGHBOUR_COLUMNS                                                                                              \
    "next.title AS next_title, next.slug AS next_slug, prev.title AS prev_title, prev.slug AS prev_slug"
#define NEIGHBOURS                                                                                                     \
    " LEFT JOIN LATERAL (SELECT n.title, n.slug FROM articles n"                                                       \
    "  WHERE n.user_id = a.user_id AND (n.created_at, n.id) > (a.created_at, a.id)"                                    \
    "  ORDER BY n.created_at, n.id LIMIT 1) next ON true"                                                              \
    " LEFT JOIN LATERAL (SELECT p.title, p.slug FROM articles p"                                                       \
    "  WHERE p.user_id = a.user_id AND (p.created_at, p.id) < (a.created_at, a.id)"                                    \
    "  ORDER BY p.created_at DESC, p.id DESC LIMIT 1) prev ON true"

typedef struct article {
    int64_t id;
    const char *created_at;
    const char *updated_at; /* may be NULL */
    const char *title;
    const char *slug;
    const char *body;
    const char *html;
    const char *table_of_contents;
    const char *meta_description;
    const char *featured_image; /* may be NULL */
    const char *renderer;
    const char *version; /* names this state of the article: for entity tags */
} article;

void article_read(article *a, tl_rows *rows, size_t row);
tl_json *article_json(tl_request *req, const article *a);

/* {"meta", "article", "user"}, as a GET shows the article in the first row. */
tl_json *article_page(tl_request *req, const article *a, tl_rows *rows);

/* {"article", "user"}, as a write is answered. */
tl_json *article_with_user(tl_request *req, const article *a, tl_rows *rows);
/* Sets the ETag of that answer: the one that a GET would have now. */
void article_set_etag(tl_request *req, const article *a, tl_rows *rows);

#endif
