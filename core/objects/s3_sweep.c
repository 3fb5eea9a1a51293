/*
 * Uploads that nobody will finish: their parts cost as much as objects do, and no list of objects shows them.
 */
#include <string.h>
#include <time.h>

#include "core/log/log.h"
#include "core/objects/s3.h"

typedef struct page {
    s3_item *items; /* what is old enough */
    size_t count;
    bool is_truncated;
} page;

static void take_old(tl_request *req, const s3_answer *answer, int64_t before, page *p)
{
    p->is_truncated = answer->is_truncated;
    p->items = arena_alloc(req->arena, (answer->count + 1) * sizeof *p->items);
    for (size_t i = 0; i < answer->count; i++) {
        const s3_item *item = &answer->items[i];
        /* One whose time is not told may be a minute old. */
        if (*item->upload_id && item->modified >= 0 && item->modified <= before)
            p->items[p->count++] = (s3_item){.key = arena_copy(req->arena, item->key),
                                             .upload_id = arena_copy(req->arena, item->upload_id)};
    }
}

static int list_old(tl_request *req, tl_store *store, const char *prefix, int64_t before, page *p)
{
    s3_call c = {.method = "GET", .answer_limit = S3_LIST_LIMIT};
    /* No encoding-type: Ceph would encode the keys and not say so. Keys of this server need none. */
    s3_parameter(&c, "uploads", "");
    if (*prefix)
        s3_parameter(&c, "prefix", prefix);
    int result = s3_run(req, store, &c);
    if (result == TL_OK && (!c.answer || strcmp(c.answer->root, "ListMultipartUploadsResult") != 0)) {
        store_tell(store, req, "uploads", "GET ?uploads: an answer that is no list of uploads");
        result = TL_ERROR;
    }
    if (result == TL_OK)
        take_old(req, c.answer, before, p);
    s3_end(&c);
    return result;
}

static int drop(tl_request *req, tl_store *store, const s3_item *item)
{
    s3_call c = {.method = "DELETE", .key = item->key};
    s3_parameter(&c, "uploadId", item->upload_id);
    return s3_do(req, store, &c);
}

int s3_sweep(tl_request *req, tl_store *store, const char *prefix, int64_t seconds)
{
    /* 0 is all of them, whatever the storage's clock says. */
    int64_t before = seconds > 0 ? ((int64_t)time(NULL) - seconds) * 1000000 : INT64_MAX;
    size_t dropped = 0, before_page;
    page p;
    int result;
    /* What was dropped is not in the next list. A page on which nothing can be dropped would come again for ever. */
    do {
        p = (page){0};
        before_page = dropped;
        result = list_old(req, store, prefix, before, &p);
        for (size_t i = 0; i < p.count && result == TL_OK; i++) {
            result = drop(req, store, &p.items[i]);
            dropped += result == TL_OK;
            /* Another process was quicker. */
            result = result == TL_NOT_FOUND ? TL_OK : result;
        }
    } while (result == TL_OK && p.is_truncated && dropped > before_page);
    if (dropped > 0)
        log_info(store->worker, req, "store %s: %zu uploads of processes that have ended were removed",
                 objects_name(store), dropped);
    return result;
}
