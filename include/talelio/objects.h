/*
 * Object storage: named stores, [store:NAME] in the ini file, on S3 or in a folder. The same calls behave the same on
 * both.
 *
 * Keys are UTF-8, 1 to 1024 bytes, without control characters, and not "." or ".." between slashes. Results live as
 * long as the request. All calls that may wait return TL_OK, TL_NOT_FOUND, TL_DENIED (refused by the storage: rights or
 * a wrong secret; the log says which), TL_UNAVAILABLE (away, stalled or overloaded after the retries), TL_CANCELLED or
 * TL_ERROR.
 */
#ifndef TALELIO_OBJECTS_H
#define TALELIO_OBJECTS_H

#include "base.h"
#include "http.h"

typedef struct tl_store tl_store;
typedef struct tl_upload tl_upload;
typedef struct tl_download tl_download;

typedef struct tl_object {
    const char *key;
    int64_t size;
    int64_t modified;         /* microseconds since 1970-01-01 UTC */
    const char *etag;         /* with its quotes, as an ETag header has it */
    const char *content_type; /* NULL in lists */
} tl_object;

typedef struct tl_object_list {
    const tl_object *items; /* in order of their keys' bytes */
    size_t count;
    const char *next; /* to go on behind this key; NULL at the end */
} tl_object_list;

/* How an object is kept. NULL where a call takes it: application/octet-stream, no Cache-Control, private. */
typedef struct tl_object_options {
    const char *content_type;
    const char *cache_control;
    bool is_public; /* anyone may read it by its plain URL, where the store allows that */
} tl_object_options;

typedef struct tl_objects_api {
    size_t struct_size;
    tl_store *(*store)(const char *name);
    int (*put)(tl_request *req, tl_store *store, const char *key, const void *bytes, size_t length,
               const tl_object_options *options);
    tl_upload *(*upload_begin)(tl_request *req, tl_store *store, const char *key, const tl_object_options *options,
                               int *error);
    int (*upload_write)(tl_request *req, tl_upload *upload, const void *bytes, size_t length);
    int (*upload_finish)(tl_request *req, tl_upload *upload);
    int (*upload_abort)(tl_request *req, tl_upload *upload);
    int (*get)(tl_request *req, tl_store *store, const char *key, size_t limit, const void **bytes, tl_object *about);
    tl_download *(*download_begin)(tl_request *req, tl_store *store, const char *key, int64_t offset, int64_t length,
                                   tl_object *about, int *error);
    int (*download_read)(tl_request *req, tl_download *download, const void **bytes, size_t *length);
    int (*head)(tl_request *req, tl_store *store, const char *key, tl_object *about);
    int (*remove)(tl_request *req, tl_store *store, const char *key);
    int (*list)(tl_request *req, tl_store *store, const char *prefix, const char *after, size_t limit,
                tl_object_list *found);
    int (*copy)(tl_request *req, tl_store *store, const char *from, const char *to, const tl_object_options *options);
    const char *(*presign)(tl_request *req, tl_store *store, tl_method method, const char *key, int64_t seconds);
    const char *(*url)(tl_request *req, tl_store *store, const char *key);
    int (*sweep)(tl_request *req, tl_store *store, const char *prefix, int64_t seconds);
} tl_objects_api;

/* A store of the ini file, for `init`; NULL when there is no [store:NAME]. Lives as long as the process. Does not wait.
 */
static inline tl_store *tl_store_named(const char *name)
{
    return tl_the_host->objects->store(name);
}

/*
 * Stores bytes under a key, in the place of what was there: whole or not at all. After TL_UNAVAILABLE or TL_CANCELLED
 * the storage has not answered, and may yet have done it, or do it in a moment; whoever must know asks, or deletes. May
 * wait.
 */
static inline int tl_object_put(tl_request *req, tl_store *store, const char *key, const void *bytes, size_t length,
                                const tl_object_options *options)
{
    return tl_the_host->objects->put(req, store, key, bytes, length, options);
}

/*
 * Stores a stream whose length is not known. The object appears with tl_upload_finish, or not at all: an upload that is
 * not finished when the request ends is aborted. NULL with `*error` when it cannot begin. May wait.
 */
static inline tl_upload *tl_upload_begin(tl_request *req, tl_store *store, const char *key,
                                         const tl_object_options *options, int *error)
{
    return tl_the_host->objects->upload_begin(req, store, key, options, error);
}

