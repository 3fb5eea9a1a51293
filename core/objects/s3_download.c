/*
 * Streams out of a bucket. A transfer that breaks off is taken up again where it was, of the same version of the object
 * or not at all.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/objects/s3.h"

enum { RESUMES = 3, FIRST_PAUSE = 200 };

typedef struct reading {
    tl_store *store;
    char *key;
    char *etag;
    int64_t at, end; /* the bytes that are still to come */
    int resumes;
    s3_call call;
} reading;

static void free_reading(reading *r)
{
    s3_end(&r->call);
    free(r->key);
    free(r->etag);
    free(r);
}

/* Has the server begun where it was asked to? */
static bool starts_at(const transfer *t, int64_t offset)
{
    const char *range = transfer_header(t, "content-range");
    if (transfer_status(t) == 200)
        return offset == 0;
    char start[40];
    snprintf(start, sizeof start, "bytes %" PRId64 "-", offset);
    return transfer_status(t) == 206 && range && strncmp(range, start, strlen(start)) == 0;
}

/* GET from `at` up to `end` (below 0: all there is); `etag` NULL: of any version. */
static int open_stream(tl_request *req, reading *r, int64_t at, int64_t end, const char *etag)
{
    char range[64];
    r->call = (s3_call){.method = "GET", .key = r->key, .is_stream = true};
    if (end >= 0)
        snprintf(range, sizeof range, "bytes=%" PRId64 "-%" PRId64, at, end - 1);
    else
        snprintf(range, sizeof range, "bytes=%" PRId64 "-", at);
    if (at > 0 || end >= 0)
        s3_header(&r->call, "range", range);
    if (etag)
        s3_header(&r->call, "if-match", etag);
    int result = s3_run(req, r->store, &r->call);
    /* What the headers hold was copied into lines of the scratch arena when they were sent. */
    r->call.header_count = 0;
    if (result == TL_OK && !starts_at(r->call.transfer, at)) {
        store_tell(r->store, req, "range", "GET %.200s: another range came than was asked for", r->key);
        result = TL_ERROR;
    }
    return result;
}

static int begin(tl_request *req, reading *r, int64_t offset, int64_t length, tl_object *about)
{
    int result = open_stream(req, r, offset, length < 0 ? -1 : offset + length, NULL);
    if (result != TL_OK)
        return result;
    if (!s3_about(req, r->call.transfer, r->key, about)) {
        store_tell(r->store, req, "get", "GET %.200s: an answer without Content-Length and ETag", r->key);
        return TL_ERROR;
    }
    r->etag = strdup(about->etag);
    r->at = offset;
    r->end = length < 0 ? about->size : offset + length;
    return r->etag ? TL_OK : TL_UNAVAILABLE;
}

int s3_download_begin(tl_request *req, tl_store *store, const char *key, int64_t offset, int64_t length,
                      tl_object *about, void **state)
{
    reading *r = calloc(1, sizeof *r);
    char *copy = strdup(key);
    if (!r || !copy) {
        free(r);
        free(copy);
        return TL_UNAVAILABLE;
    }
    r->store = store;
    r->key = copy;
    /* A range of nothing cannot be asked for. */
    int result = length == 0 ? s3_head(req, store, key, about, NULL) : begin(req, r, offset, length, about);
    if (result == TL_OK)
        *state = r;
    else
        free_reading(r);
    return result;
}

static bool may_resume(const reading *r, transfer_end end)
{
    return (end == TRANSFER_BROKEN || end == TRANSFER_STALLED || end == TRANSFER_DONE) && r->resumes < RESUMES;
}

static int resume(tl_request *req, reading *r)
{
    s3_end(&r->call);
    int result = request_sleep(req, (int64_t)FIRST_PAUSE << r->resumes++);
    return result == TL_OK ? open_stream(req, r, r->at, r->end, r->etag) : result;
}

int s3_download_read(tl_request *req, void *state, const void **bytes, size_t *length)
{
    reading *r = state;
    for (;;) {
        transfer_end end = transfer_read(r->call.transfer, req, bytes, length);
        if (end == TRANSFER_CANCELLED)
            return TL_CANCELLED;
        if (end == TRANSFER_DONE && *length > 0) {
            r->at += (int64_t)*length;
            return TL_OK;
        }
        /* The end, although more was promised. */
        store_tell(r->store, req, "broken", "GET %.200s: the transfer ended after %" PRId64 " of %" PRId64 " bytes: %s",
                   r->key, r->at, r->end, transfer_error(r->call.transfer));
        if (!may_resume(r, end))
            return TL_UNAVAILABLE;
        int result = resume(req, r);
        if (result != TL_OK)
            return result == TL_NOT_FOUND ? TL_ERROR : result;
    }
}

void s3_download_end(void *state)
{
    free_reading(state);
}
