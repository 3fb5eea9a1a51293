/*
 * GET /v1/users/:username/articles: a page of an author's articles, newest first.
 */
#include "plugins/articles/article.h"
#include "plugins/articles/handlers.h"
#include "plugins/articles/page.h"
#include "plugins/shared/listing.h"
#include "plugins/shared/user.h"

static const char select_user[] =
    "SELECT " USER_COLUMNS ", coalesce(c.articles, 0) AS total"
    " FROM users u LEFT JOIN article_counts c ON c.user_id = u.id WHERE lower(u.username) = lower($1)";

/*
 * The page is cut out of the index alone, then its rows are fetched. When they are too many bytes for one answer (only
 * an author who wants that gets there), they come back empty.
 */
static const char select_page[] =
    "WITH ids AS MATERIALIZED ("
    "  SELECT id FROM articles WHERE user_id = $1::bigint"
    "  ORDER BY created_at DESC, id DESC LIMIT $2::bigint OFFSET $3::bigint"
    "), size AS ("
    "  SELECT coalesce(sum(octet_length(s.body) + octet_length(s.html)), 0) <= 33554432 AS fits"
    "  FROM ids JOIN articles s USING (id)"
    ") "
    "SELECT " ARTICLE_COLUMNS " FROM size LEFT JOIN (ids JOIN articles a USING (id)) ON size.fits"
    " ORDER BY a.created_at DESC, a.id DESC";

/* Appends the rows to `articles`. TL_OK, or what the handler returns. */
static int add_articles(tl_request *req, tl_json *articles, tl_rows *rows)
{
    for (size_t row = 0; row < tl_row_count(rows); row++) {
        article a;
        article_read(&a, rows, row);
        int result = page_refresh(req, &a);
        if (result != TL_OK)
            return tl_fail_service(req, "rendering", result);
        tl_json_append(articles, article_json(req, &a));
    }
    return TL_OK;
}

int list_articles(tl_request *req)
{
    listing l;
    if (!listing_read(req, &l))
        return TL_REPLIED;
    tl_rows *user = user_find(req, select_user, NULL);
    if (!user)
        return TL_REPLIED;
    int64_t total = tl_row_int(user, 0, "total");
    tl_json *articles = tl_json_array(req);
    if (listing_has(&l, total)) {
        tl_rows *rows = tl_query(req, select_page, tl_row_text(user, 0, "user_id"), listing_limit(req, &l),
                                 listing_offset(req, &l));
        if (!rows)
            return tl_fail_db(req);
        if (tl_row_count(rows) == 1 && tl_row_is_null(rows, 0, "id"))
            return tl_fail(req, 400, "These articles are too large for one page: expected a smaller 'limit'");
        int result = add_articles(req, articles, rows);
        if (result != TL_OK)
            return result;
    }

    listing_headers(req, &l, tl_format(req, "/v1/users/%s/articles", tl_row_text(user, 0, "username")), total);
    tl_json *answer = tl_json_object(req);
    tl_json_set(answer, "user", user_json(req, user));
    tl_json_set(answer, "articles", articles);
    return listing_reply(req, answer, total);
}
