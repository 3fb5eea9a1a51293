/*
 * What the files of this plugin share: its options, the routes' handlers, and how images stand in the database.
 */
#ifndef PLUGINS_MEDIA_MEDIA_H
#define PLUGINS_MEDIA_MEDIA_H

#include <talelio/talelio.h>

#include "plugins/media/image.h"

/* What a whole form may have, also in memory: files, boundaries and heads. */
enum { MEDIA_BODY_MAX = 33 * 1024 * 1024 };

/* A name never gets other bytes: it has a UUID in it. */
#define MEDIA_CACHE_CONTROL "public, max-age=31536000, immutable"

typedef struct media_options {
    const char *store_name;
    const char *api_url; /* as configured; its end is cut off at api_url_length */
    int api_url_length;  /* without slashes at the end */
    int64_t max_file_size;
    int64_t max_files;
    const char *metadata; /* "strip" or "keep" */
    image_rules rules;
    const char *sweep_schedule;
    tl_store *store;
} media_options;

extern media_options the_media;

/* The handlers, each in a file of its own: upload.c, download.c, remove.c, list.c; the command: fsck.c; the job:
 * remains.c. */
tl_handler upload_images;
tl_handler download_image;
tl_handler remove_image;
tl_handler list_images;
int media_command(tl_request *req, int argc, char **argv);
int media_sweep(tl_request *req);

/* adopt.c */
extern const tl_media_v1 media_service;

/* images.c */

/* The key of an image's object. */
const char *image_key(tl_request *req, int64_t user_id, const char *file);
/* The address where this API serves it. */
const char *image_url(tl_request *req, const char *username, const char *file);
/* "{a,b,c}" for `$n::text[]`; the items need no quotes. */
const char *text_array(tl_request *req, const char *const *items, size_t count);

/* Answers 404 for the image that the path names. */
int fail_no_image(tl_request *req);
/* Answers for storage that has failed: 503 when it is away, 502 when it refuses or does not make sense. */
int fail_storage(tl_request *req, int error);

#endif
