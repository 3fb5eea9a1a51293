/*
 * The driver `s3`, as its files share it: the state of a store, and calls to its bucket.
 */
#ifndef CORE_OBJECTS_S3_H
#define CORE_OBJECTS_S3_H

#include "core/objects/credentials.h"
#include "core/objects/driver.h"
#include "core/objects/s3_xml.h"
#include "core/objects/sigv4.h"
#include "core/objects/slots.h"
#include "core/objects/transfer.h"

enum {
    S3_PARAMETERS = 6,
    S3_HEADERS = 8,
    S3_ERROR_LIMIT = 64 * 1024,
    S3_LIST_LIMIT = 8 << 20, /* a thousand of the longest keys, each byte encoded */
};

typedef struct s3 {
    tl_store *store;
    transfers *transfers;
    credentials *credentials;
    slots slots;      /* as many transfers at once as [store:…] connections */
    const char *host; /* as the Host header has it */
    const char *base; /* of URLs: https://host */
    const char *path; /* in front of a key: "/" or "/bucket/" */
    int64_t seen_at;  /* loop_now() when the bucket last answered like one that exists; 0: never */
    bool has_no_acls; /* it refuses ACLs: rights come from its policy alone */
    arena *memory;
} s3;

/* One request to the bucket, with its repetitions. */
typedef struct s3_call {
    const char *method;
    const char *key; /* NULL: the bucket itself */
    sigv4_pair query[S3_PARAMETERS];
    size_t query_count;
    sigv4_pair headers[S3_HEADERS]; /* names in lower case; host and x-amz-date and the like are added */
    size_t header_count;
    const void *body;
    size_t length;
    size_t answer_limit; /* 0: S3_ERROR_LIMIT */
    bool is_stream;
    bool is_once;      /* no second attempt */
    bool is_told_once; /* not after it was sent and no answer came: it may have been done */
    bool insists;      /* goes on when the request is cancelled */
    bool is_quiet;     /* whoever calls will find out more */
    /* What came back. */
    s3 *s3;
    tl_request *req;
    arena *scratch; /* until s3_end */
    transfer *transfer;
    bool has_slot;
    int status; /* 0: no answer */
    int attempts;
    const char *code;  /* of an error, or "" */
    s3_answer *answer; /* of an answer in XML, or NULL */
    char payload[SIGV4_HASH];
    sigv4_keys keys;
} s3_call;

/* Appends; the strings stay the caller's until s3_end. */
void s3_parameter(s3_call *c, const char *name, const char *value);
void s3_header(s3_call *c, const char *name, const char *value);

/* Signs, sends, repeats what may be repeated, and tells the log why it failed. s3_end is due in any case. */
int s3_run(tl_request *req, tl_store *store, s3_call *c);
void s3_end(s3_call *c);

/* s3_run and s3_end. */
int s3_do(tl_request *req, tl_store *store, s3_call *c);

/* The URL's path of a key, encoded. */
const char *s3_path(arena *a, const s3 *s, const char *key);

/* What a refusal means; *again: another attempt may help. Tells the log unless `is_quiet`. */
int s3_judge(s3_call *c, transfer_end end, bool *again);

/* s3_run with the headers that say how an object is to be kept. */
int s3_run_described(tl_request *req, tl_store *store, s3_call *c, const tl_object_options *options);

/* Fills `about` from the headers of an answer; false when they are not those of an object. */
bool s3_about(tl_request *req, const transfer *t, const char *key, tl_object *about);

/* A header of objects that were uploaded in parts, by which they are known again. */
#define S3_MARK "x-amz-meta-upload"

/* The calls of the driver that have files of their own. `mark` may be NULL. */
int s3_head(tl_request *req, tl_store *store, const char *key, tl_object *about, const char **mark);
int s3_upload_part(tl_request *req, tl_upload *u, const void *bytes, size_t length);
int s3_upload_finish(tl_request *req, tl_upload *u, const void *bytes, size_t length);
int s3_upload_discard(tl_request *req, tl_upload *u);
void s3_upload_forget(tl_upload *u);
int s3_sweep(tl_request *req, tl_store *store, const char *prefix, int64_t seconds);
int s3_download_begin(tl_request *req, tl_store *store, const char *key, int64_t offset, int64_t length,
                      tl_object *about, void **state);
int s3_download_read(tl_request *req, void *state, const void **bytes, size_t *length);
void s3_download_end(void *state);

#endif
