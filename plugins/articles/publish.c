/*
 * POST /v1/articles: renders, finds a free slug, stores.
 */
#include <inttypes.h>

#include "plugins/articles/article.h"
#include "plugins/articles/fields.h"
#include "plugins/articles/handlers.h"
#include "plugins/articles/page.h"
#include "plugins/articles/site.h"
#include "plugins/articles/slug.h"

/* Every lost race means that another post has won one, so as many as this must be going on at once to fail. */
#define TRIES 500

/*
 * Looks for the first free number by probing the index (the row of number n has `taken` when that slug exists) and
 * inserts with it, unless another session has got there first: then `a` is empty. No lock is held while others wait.
 *
 * $1 user, $2 slug of the title or '', $3 title, $4 body, $5 html, $6 table of contents, $7 description, $8 image,
 * $9 renderer
 */
static const char insert_article[] =
    "WITH RECURSIVE base AS ("
    "  SELECT id, CASE WHEN $2::text = '' THEN id::text ELSE $2::text END COLLATE \"C\" AS slug"
    "  FROM nextval(pg_get_serial_sequence('articles', 'id')) AS id"
    "), probe (n, slug, taken) AS ("
    "  SELECT 1, b.slug, (SELECT true FROM articles x WHERE x.slug = b.slug LIMIT 1) FROM base b"
    "  UNION ALL"
    "  SELECT p.n + 1, b.slug || '-' || (p.n + 1),"
    "   (SELECT true FROM articles x WHERE x.slug = b.slug || '-' || (p.n + 1) LIMIT 1)"
    "  FROM probe p, base b WHERE p.taken AND p.n < 10000"
    "), free AS ("
    "  SELECT slug FROM probe WHERE taken IS NULL"
    "), a AS ("
    "  INSERT INTO articles (id, user_id, title, slug, body, html, table_of_contents, meta_description,"
    "   featured_image, renderer)"
    "  SELECT b.id, u.id, $3, f.slug, $4, $5, $6, $7, $8, $9 FROM users u, base b, free f WHERE u.id = $1::bigint"
    "  ON CONFLICT (slug) DO NOTHING"
    "  RETURNING *"
    ") "
    "SELECT " ARTICLE_COLUMNS ", " USER_COLUMNS ", " NEIGHBOUR_COLUMNS ", EXISTS (SELECT FROM free) AS free"
    " FROM (SELECT) one LEFT JOIN users u ON u.id = $1::bigint LEFT JOIN a ON true" NEIGHBOURS;

/* A slug within a URL: headers are ASCII. */
static const char *percent_encoded(tl_request *req, const char *slug)
{
    static const char hex[] = "0123456789ABCDEF";
    char *encoded = tl_alloc(req, 3 * strlen(slug) + 1);
    char *out = encoded;

    for (const unsigned char *c = (const unsigned char *)slug; *c; c++) {
        if (*c < 0x80) {
            *out++ = (char)*c;
        } else {
            *out++ = '%';
            *out++ = hex[*c >> 4];
            *out++ = hex[*c & 15];
        }
    }
    return encoded;
}

static int reply_published(tl_request *req, tl_rows *rows, const markdown_page *page)
{
    article a;
    article_read(&a, rows, 0);
    article_set_etag(req, &a, rows);

    tl_set_header(req, "Location", tl_format(req, "/v1/articles/%s", percent_encoded(req, a.slug)));
    tl_json *answer = article_with_user(req, &a, rows);
    page_warn(req, page, answer);
    return tl_reply_json(req, 201, answer);
}

int publish_article(tl_request *req)
{
    tl_json *body = fields_read(req, fields_to_publish);
    if (!body)
        return TL_REPLIED;
    const char *title = tl_json_string(tl_json_get(body, "title"));
    const char *text = tl_json_string(tl_json_get(body, "body"));
    markdown_page page;
    if (page_publish(req, text, &page) != TL_OK)
        return TL_REPLIED;
    char slug[SLUG_SIZE];
    slug_make(title, strlen(title), slug);

    const char *params[] = {
        tl_format(req, "%" PRId64, tl_identity_of(req)->user_id),
        slug,
        title,
        text,
        page.html,
        page.table_of_contents,
        tl_json_string(tl_json_get(body, "meta_description")),
        tl_json_string(tl_json_get(body, "featured_image")),
        the_site.renderer,
    };
    for (int i = 0; i < TRIES; i++) {
        tl_rows *rows = tl_query_list(req, insert_article, sizeof(params) / sizeof(*params), params);
        if (!rows)
            return tl_fail_db(req);
        if (!tl_row_is_null(rows, 0, "id"))
            return reply_published(req, rows, &page);
        if (tl_row_is_null(rows, 0, "user_id"))
            return tl_fail(req, 403, "User does not exist any more");
        if (!tl_row_bool(rows, 0, "free"))
            return tl_fail(req, 400, "Expected another 'title': too many articles have this one");
    }
    tl_log(req, TL_WARNING, "no free slug for '%s' after %d tries", slug, TRIES);
    return tl_fail_service(req, "slug", TL_UNAVAILABLE);
}
