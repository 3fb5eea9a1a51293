/*
 * GET /v1/articles/:slug: the article, its author, and the author's articles before and after it, in one statement.
 */
#include "plugins/articles/article.h"
#include "plugins/articles/handlers.h"
#include "plugins/articles/page.h"
#include "plugins/articles/slug.h"
#include "plugins/shared/user.h"

/* Three descents of an index, whatever the table's size: the comparison of rows is what lets a neighbour's search start
 * in the middle of the author's articles. */
static const char select_article[] =
    "SELECT " ARTICLE_COLUMNS ", " USER_COLUMNS ", next.title AS next_title, next.slug AS next_slug,"
    " prev.title AS prev_title, prev.slug AS prev_slug"
    " FROM articles a JOIN users u ON u.id = a.user_id"
    " LEFT JOIN LATERAL (SELECT n.title, n.slug FROM articles n"
    "  WHERE n.user_id = a.user_id AND (n.created_at, n.id) > (a.created_at, a.id)"
    "  ORDER BY n.created_at, n.id LIMIT 1) next ON true"
    " LEFT JOIN LATERAL (SELECT p.title, p.slug FROM articles p"
    "  WHERE p.user_id = a.user_id AND (p.created_at, p.id) < (a.created_at, a.id)"
    "  ORDER BY p.created_at DESC, p.id DESC LIMIT 1) prev ON true"
    " WHERE a.slug = $1";

static void set_neighbour(tl_request *req, tl_json *adjacent, const char *key, const char *title, const char *slug)
{
    tl_json *neighbour = NULL;

    if (slug) {
        neighbour = tl_json_object(req);
        tl_json_set_string(neighbour, "title", title);
        tl_json_set_string(neighbour, "slug", slug);
    }
    tl_json_set(adjacent, key, neighbour);
}

int read_article(tl_request *req)
{
    const char *slug = tl_path_param(req, "slug");
    if (!slug_is_possible(slug))
        return tl_fail(req, 404, "Article not found");
    tl_rows *rows = tl_query(req, select_article, slug);
    if (!rows)
        return tl_fail_db(req);
    if (tl_row_count(rows) == 0)
        return tl_fail(req, 404, "Article not found");

    article a;
    article_read(&a, rows, 0);
    int result = page_refresh(req, &a);
    if (result != TL_OK)
        return tl_fail_service(req, "rendering", result);

    tl_json *adjacent = tl_json_object(req);
    tl_json *meta = tl_json_object(req);
    tl_json *answer = tl_json_object(req);
    tl_json_set(answer, "meta", meta);
    tl_json_set(meta, "adjacent_articles", adjacent);
    tl_json_set(answer, "article", article_json(req, &a));
    tl_json_set(answer, "user", user_json(req, rows));
    set_neighbour(req, adjacent, "next", tl_row_text(rows, 0, "next_title"), tl_row_text(rows, 0, "next_slug"));
    set_neighbour(req, adjacent, "prev", tl_row_text(rows, 0, "prev_title"), tl_row_text(rows, 0, "prev_slug"));
    return tl_reply_json(req, 200, answer);
}
