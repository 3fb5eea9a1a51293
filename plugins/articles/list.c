/*
 * GET /v1/users/:username/articles: a page of an author's articles, newest first.
 */
#include <inttypes.h>
#include <string.h>

#include "plugins/articles/article.h"
#include "plugins/articles/handlers.h"
#include "plugins/articles/page.h"
#include "plugins/articles/paging.h"

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

/* Reads a number from the query. False when the request has been answered. */
static bool read_number(tl_request *req, const char *name, int64_t fallback, int64_t *number)
{
    const char *text = tl_query_param(req, name);

    *number = fallback;
    if (!text || paging_number(text, number))
        return true;
    tl_fail(req, 400, "Expected numeric query parameters");
    return false;
}

/* The user that the path names, with the number of articles; NULL when the request has been answered. */
static tl_rows *find_user(tl_request *req)
{
    const char *username = tl_path_param(req, "username");
    size_t length = strspn(username, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    tl_rows *rows = NULL;

    /* What cannot be a name is not asked for: it may hold bytes that are no text to the database. */
    if (length > 0 && username[length] == '\0') {
        rows = tl_query(req, select_user, username);
        if (!rows) {
            tl_fail_db(req);
            return NULL;
        }
    }
    if (!rows || tl_row_count(rows) == 0) {
        tl_fail(req, 404, "User with username '%s' does not exist", username);
        return NULL;
    }
    return rows;
}

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
    int64_t page, limit;
    if (!read_number(req, "page", 1, &page) || !read_number(req, "limit", PAGING_LIMIT, &limit))
        return TL_REPLIED;
    if (limit > PAGING_LIMIT_MAX)
        limit = PAGING_LIMIT_MAX;

    tl_rows *user = find_user(req);
    if (!user)
        return TL_REPLIED;
    int64_t total = tl_row_int(user, 0, "total");
    tl_json *articles = tl_json_array(req);
    if (total > 0 && page <= paging_pages(total, limit)) {
        tl_rows *rows = tl_query(req, select_page, tl_row_text(user, 0, "user_id"), tl_format(req, "%" PRId64, limit),
                                 tl_format(req, "%" PRId64, (page - 1) * limit));
        if (!rows)
            return tl_fail_db(req);
        if (tl_row_count(rows) == 1 && tl_row_is_null(rows, 0, "id"))
            return tl_fail(req, 400, "These articles are too large for one page: expected a smaller 'limit'");
        int result = add_articles(req, articles, rows);
        if (result != TL_OK)
            return result;
    }

    char link[PAGING_LINK_SIZE];
    const char *path = tl_format(req, "/v1/users/%s/articles", tl_row_text(user, 0, "username"));
    if (paging_link(link, path, page, limit, total))
        tl_set_header(req, "Link", link);
    tl_set_header(req, "X-Total-Count", tl_row_text(user, 0, "total"));
    tl_json *answer = tl_json_object(req);
    tl_json_set(answer, "user", user_json(req, user, 0));
    tl_json_set(answer, "articles", articles);
    return tl_reply_json(req, 200, answer);
}
