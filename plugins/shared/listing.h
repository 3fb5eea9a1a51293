/*
 * What a route that answers with a page of a list has in common with all others: `page` and `limit` of the query, and
 * the headers X-Total-Count and Link.
 */
#ifndef PLUGINS_SHARED_LISTING_H
#define PLUGINS_SHARED_LISTING_H

#include <talelio/talelio.h>

typedef struct listing {
    int64_t page;  /* from 1 */
    int64_t limit; /* images, articles … a page */
} listing;

/* Reads the query. False when the request has been answered. */
bool listing_read(tl_request *req, listing *l);

/* Whether there is anything to fetch: the list has `total` items, and the page does not lie behind its end. */
bool listing_has(const listing *l, int64_t total);

/* Sets the headers of the answer. `path` is that of the list, at most 128 bytes. */
void listing_headers(tl_request *req, const listing *l, const char *path, int64_t total);

/* Answers with the page and its ETag, which tells how many items there are, as the headers do. */
int listing_reply(tl_request *req, const tl_json *page, int64_t total);

/* LIMIT and OFFSET, for parameters of a statement. */
const char *listing_limit(tl_request *req, const listing *l);
const char *listing_offset(tl_request *req, const listing *l);

#endif
