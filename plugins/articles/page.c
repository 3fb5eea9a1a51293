/*
 * Rendering within requests.
 */
#include "plugins/articles/page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/articles/site.h"

/* A megabyte of ordinary text takes a tenth of it. */
#define CPU_MILLISECONDS 2000

/* What comes out of the process that renders: this, the HTML with a NUL behind it, and the table of contents with one.
 */
typedef struct result {
    markdown_status status;
    size_t html_length;
    size_t contents_length;
    markdown_left_out left_out;
} result;

static void *render(const void *input, size_t length, size_t *output_length)
{
    markdown_page page;
    result r = {.status = markdown_render(input, length, &the_site.rules, &page)};
    if (r.status == MARKDOWN_OK) {
        r.html_length = page.html_length;
        r.contents_length = page.table_of_contents_length;
        r.left_out = page.left_out;
    }
    *output_length = sizeof r + r.html_length + 1 + r.contents_length + 1;
    char *output = malloc(*output_length);
    if (!output)
        return NULL;
    memcpy(output, &r, sizeof r);
    char *html = output + sizeof r, *contents = html + r.html_length + 1;
    html[r.html_length] = contents[r.contents_length] = '\0';
    if (r.status == MARKDOWN_OK) {
        memcpy(html, page.html, r.html_length);
        memcpy(contents, page.table_of_contents, r.contents_length);
    }
    return output;
}

/* As tl_isolated; TL_EXCEEDED also for a page out of proportion. */
static int page_render(tl_request *req, const char *body, markdown_page *page)
{
    const void *output;
    size_t length;
    int answer = tl_isolated(req, render, body, strlen(body), CPU_MILLISECONDS, &output, &length);
    if (answer != TL_OK)
        return answer;
    result r;
    memcpy(&r, output, sizeof r);
    char *html = (char *)output + sizeof r;
    *page = (markdown_page){
        .html = html,
        .html_length = r.html_length,
        .table_of_contents = html + r.html_length + 1,
        .table_of_contents_length = r.contents_length,
        .left_out = r.left_out,
    };
    return r.status == MARKDOWN_OK ? TL_OK : TL_EXCEEDED;
}

int page_publish(tl_request *req, const char *body, markdown_page *page)
{
    int answer = page_render(req, body, page);

    if (answer == TL_OK)
        return TL_OK;
    if (answer == TL_EXCEEDED)
        tl_fail(req, 400, "Expected 'body' to be less complex: its HTML would take too long to make, or be too large");
    else
        tl_fail_service(req, "rendering", answer);
    return TL_REPLIED;
}

void page_warn(tl_request *req, const markdown_page *page, tl_json *answer)
{
    tl_json *warnings = tl_json_array(req);

    for (size_t i = 0; i < page->left_out.count; i++)
        tl_json_append_string(warnings, tl_format(req, "raw HTML was left out: <%s>", page->left_out.names[i]));
    if (page->left_out.count > 0)
        tl_json_set(answer, "warnings", warnings);
}

int page_refresh(tl_request *req, article *a)
{
    markdown_page page;

    if (strcmp(a->renderer, the_site.renderer) == 0)
        return TL_OK;
    int answer = page_render(req, a->body, &page);
    if (answer == TL_EXCEEDED) {
        /* Stored like any other page: the old one may hold what is not allowed any more, and trying again with every
         * read would cost as much as before. */
        tl_log(req, TL_LOG_ERROR, "article %" PRId64 " is too complex to be rendered and is shown without its HTML",
               a->id);
        page = (markdown_page){.html = "", .table_of_contents = ""};
    } else if (answer != TL_OK) {
        return answer;
    }

    /* That it could not be stored, because the database says so or the article has changed, is no harm: the next read
     * tries again. */
    tl_query(req,
             "UPDATE articles SET html = $2, table_of_contents = $3, renderer = $4"
             " WHERE id = $1 AND renderer = $5 AND body = $6",
             tl_format(req, "%" PRId64, a->id), page.html, page.table_of_contents, the_site.renderer, a->renderer,
             a->body);
    a->html = page.html;
    a->table_of_contents = page.table_of_contents;
    return tl_is_cancelled(req) ? TL_CANCELLED : TL_OK;
}
