/*
 * GET /v1/users/:username/images/:file: the bytes of an image, from the storage to the visitor as fast as the visitor
 * takes them.
 */
#include <inttypes.h>

#include "plugins/media/conditions.h"
#include "plugins/media/media.h"
#include "plugins/media/name.h"
#include "plugins/shared/user.h"

/* What is sent of an image. */
typedef struct portion {
    int status; /* 200 or 206 */
    int64_t first, length;
    int64_t size; /* of the whole image */
} portion;

static const char select_image[] =
    "SELECT u.id AS user_id, i.id, i.content_type, i.size, encode(i.sha256, 'hex') AS hash"
    " FROM users u LEFT JOIN images i ON i.user_id = u.id AND i.file = $2 AND i.ready"
    " WHERE lower(u.username) = lower($1)";

/* What every answer with the image, or about it, says. */
static void set_headers(tl_request *req, const char *etag)
{
    tl_set_header(req, "ETag", etag);
    tl_set_header(req, "Cache-Control", MEDIA_CACHE_CONTROL);
    tl_set_header(req, "Accept-Ranges", "bytes");
    /* Other sites may show it; opened by itself it may do nothing. */
    tl_set_header(req, "Cross-Origin-Resource-Policy", "cross-origin");
    tl_set_header(req, "Content-Security-Policy", "sandbox");
}

/* Which bytes are asked for; false when the request has been answered. */
static bool choose_portion(tl_request *req, const char *etag, portion *p)
{
    const char *range = tl_header(req, "Range"), *if_range = tl_header(req, "If-Range");

    p->status = 200;
    p->first = 0;
    p->length = p->size;
    if (!range || (if_range && !condition_if_range(if_range, etag)))
        return true;
    switch (condition_range(range, p->size, &p->first, &p->length)) {
    case RANGE_WHOLE:
        return true;
    case RANGE_PART:
        p->status = 206;
        return true;
    case RANGE_UNSATISFIABLE:
        break;
    }
    tl_set_header(req, "Content-Range", tl_format(req, "bytes */%" PRId64, p->size));
    tl_fail(req, 416, "The image has %" PRId64 " bytes", p->size);
    return false;
}

/* An image on its way. */
typedef struct sending {
    const portion *part;
    const char *key, *type, *etag;
    int64_t sent;
    bool begun; /* the head is out */
} sending;

/* Once the head is out nothing can be said any more: the length that it promised is not reached, and breaks the
 * connection. */
static int fail_sending(tl_request *req, const sending *s, int error)
{
    if (error == TL_NOT_FOUND)
        tl_log(req, TL_LOG_ERROR, "the object %s of an image is missing: see talelio media fsck", s->key);
    if (!s->begun)
        return error == TL_NOT_FOUND ? fail_no_image(req) : fail_storage(req, error);
    if (error != TL_CANCELLED)
        tl_log(req, TL_WARNING, "the storage broke off in the middle of the image %s (%d)", s->key, error);
    return TL_REPLIED;
}

static int begin_answer(tl_request *req, sending *s)
{
    const portion *p = s->part;

    set_headers(req, s->etag);
    if (p->status == 206)
        tl_set_header(
            req, "Content-Range",
            tl_format(req, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, p->first, p->first + p->length - 1, p->size));
    s->begun = true;
    return tl_stream_begin(req, p->status, s->type, p->length);
}

/*
 * Sends the next slice, as it comes: TL_OK, or TL_REPLIED at the end. The head goes out with the first bytes, so that
 * storage which fails at once is an error that the visitor can read.
 */
static int send_slice(tl_request *req, void *sending_arg)
{
    sending *s = sending_arg;
    int64_t left = s->part->length - s->sent;
    tl_object about;
    const void *bytes;
    size_t length;
    int error;

    tl_download *download = tl_download_begin(req, the_media.store, s->key, s->part->first + s->sent,
                                              left < TL_STREAM_ROOM ? left : TL_STREAM_ROOM, &about, &error);
    if (!download)
        return fail_sending(req, s, error);
    if (about.size != s->part->size) {
        tl_log(req, TL_LOG_ERROR, "the object %s has %" PRId64 " bytes instead of %" PRId64, s->key, about.size,
               s->part->size);
        return fail_sending(req, s, TL_ERROR);
    }
    while ((error = tl_download_read(req, download, &bytes, &length)) == TL_OK && length > 0) {
        if (!s->begun && begin_answer(req, s) != TL_OK)
            return TL_REPLIED;
        if (tl_stream_write(req, bytes, length) != TL_OK)
            return TL_REPLIED;
        s->sent += (int64_t)length;
    }
    if (error != TL_OK)
        return fail_sending(req, s, error);
    return s->sent < s->part->length ? TL_OK : TL_REPLIED;
}

/* In slices, so that no slow visitor holds a connection to the storage: there are few of those. */
static int send_image(tl_request *req, sending *s)
{
    while (tl_scoped(req, send_slice, s) == TL_OK && tl_stream_drain(req) == TL_OK)
        ;
    return TL_REPLIED;
}

int download_image(tl_request *req)
{
    const char *file = tl_path_param(req, "file");
    bool possible = name_is_possible(file);
    tl_rows *rows = user_find(req, select_image, possible ? file : "");
    if (!rows)
        return TL_REPLIED;
    if (tl_row_is_null(rows, 0, "id"))
        return fail_no_image(req);

    const char *etag = tl_format(req, "\"%s\"", tl_row_text(rows, 0, "hash"));
    int wanted = tl_check_read(req, etag);
    if (wanted == TL_REPLIED)
        return TL_REPLIED;
    if (wanted == TL_NOT_MODIFIED) {
        set_headers(req, etag);
        return tl_reply(req, 304, NULL, NULL, 0);
    }
    portion p = {.size = tl_row_int(rows, 0, "size")};
    if (!choose_portion(req, etag, &p))
        return TL_REPLIED;
    sending s = {.part = &p,
                 .key = image_key(req, tl_row_int(rows, 0, "user_id"), file),
                 .type = tl_row_text(rows, 0, "content_type"),
                 .etag = etag};
    return send_image(req, &s);
}
