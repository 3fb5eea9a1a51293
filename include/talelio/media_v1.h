/*
 * The service "media.v1": images that others bring, as if their owners had uploaded them.
 */
#ifndef TALELIO_MEDIA_V1_H
#define TALELIO_MEDIA_V1_H

#include "objects.h"

#define TL_MEDIA_V1 "media.v1"

/* An object that is to become an image of a user, under a file name that it has already. */
typedef struct tl_media_find {
    size_t struct_size;
    tl_store *store;         /* where it is now; may be the one that keeps the images */
    const tl_object *object; /* as a list has it; its time becomes the image's */
    int64_t user_id;
    const char *file;
    bool dry_run; /* nothing is changed: what would come of it */
} tl_media_find;

typedef enum tl_media_outcome {
    TL_MEDIA_TAKEN,   /* it is an image now */
    TL_MEDIA_PRESENT, /* it was one before */
    TL_MEDIA_REFUSED, /* it cannot be one */
} tl_media_outcome;

typedef struct tl_media_v1 {
    size_t struct_size;
    /*
     * Examines the object as an upload is examined, copies it to the store of images unless it is there, and makes its
     * row. Interrupted and called again it ends the same; it never removes anything. With TL_MEDIA_REFUSED `problem`
     * says why, in words for the operator. TL_OK, and below zero when storage or database failed, with nothing of the
     * image to be seen: TL_NOT_FOUND, TL_DENIED, TL_UNAVAILABLE, TL_CANCELLED, TL_ERROR. May wait.
     */
    int (*adopt)(tl_request *req, const tl_media_find *find, tl_media_outcome *outcome, const char **problem);
    /* The address where this API serves an image. Lives as long as the request. Does not wait. */
    const char *(*address)(tl_request *req, const char *username, const char *file);
} tl_media_v1;

#endif
