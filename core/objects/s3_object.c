/*
 * The headers of objects, and asking for them.
 */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/log/log.h"
#include "core/objects/s3.h"

enum { SEEN_LATELY = 10000 }; /* milliseconds */

static void describe(s3_call *c, const s3 *s, const tl_object_options *options)
{
    s3_header(c, "content-type", options->content_type);
    if (*options->cache_control)
        s3_header(c, "cache-control", options->cache_control);
    if (options->is_public && !s->has_no_acls)
        s3_header(c, "x-amz-acl", "public-read");
}

int s3_run_described(tl_request *req, tl_store *store, s3_call *c, const tl_object_options *options)
{
    s3 *s = store->state;
    const s3_call plain = *c;
    describe(c, s, options);
    int result = s3_run(req, store, c);
    if (result != TL_ERROR || s->has_no_acls || strcmp(c->code, "AccessControlListNotSupported") != 0)
        return result;
    /* The default of new buckets at AWS: there the bucket's policy alone decides what is public. */
    s->has_no_acls = true;
    log_info(store->worker, req, "store %s: the bucket takes no ACLs; its policy decides what is public",
             objects_name(store));
    s3_end(c);
    *c = plain;
    describe(c, s, options);
    return s3_run(req, store, c);
}

/* Some servers leave the quotes out. */
static const char *quoted(arena *a, const char *etag)
{
    return *etag == '"' || strncmp(etag, "W/", 2) == 0 ? arena_copy(a, etag) : arena_format(a, "\"%s\"", etag);
}

/* The whole object's size: of a part it stands behind the slash of Content-Range. */
static int64_t whole_size(const transfer *t)
{
    const char *range = transfer_header(t, "content-range");
    const char *text = range ? strchr(range, '/') : transfer_header(t, "content-length");
    if (!text)
        return -1;
    text += range ? 1 : 0;
    char *end;
    long long size = strtoll(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end ? size : -1;
}

bool s3_about(tl_request *req, const transfer *t, const char *key, tl_object *about)
{
    const char *etag = transfer_header(t, "etag");
    const char *modified = transfer_header(t, "last-modified");
    const char *type = transfer_header(t, "content-type");
    time_t when = modified ? curl_getdate(modified, NULL) : -1;
    about->key = arena_copy(req->arena, key);
    about->size = whole_size(t);
    about->modified = when < 0 ? 0 : (int64_t)when * 1000000;
    about->etag = etag ? quoted(req->arena, etag) : NULL;
    about->content_type = arena_copy(req->arena, type ? type : "application/octet-stream");
    return about->size >= 0 && etag;
}

/* An answer to HEAD has no body to say why. The same question as GET has one. */
static int ask_why(tl_request *req, tl_store *store, const char *key, int result)
{
    s3_call c = {.method = "GET", .key = key};
    s3_header(&c, "range", "bytes=0-0");
    int why = s3_do(req, store, &c);
    return why == TL_OK ? result : why;
}

int s3_head(tl_request *req, tl_store *store, const char *key, tl_object *about, const char **mark)
{
    const s3 *s = store->state;
    s3_call c = {.method = "HEAD", .key = key, .is_quiet = true};
    int result = s3_run(req, store, &c);
    if (result == TL_OK && !s3_about(req, c.transfer, key, about)) {
        store_tell(store, req, "head", "HEAD %.200s: an answer without Content-Length and ETag", key);
        result = TL_ERROR;
    }
    if (result == TL_OK && mark) {
        const char *text = transfer_header(c.transfer, S3_MARK);
        *mark = text ? arena_copy(req->arena, text) : "";
    }
    s3_end(&c);
    /* That the object is not there may also mean that the bucket is not. */
    bool is_clear = result == TL_OK || result == TL_CANCELLED || result == TL_UNAVAILABLE ||
                    (result == TL_NOT_FOUND && s->seen_at > 0 && loop_now(store->worker) - s->seen_at < SEEN_LATELY);
    return is_clear ? result : ask_why(req, store, key, result);
}
