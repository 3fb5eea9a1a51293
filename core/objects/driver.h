/*
 * What a driver of object storage is, as the files of this folder share it. Keys, options and limits are checked before
 * a driver is called; the rest is its own.
 */
#ifndef CORE_OBJECTS_DRIVER_H
#define CORE_OBJECTS_DRIVER_H

#include "core/objects/objects.h"
#include "core/request/request.h"
#include "core/worker.h"

enum { LONGEST_KEY = 1024, LONGEST_OPTION = 255, MOST_LISTED = 1000 };

typedef struct store_driver store_driver;

struct tl_store {
    objects *objects;
    worker *worker;
    const store_settings *settings;
    const store_driver *driver;
    void *state;      /* the driver's, or NULL */
    const char *told; /* what the log was told last of this store … */
    char reason[48];  /* of the last refusal, in the storage's own word */
    int64_t told_at;  /* … and when, so that an outage does not fill it */
};

/* Bytes are collected into parts here; the driver gets whole parts. Outlives its request while it is being aborted. */
struct tl_upload {
    tl_store *store;
    char *key;
    tl_object_options options; /* complete, and its own */
    unsigned char *part;
    size_t used, size;
    bool failed;
    bool ended; /* nothing of it is left outside */
    void *state;
};

struct tl_download {
    tl_store *store;
    int64_t left; /* bytes that must still come */
    int error;    /* what it has ended with */
    bool ended;
    void *state;
};

/* All run on a fiber and may wait, unless they say otherwise. Results are those of talelio/objects.h. */
struct store_driver {
    size_t part; /* of uploads, in bytes */
    /* Make and free `state`; both do not wait. */
    bool (*open)(tl_store *store);
    void (*close)(tl_store *store);
    void (*recover)(tl_store *store); /* may block; NULL: nothing to do */
    int (*check)(tl_request *req, tl_store *store);
    int (*put)(tl_request *req, tl_store *store, const char *key, const void *bytes, size_t length,
               const tl_object_options *options);
    /* Stores a part; the first call makes `state`. */
    int (*upload_part)(tl_request *req, tl_upload *u, const void *bytes, size_t length);
    /* The last bytes, perhaps none; after TL_OK `state` is NULL. Not called when no part went before. */
    int (*upload_finish)(tl_request *req, tl_upload *u, const void *bytes, size_t length);
    /* Removes what is there; after TL_OK `state` is NULL. Not given up when the request is cancelled meanwhile. */
    int (*upload_discard)(tl_request *req, tl_upload *u);
    /* Frees `state`, of what could not be removed, too. Does not wait. */
    void (*upload_forget)(tl_upload *u);
    /* Fills `about` and makes `*state`. */
    int (*download_begin)(tl_request *req, tl_store *store, const char *key, int64_t offset, int64_t length,
                          tl_object *about, void **state);
    int (*download_read)(tl_request *req, void *state, const void **bytes, size_t *length);
    void (*download_end)(void *state); /* does not wait */
    int (*head)(tl_request *req, tl_store *store, const char *key, tl_object *about);
    int (*remove)(tl_request *req, tl_store *store, const char *key);
    /* `limit` is 1 to MOST_LISTED. */
    int (*list)(tl_request *req, tl_store *store, const char *prefix, const char *after, size_t limit,
                tl_object_list *found);
    int (*copy)(tl_request *req, tl_store *store, const char *from, const char *to, const tl_object_options *options);
    /* Left-overs of uploads that were begun `seconds` ago or earlier. */
    int (*sweep)(tl_request *req, tl_store *store, const char *prefix, int64_t seconds);
    /* Do not wait; NULL where the driver has none. */
    const char *(*presign)(tl_request *req, tl_store *store, tl_method method, const char *key, int64_t seconds);
    const char *(*url)(tl_request *req, tl_store *store, const char *key);
};

extern const store_driver dir_driver, s3_driver;

/* A warning about this store; the same one (`what` is compared as a pointer) at most once a second. */
void store_tell(tl_store *store, const tl_request *req, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* NULL when a key is fine; otherwise what is wrong with it. */
const char *key_problem(const char *key);

#endif
