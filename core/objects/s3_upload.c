/*
 * Uploads in parts. The object appears when the parts are put together, and that is believed only once HEAD has shown
 * it: the answer may get lost, and a status of success may have an error behind it.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log/log.h"
#include "core/objects/s3.h"

enum {
    MOST_PARTS = 10000, /* of S3 */
    MARK_SIZE = 25,
    COMPLETE_ATTEMPTS = 4,
    FIRST_PAUSE = 200,
};

typedef struct upload {
    char *id;
    char mark[MARK_SIZE]; /* in the object's metadata, so that it is known again */
    char **etags;
    size_t count;
    int64_t size;
} upload;

void s3_upload_forget(tl_upload *u)
{
    upload *up = u->state;
    u->state = NULL;
    for (size_t i = 0; i < up->count; i++)
        free(up->etags[i]);
    free(up->etags);
    free(up->id);
    free(up);
}

/* Insists on the answer: an upload whose id nobody knows cannot be aborted. */
static int create(tl_request *req, tl_upload *u, upload *up)
{
    unsigned char random[(MARK_SIZE - 1) / 2];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(up->mark, sizeof up->mark, random, sizeof random);
    s3_call c = {.method = "POST", .key = u->key, .insists = true, .is_told_once = true};
    s3_parameter(&c, "uploads", "");
    s3_header(&c, S3_MARK, up->mark);
    int result = s3_run_described(req, u->store, &c, &u->options);
    if (result == TL_OK && c.answer && *c.answer->upload_id)
        up->id = strdup(c.answer->upload_id);
    else if (result == TL_OK)
        store_tell(u->store, req, "create", "POST %.200s: an answer without an id of the upload", u->key);
    s3_end(&c);
    return result == TL_OK && !up->id ? TL_ERROR : result;
}

static int begin(tl_request *req, tl_upload *u)
{
    upload *up = calloc(1, sizeof *up);
    if (!up)
        return TL_UNAVAILABLE;
    up->etags = calloc(MOST_PARTS, sizeof *up->etags);
    int result = up->etags ? create(req, u, up) : TL_UNAVAILABLE;
    u->state = up;
    if (result != TL_OK)
        s3_upload_forget(u);
    return result == TL_OK && req->cancelled ? TL_CANCELLED : result;
}

int s3_upload_part(tl_request *req, tl_upload *u, const void *bytes, size_t length)
{
    int result = u->state ? TL_OK : begin(req, u);
    if (result != TL_OK)
        return result;
    upload *up = u->state;
    if (up->count == MOST_PARTS) {
        store_tell(u->store, req, "parts", "PUT %.200s: more than %d parts of %zu bytes", u->key, MOST_PARTS,
                   u->store->driver->part);
        return TL_ERROR;
    }
    char number[24];
    snprintf(number, sizeof number, "%zu", up->count + 1);
    s3_call c = {.method = "PUT", .key = u->key, .body = bytes, .length = length};
    s3_parameter(&c, "partNumber", number);
    s3_parameter(&c, "uploadId", up->id);
    result = s3_run(req, u->store, &c);
    const char *etag = result == TL_OK ? transfer_header(c.transfer, "etag") : NULL;
    if (result == TL_OK && (!etag || !(up->etags[up->count] = strdup(etag))))
        result = TL_ERROR;
    s3_end(&c);
    if (result == TL_OK) {
        up->count++;
        up->size += (int64_t)length;
    }
    /* An upload that somebody else has aborted is no object that is missing. */
    return result == TL_NOT_FOUND ? TL_ERROR : result;
}

