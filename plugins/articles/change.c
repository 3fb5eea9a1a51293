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

/* $1 id, $2 author, $3 title, $4 body, $5 html, $6 table of contents, $7 renderer, $8 description, $9 whether the image
 * is set, $10 to what. NULL keeps what is there. */
static const char update_article[] =
    "UPDATE articles a SET title = coalesce($3, a.title), body = coalesce($4, a.body), html = coalesce($5, a.html),"
    " table_of_contents = coalesce($6, a.table_of_contents), renderer = coalesce($7, a.renderer),"
    " meta_description = coalesce($8, a.meta_description),"
    " featured_image = CASE WHEN $9::boolean THEN $10 ELSE a.featured_image END, updated_at = now()"
    " FROM users u WHERE a.id = $1::bigint AND a.user_id = $2::bigint AND u.id = a.user_id"
    " RETURNING " ARTICLE_COLUMNS ", " USER_COLUMNS;

static int not_found(tl_request *req)
{
    return tl_fail(req, 404, "Article not found");
}

/* The id of the article that the path names, as the database writes it, if it is the caller's. NULL when the request
 * has been answered. */
static const char *find_own(tl_request *req)
{
    const char *slug = tl_path_param(req, "slug");
    if (!slug_is_possible(slug)) {
        not_found(req);
        return NULL;
    }
    tl_rows *rows = tl_query(req, "SELECT id, user_id FROM articles WHERE slug = $1", slug);
    if (!rows) {
        tl_fail_db(req);
        return NULL;
    }
    if (tl_row_count(rows) == 0) {
        not_found(req);
        return NULL;
    }
    if (tl_row_int(rows, 0, "user_id") != tl_identity_of(req)->user_id) {
        tl_fail(req, 403, "Only the author may change this article");
        return NULL;
    }
    return tl_row_text(rows, 0, "id");
}

static const char *member(tl_json *body, const char *name)
{
    return tl_json_string(tl_json_get(body, name));
}

int change_article(tl_request *req)
{
    const char *id = find_own(req);
    if (!id)
        return TL_REPLIED;
    tl_json *body = fields_read(req, fields_to_change);
    if (!body)
        return TL_REPLIED;
    if (tl_json_count(body) == 0)
        return tl_fail(req, 400, "Expected 'title', 'body', 'meta_description' or 'featured_image' key");
    const char *text = member(body, "body");
    markdown_page page = {0};
    if (text && page_publish(req, text, &page) != TL_OK)
        return TL_REPLIED;

    tl_rows *rows = tl_query(req, update_article, id, tl_format(req, "%" PRId64, tl_identity_of(req)->user_id),
                             member(body, "title"), text, page.html, page.table_of_contents,
                             text ? the_site.renderer : NULL, member(body, "meta_description"),
                             tl_json_get(body, "featured_image") ? "true" : "false", member(body, "featured_image"));
    if (!rows)
        return tl_fail_db(req);
    if (tl_row_count(rows) == 0) /* deleted meanwhile */
        return not_found(req);
    article a;
    article_read(&a, rows, 0);
    int result = page_refresh(req, &a);
    if (result != TL_OK)
        return tl_fail_service(req, "rendering", result);
    return tl_reply_json(req, 200, article_with_user(req, &a, rows));
}

int delete_article(tl_request *req)
{
    const char *id = find_own(req);
    if (!id)
        return TL_REPLIED;
    tl_rows *rows = tl_query(req, "DELETE FROM articles WHERE id = $1::bigint", id);
    if (!rows)
        return tl_fail_db(req);
    return tl_rows_affected(rows) > 0 ? tl_reply(req, 204, NULL, NULL, 0) : not_found(req);
}
