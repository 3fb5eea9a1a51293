/*
 * Rendering within requests.
 */
#include "plugins/articles/page.h"

#include <inttypes.h>
#include <string.h>

#include "plugins/articles/site.h"

/*
 * Small texts are rendered at once, which takes about a millisecond at most. Those that are not done soon after,
 * because of what they hold, start again in the pool, like large ones.
 */
#define SMALL (16 * 1024)
#define SMALL_MICROSECONDS 3000
#define LARGE_MICROSECONDS 2000000

typedef struct job {
    const char *body;
    size_t length;
    markdown_status status;
    markdown_page page;
} job;

static void run_job(void *arg)
{
    job *j = arg;

    j->status = markdown_render(j->body, j->length, &the_site.rules, LARGE_MICROSECONDS, &j->page);
}

static void free_page(void *page)
{
    markdown_free(page);
}

int page_render(tl_request *req, const char *body, markdown_page *page)
{
    job *j = tl_alloc(req, sizeof(*j));

    *j = (job){.body = body, .length = strlen(body), .status = MARKDOWN_TOO_SLOW};
    if (j->length <= SMALL)
        j->status = markdown_render(body, j->length, &the_site.rules, SMALL_MICROSECONDS, &j->page);
    tl_defer(req, free_page, &j->page);
    if (j->status == MARKDOWN_TOO_SLOW) {
        int result = tl_blocking(req, run_job, j);
        if (result != TL_OK)
            return result;
    }
    *page = j->page;
    return j->status == MARKDOWN_OK ? TL_OK : TL_ERROR;
}

int page_publish(tl_request *req, const char *body, markdown_page *page)
{
    int result = page_render(req, body, page);

    if (result == TL_OK)
        return TL_OK;
    if (result == TL_ERROR)
        tl_fail(req, 400, "Expected 'body' to be less complex: its HTML would be out of proportion to the text");
    else
        tl_fail_service(req, "rendering", result);
    return TL_REPLIED;
}

int page_refresh(tl_request *req, article *a)
{
    markdown_page page;

    if (strcmp(a->renderer, the_site.renderer) == 0)
        return TL_OK;
    int result = page_render(req, a->body, &page);
    if (result == TL_ERROR) {
        /* The old page may hold what is not allowed any more, so it is not shown either. */
        tl_log(req, TL_LOG_ERROR, "article %" PRId64 " is too complex to be rendered and is shown without its HTML",
               a->id);
        a->html = a->table_of_contents = "";
        return TL_OK;
    }
    if (result != TL_OK)
        return result;

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
