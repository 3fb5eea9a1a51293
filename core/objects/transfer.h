/*
 * HTTP requests of a fiber, by libcurl on the worker's loop. Knows nothing of S3: it sends what it is given and says
 * what came back.
 *
 * libcurl starts with the first transfer, so a worker that makes none pays nothing for it.
 */
#ifndef CORE_OBJECTS_TRANSFER_H
#define CORE_OBJECTS_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talelio/talelio.h>

struct worker;
typedef struct transfers transfers;
typedef struct transfer transfer;

/* NULL: out of memory. */
transfers *transfers_new(struct worker *w);
/* None may be under way. */
void transfers_free(transfers *all);

typedef struct transfer_plan {
    const char *method;
    const char *url;            /* encoded; nothing is added to it or taken away */
    const char *const *headers; /* "Name: value", exactly these and Content-Length; NULL-ended */
    const void *body;           /* sent with PUT and POST; stays where it is until the end */
    size_t length;
    const char *ca_file; /* NULL or "": the system's */
    int64_t connect_timeout;
    int64_t stall_timeout; /* the longest time without a byte to or from the server */
    size_t answer_limit;   /* of what is kept in memory */
    bool is_stream;        /* the body of a 2xx answer is read with transfer_read */
} transfer_plan;

typedef enum transfer_end {
    TRANSFER_DONE,       /* the whole answer is there */
    TRANSFER_NO_CONNECT, /* nothing was sent */
    TRANSFER_STALLED,
    TRANSFER_BROKEN,    /* the connection ended too early, or TLS failed on the way */
    TRANSFER_UNTRUSTED, /* the server's certificate is not to be trusted, or ca_file cannot be read */
    TRANSFER_TOO_LARGE, /* more than answer_limit */
    TRANSFER_CANCELLED
} transfer_end;

/* Starts it; the plan's strings are copied, the body is not. NULL: out of memory. Does not wait. */
transfer *transfer_start(transfers *all, const transfer_plan *plan);

/*
 * Waits for the end, or of a stream for its headers. With `insist` it goes on when the request is cancelled. After
 * TRANSFER_DONE of a stream with a 2xx status the body is still to be read.
 */
transfer_end transfer_wait(transfer *t, tl_request *req, bool insist);

/*
 * The next bytes of a stream, valid until the next call; `*length` 0 at its end. Slow readers stop the server: at most
 * 256 KiB are kept.
 */
transfer_end transfer_read(transfer *t, tl_request *req, const void **bytes, size_t *length);

int transfer_status(const transfer *t);
/* A header of the answer, or NULL. Lives as long as the transfer. */
const char *transfer_header(const transfer *t, const char *name);
/* What was kept, NUL behind it. */
const char *transfer_answer(const transfer *t, size_t *length);
/* What libcurl says of the failure, for the log. */
const char *transfer_error(const transfer *t);

/* Also ends one that is under way. NULL is allowed. */
void transfer_free(transfer *t);

#endif
