/*
 * See listing.h.
 */
#include "plugins/shared/listing.h"

#include <inttypes.h>

#include "plugins/shared/paging.h"

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

bool listing_read(tl_request *req, listing *l)
{
    if (!read_number(req, "page", 1, &l->page) || !read_number(req, "limit", PAGING_LIMIT, &l->limit))
        return false;
    if (l->limit > PAGING_LIMIT_MAX)
        l->limit = PAGING_LIMIT_MAX;
    return true;
}

bool listing_has(const listing *l, int64_t total)
{
    return total > 0 && l->page <= paging_pages(total, l->limit);
}

void listing_headers(tl_request *req, const listing *l, const char *path, int64_t total)
{
    char link[PAGING_LINK_SIZE];

    if (paging_link(link, path, l->page, l->limit, total))
        tl_set_header(req, "Link", link);
    tl_set_header(req, "X-Total-Count", tl_format(req, "%" PRId64, total));
}

int listing_reply(tl_request *req, const tl_json *page, int64_t total)
{
    return tl_reply_json_tagged(req, 200, page, tl_format(req, "%" PRId64, total));
}

const char *listing_limit(tl_request *req, const listing *l)
{
    return tl_format(req, "%" PRId64, l->limit);
}

const char *listing_offset(tl_request *req, const listing *l)
{
    return tl_format(req, "%" PRId64, (l->page - 1) * l->limit);
}