/* Appends. The bytes are free for reuse when it returns. At most one part (some MiB) is held in memory. May wait. */
static inline int tl_upload_write(tl_request *req, tl_upload *upload, const void *bytes, size_t length)
{
    return tl_the_host->objects->upload_write(req, upload, bytes, length);
}

/*
 * Makes the object appear. After TL_UNAVAILABLE or TL_CANCELLED as with tl_object_put, and what could not be taken back
 * is removed by tl_store_sweep; after another failure there is none, and nothing stays behind. May wait.
 */
static inline int tl_upload_finish(tl_request *req, tl_upload *upload)
{
    return tl_the_host->objects->upload_finish(req, upload);
}

/* Ends an upload without an object and waits until nothing of it is left. Also after a failed call. May wait. */
static inline int tl_upload_abort(tl_request *req, tl_upload *upload)
{
    return tl_the_host->objects->upload_abort(req, upload);
}

/* Reads a whole object of at most `limit` bytes into memory; TL_ERROR when it is larger. `about` may be NULL. May wait.
 */
static inline int tl_object_get(tl_request *req, tl_store *store, const char *key, size_t limit, const void **bytes,
                                tl_object *about)
{
    return tl_the_host->objects->get(req, store, key, limit, bytes, about);
}

/*
 * Reads a stream of `length` bytes from `offset` (length below 0: to the end). `about` tells of the whole object, and
 * is filled before the first byte. NULL with `*error`; TL_ERROR for a range that the object does not have. May wait.
 */
static inline tl_download *tl_download_begin(tl_request *req, tl_store *store, const char *key, int64_t offset,
                                             int64_t length, tl_object *about, int *error)
{
    return tl_the_host->objects->download_begin(req, store, key, offset, length, about, error);
}

/*
 * The next bytes, valid until the next call; `*length` 0 after the last. Reading slowly slows the storage down, memory
 * stays flat. A transfer that breaks off is an error, never a short end. May wait.
 */
static inline int tl_download_read(tl_request *req, tl_download *download, const void **bytes, size_t *length)
{
    return tl_the_host->objects->download_read(req, download, bytes, length);
}

/* What is known of an object. May wait. */
static inline int tl_object_head(tl_request *req, tl_store *store, const char *key, tl_object *about)
{
    return tl_the_host->objects->head(req, store, key, about);
}

/* Deletes; TL_OK also when there was none. May wait. */
static inline int tl_object_delete(tl_request *req, tl_store *store, const char *key)
{
    return tl_the_host->objects->remove(req, store, key);
}

/* Up to `limit` (1 to 1000) objects whose keys start with `prefix` and come behind `after` (NULL: from the start). May
 * wait. */
static inline int tl_object_list_keys(tl_request *req, tl_store *store, const char *prefix, const char *after,
                                      size_t limit, tl_object_list *found)
{
    return tl_the_host->objects->list(req, store, prefix, after, limit, found);
}

/* Copies within the storage. May wait. */
static inline int tl_object_copy(tl_request *req, tl_store *store, const char *from, const char *to,
                                 const tl_object_options *options)
{
    return tl_the_host->objects->copy(req, store, from, to, options);
}

/*
 * A URL that lets whoever has it TL_GET or TL_PUT this object for `seconds` (1 to 604800, AWS Signature Version 4).
 * NULL where the driver has none (`dir`). Does not wait.
 */
static inline const char *tl_object_presign(tl_request *req, tl_store *store, tl_method method, const char *key,
                                            int64_t seconds)
{
    return tl_the_host->objects->presign(req, store, method, key, seconds);
}

/*
 * The plain URL of an object, where anyone may read it that was stored as public. NULL where the driver has none
 * (`dir`). Does not wait.
 */
static inline const char *tl_object_url(tl_request *req, tl_store *store, const char *key)
{
    return tl_the_host->objects->url(req, store, key);
}

/*
 * Removes what uploads of processes that were killed have left behind below a prefix: such that were begun at least
 * `seconds` ago, which is longer than an upload of a living process takes. 0: all, for a caller who knows that none is
 * under way there. May wait.
 */
static inline int tl_store_sweep(tl_request *req, tl_store *store, const char *prefix, int64_t seconds)
{
    return tl_the_host->objects->sweep(req, store, prefix, seconds);
}

#endif
