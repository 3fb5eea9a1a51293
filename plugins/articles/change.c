/*
 * PATCH and DELETE /v1/articles/:slug, for the article's author.
 */
#include <inttypes.h>

#include "plugins/articles/article.h"
#include "plugins/articles/fields.h"
#include "plugins/articles/handlers.h"
#include "plugins/articles/page.h"
#include "plugins/articles/site.h"
#include "plugins/articles/slug.h"

#define VERSION ROW_VERSION("a")
#define CHANGED ROW_CHANGED("a")
#define IS_VERSION_11 ROW_IS_VERSION("a", "$11")
#define IS_VERSION_2 ROW_IS_VERSION("a", "$2")

/* $1 id, $2 author, $3 title, $4 body, $5 html, $6 table of contents, $7 renderer, $8 description, $9 whether the image
 * is set, $10 to what. NULL keeps what is there. $11 the version that is changed, NULL: any. */
static const char update_article[] =
    "WITH a AS ("
    "  UPDATE articles a SET title = coalesce($3, a.title), body = coalesce($4, a.body),"
    "   html = coalesce($5, a.html), table_of_contents = coalesce($6, a.table_of_contents),"
    "   renderer = coalesce($7, a.renderer), meta_description = coalesce($8, a.meta_description),"
    "   featured_image = CASE WHEN $9::boolean THEN $10 ELSE a.featured_image END, updated_at = " CHANGED
    "  WHERE a.id = $1::bigint AND a.user_id = $2::bigint AND " IS_VERSION_11 " RETURNING a.*"
    ") "
    "SELECT " ARTICLE_COLUMNS ", " USER_COLUMNS ", " NEIGHBOUR_COLUMNS
    " FROM a JOIN users u ON u.id = a.user_id" NEIGHBOURS;

/* $1 id, $2 the version that is deleted, NULL: any */
static const char delete_one[] = "DELETE FROM articles a WHERE a.id = $1::bigint AND " IS_VERSION_2;

static const char select_target[] =
    "SELECT id, user_id, " VERSION " AS version FROM articles a WHERE " SLUG_IS_ASKED_FOR;

static int not_found(tl_request *req)
{
    return tl_fail(req, 404, "Article not found");
}

/* The article that is to be changed. */
typedef struct target {
    const char *id;      /* as the database writes it */
    const char *version; /* the one that the caller wants to change; NULL: whichever there is */
} target;

/* The article that the path names, if it is the caller's and what the request's conditions ask for. False when the
 * request has been answered. */
static bool find_own(tl_request *req, target *t)
{
    char slug[SLUG_STORED_SIZE];
    if (!slug_from_path(tl_path_param(req, "slug"), slug)) {
        not_found(req);
        return false;
    }
    tl_rows *rows = tl_query(req, select_target, tl_path_param(req, "slug"), slug);
    if (!rows) {
        tl_fail_db(req);
        return false;
    }
    if (tl_row_count(rows) == 0) {
        not_found(req);
        return false;
    }
    if (tl_row_int(rows, 0, "user_id") != tl_identity_of(req)->user_id) {
        tl_fail(req, 403, "Only the author may change this article");
        return false;
    }
    t->id = tl_row_text(rows, 0, "id");
    t->version = tl_header(req, "If-Match") ? tl_row_text(rows, 0, "version") : NULL;
    return tl_check_write(req, tl_row_text(rows, 0, "version")) == TL_OK;
}

static const char *member(tl_json *body, const char *name)
{
    return tl_json_string(tl_json_get(body, name));
}

int change_article(tl_request *req)
{
    target t;
    if (!find_own(req, &t))
        return TL_REPLIED;
    tl_json *body = fields_read(req, fields_to_change);
    if (!body)
        return TL_REPLIED;
    const char *text = member(body, "body");
    markdown_page page = {0};
    if (text && page_publish(req, text, &page) != TL_OK)
        return TL_REPLIED;

    tl_rows *rows;
    do {
        rows = tl_query(req, update_article, t.id, tl_format(req, "%" PRId64, tl_identity_of(req)->user_id),
                        member(body, "title"), text, page.html, page.table_of_contents, text ? the_site.renderer : NULL,
                        member(body, "meta_description"), tl_json_get(body, "featured_image") ? "true" : "false",
                        member(body, "featured_image"), t.version);
        if (!rows)
            return tl_fail_db(req);
        /* When it has been changed or deleted since it was looked at, what is there now decides. */
    } while (tl_row_count(rows) == 0 && find_own(req, &t));
    if (tl_row_count(rows) == 0)
        return TL_REPLIED;
    article a;
    article_read(&a, rows, 0);
    int result = page_refresh(req, &a);
    if (result != TL_OK)
        return tl_fail_service(req, "rendering", result);
    article_set_etag(req, &a, rows);
    tl_json *answer = article_with_user(req, &a, rows);
    page_warn(req, &page, answer);
    return tl_reply_json(req, 200, answer);
}

int delete_article(tl_request *req)
{
    target t;
    while (find_own(req, &t)) {
        tl_rows *rows = tl_query(req, delete_one, t.id, t.version);
        if (!rows)
            return tl_fail_db(req);
        if (tl_rows_affected(rows) > 0)
            return tl_reply(req, 204, NULL, NULL, 0);
    }
    return TL_REPLIED;
}
