/*
 * Images between requests, rows and objects.
 */
#include <inttypes.h>
#include <string.h>

#include "plugins/media/media.h"

const char *image_key(tl_request *req, int64_t user_id, const char *file)
{
    return tl_format(req, "%" PRId64 "/images/%s", user_id, file);
}

const char *image_url(tl_request *req, const char *username, const char *file)
{
    return tl_format(req, "%.*s/v1/users/%s/images/%s", the_media.api_url_length, the_media.api_url, username, file);
}

const char *text_array(tl_request *req, const char *const *items, size_t count)
{
    size_t size = 3, used = 0;

    for (size_t i = 0; i < count; i++)
        size += strlen(items[i]) + 1;
    char *text = tl_alloc(req, size);
    text[used++] = '{';
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(items[i]);
        if (i > 0)
            text[used++] = ',';
        memcpy(text + used, items[i], length);
        used += length;
    }
    text[used] = '}';
    return text;
}

int fail_no_image(tl_request *req)
{
    return tl_fail(req, 404, "Image not found");
}

int fail_storage(tl_request *req, int error)
{
    if (error == TL_UNAVAILABLE || error == TL_CANCELLED)
        return tl_fail_service(req, "storage", error);
    tl_log(req, TL_LOG_ERROR, "the storage %s", error == TL_DENIED ? "refused a request" : "failed");
    return tl_fail(req, 502, error == TL_DENIED ? "The storage refused the request" : "The storage failed");
}
