/*
 * Object storage: the stores of the ini file, and what the plugins' table calls. As documented in talelio/objects.h;
 * how objects are kept is the drivers' business.
 */
#ifndef CORE_OBJECTS_OBJECTS_H
#define CORE_OBJECTS_OBJECTS_H

#include <talelio/objects.h>

struct worker;
typedef struct objects objects;

/*
 * Makes every store of the settings. Connects to nothing, and needs no memory for libcurl before the first call. NULL
 * without any [store:NAME].
 */
objects *objects_new(struct worker *w);

/* Clears away what killed processes have left. May block: for the start of a process, before it serves. */
void objects_recover(objects *o);

/* No request may be alive. */
void objects_free(objects *o);

size_t objects_count(const objects *o);
tl_store *objects_at(const objects *o, size_t index);
const char *objects_name(const tl_store *store);

/* The store of this name, or NULL. */
tl_store *objects_find(const objects *o, const char *name);

/* Asks a store once, without retries, whether it can be used: for readiness. */
int objects_check(tl_request *req, tl_store *store);

/* The storage's own word for its last refusal ("AccessDenied"), or "". */
const char *objects_reason(const tl_store *store);

/* As documented in talelio/objects.h. */
tl_store *objects_store(const char *name);
int objects_put(tl_request *req, tl_store *store, const char *key, const void *bytes, size_t length,
                const tl_object_options *options);
tl_upload *objects_upload_begin(tl_request *req, tl_store *store, const char *key, const tl_object_options *options,
                                int *error);
int objects_upload_write(tl_request *req, tl_upload *u, const void *bytes, size_t length);
int objects_upload_finish(tl_request *req, tl_upload *u);
int objects_upload_abort(tl_request *req, tl_upload *u);
int objects_get(tl_request *req, tl_store *store, const char *key, size_t limit, const void **bytes, tl_object *about);
tl_download *objects_download_begin(tl_request *req, tl_store *store, const char *key, int64_t offset, int64_t length,
                                    tl_object *about, int *error);
int objects_download_read(tl_request *req, tl_download *d, const void **bytes, size_t *length);
int objects_head(tl_request *req, tl_store *store, const char *key, tl_object *about);
int objects_remove(tl_request *req, tl_store *store, const char *key);
int objects_list(tl_request *req, tl_store *store, const char *prefix, const char *after, size_t limit,
                 tl_object_list *found);
int objects_copy(tl_request *req, tl_store *store, const char *from, const char *to, const tl_object_options *options);
const char *objects_presign(tl_request *req, tl_store *store, tl_method method, const char *key, int64_t seconds);
const char *objects_url(tl_request *req, tl_store *store, const char *key);
int objects_sweep(tl_request *req, tl_store *store, const char *prefix, int64_t seconds);

#endif
