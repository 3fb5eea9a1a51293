/*
 * Rows to JSON.
 */
#include "plugins/articles/article.h"

#include "plugins/articles/site.h"
#include "plugins/shared/user.h"

void article_read(article *a, tl_rows *rows, size_t row)
{
    a->id = tl_row_int(rows, row, "id");
    a->created_at = tl_row_time(rows, row, "created_at");
    a->updated_at = tl_row_time(rows, row, "updated_at");
    a->title = tl_row_text(rows, row, "title");
    a->slug = tl_row_text(rows, row, "slug");
    a->body = tl_row_text(rows, row, "body");
    a->html = tl_row_text(rows, row, "html");
    a->table_of_contents = tl_row_text(rows, row, "table_of_contents");
    a->meta_description = tl_row_text(rows, row, "meta_description");
    a->featured_image = tl_row_text(rows, row, "featured_image");
    a->renderer = tl_row_text(rows, row, "renderer");
    a->version = tl_row_text(rows, row, "version");
}

tl_json *article_json(tl_request *req, const article *a)
{
    tl_json *json = tl_json_object(req);

    tl_json_set_int(json, "id", a->id);
    tl_json_set_string(json, "created_at", a->created_at);
    tl_json_set_string(json, "updated_at", a->updated_at);
    tl_json_set_string(json, "title", a->title);
    tl_json_set_string(json, "slug", a->slug);
    tl_json_set_string(json, "body", a->body);
    tl_json_set_string(json, "html", a->html);
    tl_json_set_string(json, "table_of_contents", a->table_of_contents);
    tl_json_set_string(json, "meta_description", a->meta_description);
    tl_json_set_string(json, "featured_image", a->featured_image);
    tl_json_set_string(json, "url", tl_format(req, "%.*s/articles/%s", the_site.url_length, the_site.url, a->slug));
    return json;
}

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

tl_json *article_page(tl_request *req, const article *a, tl_rows *rows)
{
    tl_json *adjacent = tl_json_object(req);
    tl_json *meta = tl_json_object(req);
    tl_json *page = tl_json_object(req);

    tl_json_set(page, "meta", meta);
    tl_json_set(meta, "adjacent_articles", adjacent);
    tl_json_set(page, "article", article_json(req, a));
    tl_json_set(page, "user", user_json(req, rows));
    set_neighbour(req, adjacent, "next", tl_row_text(rows, 0, "next_title"), tl_row_text(rows, 0, "next_slug"));
    set_neighbour(req, adjacent, "prev", tl_row_text(rows, 0, "prev_title"), tl_row_text(rows, 0, "prev_slug"));
    return page;
}

void article_set_etag(tl_request *req, const article *a, tl_rows *rows)
{
    size_t length;
    const char *text = tl_json_text(req, article_page(req, a, rows), &length);

    tl_set_header(req, "ETag", tl_etag(req, a->version, text, length));
}

tl_json *article_with_user(tl_request *req, const article *a, tl_rows *rows)
{
    tl_json *json = tl_json_object(req);

    tl_json_set(json, "article", article_json(req, a));
    tl_json_set(json, "user", user_json(req, rows));
    return json;
}
