/*
 * The calls of the plugins' table that are one step: checked here, done by the store's driver. Streams are in upload.c
 * and download.c.
 */
#include "core/objects/objects.h"

#include <string.h>

#include "core/log/log.h"
#include "core/objects/options.h"

enum { LONGEST_PRESIGNED = 604800 };

static bool is_key(tl_request *req, tl_store *store, const char *key)
{
    const char *problem = key_problem(key);
    if (problem)
        log_error(req->worker, req, "store %s: a key %s", objects_name(store), problem);
    return !problem;
}

bool objects_may(tl_request *req, tl_store *store, const char *key, int *error)
{
    *error = req->cancelled || req->ended ? TL_CANCELLED : is_key(req, store, key) ? TL_OK : TL_ERROR;
    return *error == TL_OK;
}

/* A header's value, to be stored and given back as it is. */
static bool is_header(const char *value)
{
    size_t length = strlen(value);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)value[i] < 0x20 || (unsigned char)value[i] >= 0x7f)
            return false;
    return length <= LONGEST_OPTION && (length == 0 || (value[0] != ' ' && value[length - 1] != ' '));
}

bool options_complete(tl_request *req, tl_store *store, const tl_object_options *from, tl_object_options *to)
{
    *to = from ? *from : (tl_object_options){0};
    if (!to->content_type || !*to->content_type)
        to->content_type = "application/octet-stream";
    if (!to->cache_control)
        to->cache_control = "";
    if (is_header(to->content_type) && is_header(to->cache_control))
        return true;
    log_error(req->worker, req, "store %s: a content type or cache control is no value of a header",
              objects_name(store));
    return false;
}

int objects_put(tl_request *req, tl_store *store, const char *key, const void *bytes, size_t length,
                const tl_object_options *options)
{
    int error;
    tl_object_options complete;
    if (!objects_may(req, store, key, &error))
        return error;
    if (!options_complete(req, store, options, &complete))
        return TL_ERROR;
    return store->driver->put(req, store, key, bytes, length, &complete);
}

int objects_head(tl_request *req, tl_store *store, const char *key, tl_object *about)
{
    int error;
    *about = (tl_object){0};
    return objects_may(req, store, key, &error) ? store->driver->head(req, store, key, about) : error;
}

int objects_remove(tl_request *req, tl_store *store, const char *key)
{
    int error;
    return objects_may(req, store, key, &error) ? store->driver->remove(req, store, key) : error;
}

int objects_list(tl_request *req, tl_store *store, const char *prefix, const char *after, size_t limit,
                 tl_object_list *found)
{
    *found = (tl_object_list){0};
    if (req->cancelled || req->ended)
        return TL_CANCELLED;
    prefix = prefix ? prefix : "";
    if (strlen(prefix) > LONGEST_KEY || (after && strlen(after) > LONGEST_KEY) || limit == 0) {
        log_error(req->worker, req, "store %s: a list with a prefix or key that is too long, or of nothing",
                  objects_name(store));
        return TL_ERROR;
    }
    return store->driver->list(req, store, prefix, after && *after ? after : NULL,
                               limit < MOST_LISTED ? limit : MOST_LISTED, found);
}

int objects_copy(tl_request *req, tl_store *store, const char *from, const char *to, const tl_object_options *options)
{
    int error;
    tl_object_options complete;
    if (!objects_may(req, store, from, &error) || !objects_may(req, store, to, &error))
        return error;
    if (!options_complete(req, store, options, &complete))
        return TL_ERROR;
    return store->driver->copy(req, store, from, to, &complete);
}

const char *objects_presign(tl_request *req, tl_store *store, tl_method method, const char *key, int64_t seconds)
{
    if (!store->driver->presign || !is_key(req, store, key))
        return NULL;
    if ((method == TL_GET || method == TL_PUT) && seconds >= 1 && seconds <= LONGEST_PRESIGNED)
        return store->driver->presign(req, store, method, key, seconds);
    log_error(req->worker, req, "store %s: a URL can be signed for TL_GET or TL_PUT, and for 1 to %d seconds",
              objects_name(store), LONGEST_PRESIGNED);
    return NULL;
}

const char *objects_url(tl_request *req, tl_store *store, const char *key)
{
    return store->driver->url && is_key(req, store, key) ? store->driver->url(req, store, key) : NULL;
}

int objects_sweep(tl_request *req, tl_store *store, const char *prefix, int64_t seconds)
{
    return req->cancelled || req->ended ? TL_CANCELLED : store->driver->sweep(req, store, prefix, seconds);
}

int objects_check(tl_request *req, tl_store *store)
{
    return req->cancelled || req->ended ? TL_CANCELLED : store->driver->check(req, store);
}
