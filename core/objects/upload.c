/*
 * Streams into a store: bytes are collected into parts of the size that the driver likes, so that a stream that fits
 * into one part is an ordinary put. What is not finished when the request ends is removed by a request of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "core/log/log.h"
#include "core/objects/options.h"

enum { FIRST_SIZE = 65536 };

static void upload_free(tl_upload *u)
{
    if (u->state)
        u->store->driver->upload_forget(u);
    free(u->part);
    free(u->key);
    free((char *)u->options.content_type);
    free((char *)u->options.cache_control);
    free(u);
}

static int discard(tl_request *req, tl_upload *u)
{
    int result = u->state ? u->store->driver->upload_discard(req, u) : TL_OK;
    u->failed = true;
    u->ended = result == TL_OK;
    return result;
}

static void discard_and_free(tl_request *req, void *arg)
{
    discard(req, arg);
    upload_free(arg);
}

/* At the end of the request: it may have been cancelled, and its clean-ups cannot wait. */
static void release(void *arg)
{
    tl_upload *u = arg;
    worker *w = u->store->worker;
    if (u->ended || !u->state) {
        upload_free(u);
        return;
    }
    tl_request *cleaner = request_new(w, 0);
    if (cleaner && request_start(cleaner, discard_and_free, u))
        return;
    log_warning(w, NULL, "store %s: an upload that was not finished could not be removed", objects_name(u->store));
    upload_free(u);
}

tl_upload *objects_upload_begin(tl_request *req, tl_store *store, const char *key, const tl_object_options *options,
                                int *error)
{
    tl_object_options complete;
    if (!objects_may(req, store, key, error))
        return NULL;
    *error = TL_ERROR;
    if (!options_complete(req, store, options, &complete))
        return NULL;
    tl_upload *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    u->store = store;
    u->key = strdup(key);
    u->options.content_type = strdup(complete.content_type);
    u->options.cache_control = strdup(complete.cache_control);
    u->options.is_public = complete.is_public;
    if (!u->key || !u->options.content_type || !u->options.cache_control) {
        upload_free(u);
        return NULL;
    }
    arena_defer(req->arena, release, u);
    *error = TL_OK;
    return u;
}

/* Room for at least one more byte, up to a part. */
static bool make_room(tl_upload *u)
{
    size_t most = u->store->driver->part;
    if (u->used < u->size)
        return true;
    size_t size = u->size == 0 ? FIRST_SIZE : u->size * 4;
    unsigned char *larger = realloc(u->part, size < most ? size : most);
    if (!larger)
        return false;
    u->part = larger;
    u->size = size < most ? size : most;
    return true;
}

int objects_upload_write(tl_request *req, tl_upload *u, const void *bytes, size_t length)
{
    const unsigned char *from = bytes;
    if (u->failed || u->ended)
        return req->cancelled ? TL_CANCELLED : TL_ERROR;
    while (length > 0) {
        int result = TL_OK;
        if (u->used == u->store->driver->part) {
            result = u->store->driver->upload_part(req, u, u->part, u->used);
            u->used = 0;
        }
        if (result == TL_OK && !make_room(u))
            result = TL_UNAVAILABLE;
        if (result != TL_OK) {
            u->failed = true;
            return result;
        }
        size_t count = u->size - u->used < length ? u->size - u->used : length;
        memcpy(u->part + u->used, from, count);
        u->used += count;
        from += count;
        length -= count;
    }
    return TL_OK;
}

int objects_upload_finish(tl_request *req, tl_upload *u)
{
    if (u->failed || u->ended)
        return req->cancelled ? TL_CANCELLED : TL_ERROR;
    const store_driver *driver = u->store->driver;
    int result = req->cancelled ? TL_CANCELLED
                 : u->state     ? driver->upload_finish(req, u, u->part, u->used)
                                : driver->put(req, u->store, u->key, u->part, u->used, &u->options);
    free(u->part);
    u->part = NULL;
    u->used = u->size = 0;
    u->ended = result == TL_OK;
    /* A cancelled request cannot wait for this: `release` sees to it. */
    if (result != TL_OK && !req->cancelled)
        discard(req, u);
    u->failed = result != TL_OK;
    return result;
}

int objects_upload_abort(tl_request *req, tl_upload *u)
{
    if (u->ended)
        return TL_OK;
    if (req->cancelled || req->ended)
        return TL_CANCELLED;
    return discard(req, u);
}
