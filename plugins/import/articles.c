/*
 * Articles. Their HTML is not taken over: an empty `renderer` has it made by the next read.
 */
#include <string.h>

#include "plugins/import/import.h"
#include "plugins/shared/image_url.h"

typedef struct article {
    const char *id, *user_id, *title, *slug, *body, *meta_description, *featured_image, *created_at, *updated_at;
} article;

static const char select_articles[] =
    "SELECT id, user_id, title, slug, body, meta_description, nullif(featured_image, '') AS featured_image,"
    " created_at::timestamptz AS created_at, nullif(updated_at, created_at)::timestamptz AS updated_at,"
    " created_at::timestamptz BETWEEN '0001-01-02' AND '9999-12-30'"
    " AND updated_at::timestamptz BETWEEN '0001-01-02' AND '9999-12-30' AS has_sound_times"
    " FROM article WHERE id > $1::bigint ORDER BY id LIMIT 100";

static const char select_here[] =
    "SELECT coalesce(a.user_id = $2::bigint AND a.slug = $3 AND a.created_at = $4::timestamptz, false) AS same,"
    " a.id IS NOT NULL AS has_id, (SELECT id FROM articles WHERE slug = $3) AS slug_of"
    " FROM (SELECT) one LEFT JOIN articles a ON a.id = $1::bigint";

static int insert(tl_request *req, void *row)
{
    const article *a = row;

    return tl_query(
               req,
               "INSERT INTO articles (id, user_id, title, slug, body, html, table_of_contents, meta_description,"
               " featured_image, created_at, updated_at, renderer)"
               " VALUES ($1::bigint, $2::bigint, $3, $4, $5, '', '', $6, $7, $8::timestamptz, $9::timestamptz, '')",
               a->id, a->user_id, a->title, a->slug, a->body, a->meta_description, a->featured_image, a->created_at,
               a->updated_at)
               ? TL_OK
               : TL_ERROR;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n\v\f")] == '\0';
}

/* A path cannot have it, so the article could not be read. */
static bool is_reachable(const char *slug)
{
    return !strchr(slug, '/') && strcmp(slug, ".") != 0 && strcmp(slug, "..") != 0;
}

static const char *refusal_of(tl_request *req, const import_run *run, const article *a, int64_t user_id, bool times)
{
    if (!a->user_id)
        return "it has no author";
    if (!import_user_of(run, user_id))
        return tl_format(req, "its author, user %s, was left out", a->user_id);
    if (is_blank(a->title))
        return "its title is blank";
    if (!is_reachable(a->slug))
        return "its slug is none that an address can have";
    if (a->featured_image && !image_url_is_possible(a->featured_image))
        return "its featured image is no path that starts with '/' and no http or https URL without spaces";
    if (!times)
        return "one of its times is not within the years 1 to 9999";
    return NULL;
}

static int take(tl_request *req, import_run *run, article *a, int64_t id, const char *problem)
{
    if (!problem) {
        tl_rows *here = tl_query(req, select_here, a->id, a->user_id, a->slug, a->created_at);
        if (!here)
            return import_fail_query(req, run);
        if (tl_row_bool(here, 0, "same")) {
            run->articles_tally.present++;
            import_remember_article(run, id);
            return TL_OK;
        }
        if (tl_row_bool(here, 0, "has_id"))
            problem = "another article here has its id";
        else if (!tl_row_is_null(here, 0, "slug_of"))
            problem = tl_format(req, "article %s here has its slug", tl_row_text(here, 0, "slug_of"));
    }
    if (!problem) {
        int result = import_row(req, run, insert, a, &problem);
        if (result != TL_OK && !problem)
            return result;
    }
    if (problem) {
        import_leave(&run->articles_tally, tl_format(req, "article %s", a->id), "%s", problem);
        return TL_OK;
    }
    run->articles_tally.taken++;
    import_remember_article(run, id);
    return TL_OK;
}

static int take_article(tl_request *req, import_run *run, const PGresult *rows, int row)
{
    article a = {
        .id = source_text(rows, row, "id"),
        .user_id = source_text(rows, row, "user_id"),
        .title = source_text(rows, row, "title"),
        .slug = source_text(rows, row, "slug"),
        .body = source_text(rows, row, "body"),
        .meta_description = source_text(rows, row, "meta_description"),
        .featured_image = source_text(rows, row, "featured_image"),
        .created_at = source_text(rows, row, "created_at"),
        .updated_at = source_text(rows, row, "updated_at"),
    };
    const char *problem =
        refusal_of(req, run, &a, source_int(rows, row, "user_id"), source_bool(rows, row, "has_sound_times"));

    return take(req, run, &a, source_int(rows, row, "id"), problem);
}

int import_articles(tl_request *req, import_run *run)
{
    return import_walk_rows(req, run, select_articles, take_article);
}
