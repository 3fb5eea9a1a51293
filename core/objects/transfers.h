/*
 * Private to transfer.c and transfers.c: a transfer as the loop sees it.
 */
#ifndef CORE_OBJECTS_TRANSFERS_H
#define CORE_OBJECTS_TRANSFERS_H

#include <curl/curl.h>
#include <sys/queue.h>

#include "core/objects/transfer.h"
#include "core/request/request.h"

struct event;

struct transfers {
    struct worker *worker;
    CURLM *multi; /* NULL until the first transfer */
    struct event *timer;
    struct event *watch; /* looks for stalled ones while there are any */
    struct event *kick;  /* goes on with those whose reader has come back */
    TAILQ_HEAD(, transfer) all;
};

typedef struct transfer_bytes {
    unsigned char *bytes;
    size_t length, size;
} transfer_bytes;

struct transfer {
    TAILQ_ENTRY(transfer) entry;
    transfers *owner;
    CURL *easy;
    struct curl_slist *headers;
    const unsigned char *body;
    size_t length, sent;
    int64_t stall_timeout;
    int64_t active_at; /* when a byte last came or went */
    size_t answer_limit;
    bool is_stream;
    bool has_headers; /* of the final answer */
    bool is_paused;   /* the reader is behind */
    bool is_kicked;   /* and has come back */
    bool is_added;    /* libcurl works on it */
    bool is_too_large;
    bool is_over;
    transfer_end end;      /* once it is over */
    transfer_bytes filled; /* the answer; of a stream what has not been read */
    transfer_bytes given;  /* what the reader looks at */
    waiter *wait;          /* who waits, or NULL */
    char error[CURL_ERROR_SIZE];
};

/* A new handle; libcurl starts when it is the first. NULL: out of memory. */
CURL *transfers_handle(transfers *all);

/* Lets libcurl work on it, or no longer. False: out of memory. */
bool transfers_add(transfer *t);
void transfers_remove(transfer *t);

/* Lets libcurl go on with a transfer that was paused, from the loop: its callbacks need more stack than a fiber has to
 * spare. */
void transfers_kick(transfer *t);

/* It is over; whoever waits goes on. Called from the loop, with libcurl done with it. */
void transfer_over(transfer *t, transfer_end end);

#endif