static char *list_parts(const upload *up, arena *a, size_t *length)
{
    static const char head[] = "<CompleteMultipartUpload>", tail[] = "</CompleteMultipartUpload>";
    size_t size = sizeof head + sizeof tail;
    for (size_t i = 0; i < up->count; i++)
        size += strlen(up->etags[i]) * 6 + 80;
    char *text = arena_alloc_raw(a, size), *to = stpcpy(text, head);
    for (size_t i = 0; i < up->count; i++)
        to += sprintf(to, "<Part><PartNumber>%zu</PartNumber><ETag>%s</ETag></Part>", i + 1,
                      s3_xml_escape(a, up->etags[i]));
    to = stpcpy(to, tail);
    *length = (size_t)(to - text);
    return text;
}

/* One attempt. TL_NOT_FOUND: there is no such upload (any more). */
static int put_together(tl_request *req, tl_upload *u, const char *parts, size_t length)
{
    const upload *up = u->state;
    s3_call c = {.method = "POST", .key = u->key, .body = parts, .length = length, .is_once = true};
    s3_parameter(&c, "uploadId", up->id);
    s3_header(&c, "content-type", "application/xml");
    int result = s3_run(req, u->store, &c);
    if (result == TL_OK && (!c.answer || strcmp(c.answer->root, "CompleteMultipartUploadResult") != 0)) {
        store_tell(u->store, req, "complete", "POST %.200s: no answer to putting the parts together", u->key);
        result = TL_UNAVAILABLE;
    }
    s3_end(&c);
    return result;
}

/* Is our object there? With another mark it has been replaced since, which only a sure success can tell from failure.
 */
static int verify(tl_request *req, tl_upload *u, bool is_sure)
{
    const upload *up = u->state;
    const char *mark = "";
    tl_object about;
    int result = s3_head(req, u->store, u->key, &about, &mark);
    if (result != TL_OK)
        return result == TL_NOT_FOUND ? TL_ERROR : result;
    bool is_ours = strcmp(mark, up->mark) == 0;
    if (is_ours ? about.size == up->size : is_sure)
        return TL_OK;
    store_tell(u->store, req, "verify", "HEAD %.200s: %" PRId64 " bytes were sent, and there is %s", u->key, up->size,
               is_ours ? "another number of them" : "another object");
    return TL_ERROR;
}

static int complete(tl_request *req, tl_upload *u)
{
    arena *scratch = arena_new(req->worker->arenas);
    size_t length;
    const char *parts = list_parts(u->state, scratch, &length);
    int result = TL_UNAVAILABLE;
    for (int i = 0; i < COMPLETE_ATTEMPTS && result == TL_UNAVAILABLE; i++) {
        if (i > 0 && request_sleep(req, (int64_t)FIRST_PAUSE << (i - 1)) != TL_OK) {
            result = TL_CANCELLED;
            break;
        }
        result = put_together(req, u, parts, length);
        /* Gone after an attempt whose answer was lost: it may have succeeded. */
        if (result == TL_OK || (result == TL_NOT_FOUND && i > 0)) {
            result = verify(req, u, result == TL_OK);
            break;
        }
    }
    arena_free(scratch);
    return result == TL_NOT_FOUND ? TL_ERROR : result;
}

int s3_upload_finish(tl_request *req, tl_upload *u, const void *bytes, size_t length)
{
    int result = length > 0 ? s3_upload_part(req, u, bytes, length) : TL_OK;
    if (result == TL_OK)
        result = complete(req, u);
    if (result == TL_OK)
        s3_upload_forget(u);
    return result;
}

int s3_upload_discard(tl_request *req, tl_upload *u)
{
    const upload *up = u->state;
    s3_call c = {.method = "DELETE", .key = u->key, .insists = true};
    s3_parameter(&c, "uploadId", up->id);
    int result = s3_do(req, u->store, &c);
    if (result == TL_NOT_FOUND)
        result = TL_OK;
    if (result != TL_OK)
        log_warning(u->store->worker, req,
                    "store %s: an upload that was not finished stays behind (a lifecycle rule of the bucket removes "
                    "such): %.200s",
                    objects_name(u->store), u->key);
    else
        s3_upload_forget(u);
    return result;
}
