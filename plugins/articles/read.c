/*
 * GET /v1/articles/:slug: the article, its author, and the author's articles before and after it, in one statement.
 */
#include "plugins/articles/article.h"
#include "plugins/articles/handlers.h"
#include "plugins/articles/page.h"
#include "plugins/articles/slug.h"

static const char select_article[] =
    "SELECT " ARTICLE_COLUMNS ", " USER_COLUMNS ", " NEIGHBOUR_COLUMNS
    " FROM articles a JOIN users u ON u.id = a.user_id" NEIGHBOURS " WHERE " SLUG_IS_ASKED_FOR;

int read_article(tl_request *req)
{
    char slug[SLUG_STORED_SIZE];
    if (!slug_from_path(tl_path_param(req, "slug"), slug))
        return tl_fail(req, 404, "Article not found");
    tl_rows *rows = tl_query(req, select_article, tl_path_param(req, "slug"), slug);
    if (!rows)
        return tl_fail_db(req);
    if (tl_row_count(rows) == 0)
        return tl_fail(req, 404, "Article not found");

    article a;
    article_read(&a, rows, 0);
    int result = page_refresh(req, &a);
    if (result != TL_OK)
        return tl_fail_service(req, "rendering", result);
    return tl_reply_json_tagged(req, 200, article_page(req, &a, rows), a.version);
}
