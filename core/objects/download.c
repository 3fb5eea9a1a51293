/*
 * Streams out of a store: the driver brings bytes, and here they are counted, so that no short transfer passes for a
 * whole one.
 */
#include <stdlib.h>
#include <string.h>

#include "core/log/log.h"
#include "core/objects/options.h"

static void end(tl_download *d)
{
    if (!d->ended)
        d->store->driver->download_end(d->state);
    d->ended = true;
}

static void release(void *arg)
{
    end(arg);
    free(arg);
}

static int begin(tl_request *req, tl_download *d, const char *key, int64_t offset, int64_t length, tl_object *about)
{
    const store_driver *driver = d->store->driver;
    int result = driver->download_begin(req, d->store, key, offset, length, about, &d->state);
    if (result != TL_OK)
        return result;
    d->ended = false;
    d->left = length < 0 ? about->size - offset : length;
    if (offset <= about->size && d->left <= about->size - offset)
        return TL_OK;
    end(d);
    log_warning(req->worker, req, "store %s: a range that the object does not have", objects_name(d->store));
    return TL_ERROR;
}

tl_download *objects_download_begin(tl_request *req, tl_store *store, const char *key, int64_t offset, int64_t length,
                                    tl_object *about, int *error)
{
    tl_object unasked;
    about = about ? about : &unasked;
    *about = (tl_object){0};
    if (!objects_may(req, store, key, error))
        return NULL;
    tl_download *d = calloc(1, sizeof *d);
    *error = TL_ERROR;
    if (!d || offset < 0)
        goto failed;
    d->store = store;
    d->ended = true;
    *error = begin(req, d, key, offset, length, about);
    if (*error != TL_OK)
        goto failed;
    arena_defer(req->arena, release, d);
    return d;
failed:
    free(d);
    return NULL;
}

int objects_download_read(tl_request *req, tl_download *d, const void **bytes, size_t *length)
{
    *bytes = "";
    *length = 0;
    if (d->error != TL_OK || d->left == 0) {
        end(d);
        return d->error;
    }
    if (req->cancelled || req->ended)
        return TL_CANCELLED;
    d->error = d->store->driver->download_read(req, d->state, bytes, length);
    bool fits = *length > 0 && (int64_t)*length <= d->left;
    if (d->error == TL_OK && !fits) {
        log_warning(req->worker, req, "store %s: a transfer did not have the length that was promised",
                    objects_name(d->store));
        d->error = TL_ERROR;
    }
    if (d->error != TL_OK) {
        *bytes = "";
        *length = 0;
        end(d);
        return d->error;
    }
    d->left -= (int64_t)*length;
    return TL_OK;
}

int objects_get(tl_request *req, tl_store *store, const char *key, size_t limit, const void **bytes, tl_object *about)
{
    int error;
    tl_object seen;
    *bytes = NULL;
    if (about)
        *about = (tl_object){0};
    tl_download *d = objects_download_begin(req, store, key, 0, -1, &seen, &error);
    if (!d)
        return error;
    if ((uint64_t)seen.size > limit) {
        end(d);
        log_warning(req->worker, req, "store %s: an object of %lld bytes where at most %zu are read at once",
                    objects_name(store), (long long)seen.size, limit);
        return TL_ERROR;
    }
    unsigned char *all = arena_alloc_raw(req->arena, (size_t)seen.size + 1);
    const void *some;
    size_t count, used = 0;
    while ((error = objects_download_read(req, d, &some, &count)) == TL_OK && count > 0) {
        memcpy(all + used, some, count);
        used += count;
    }
    if (error != TL_OK)
        return error;
    all[used] = '\0';
    *bytes = all;
    if (about)
        *about = seen;
    return TL_OK;
}
