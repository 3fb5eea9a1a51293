/*
 * An article as a row, and as JSON.
 */
#ifndef PLUGINS_ARTICLES_ARTICLE_H
#define PLUGINS_ARTICLES_ARTICLE_H

#include <talelio/talelio.h>

/* What article_read and user_json need, of the tables `a` (articles) and `u` (users). */
#define ARTICLE_COLUMNS                                                                                                \
    "a.id, a.created_at, a.updated_at, a.title, a.slug, a.body, a.html, a.table_of_contents, a.meta_description,"      \
    " a.featured_image, a.renderer"
#define USER_COLUMNS "u.id AS user_id, u.username, u.location, u.avatar_url"

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
} article;

void article_read(article *a, tl_rows *rows, size_t row);
tl_json *article_json(tl_request *req, const article *a);

/* {"article", "user"} */
tl_json *article_with_user(tl_request *req, const article *a, tl_rows *rows);

#endif
