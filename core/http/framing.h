/*
 * Where one HTTP/1 request ends and what its head says, read strictly: whatever two readers could understand
 * differently is refused. Pure: no sockets, no libevent, no memory of its own. Bodies that come in chunks are in
 * chunks.h.
 */
#ifndef CORE_HTTP_FRAMING_H
#define CORE_HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_LINES = 100 };

typedef enum frame_method {
    FRAME_UNKNOWN,
    FRAME_GET,
    FRAME_HEAD,
    FRAME_POST,
    FRAME_PUT,
    FRAME_PATCH,
    FRAME_DELETE,
    FRAME_OPTIONS,
} frame_method;

typedef enum frame_status { FRAME_MORE, FRAME_DONE, FRAME_REFUSED } frame_status;

/* A piece of the head, by its place in it. */
typedef struct frame_span {
    uint32_t at;
    uint32_t length;
} frame_span;

typedef struct frame_line {
    frame_span name;
    frame_span value; /* without white space around it */
} frame_line;

typedef struct frame_limits {
    size_t request_line;
    size_t head; /* request line and all headers */
} frame_limits;

/* Why a request is refused. `message` is a constant; NULL when nothing is wrong. */
typedef struct frame_refusal {
    int status;
    const char *message;
} frame_refusal;

typedef struct frame {
    size_t scanned; /* no line ends before this */
    size_t line;    /* where the line that is being read starts */
    bool skipped_empty_line;
    bool has_request_line;
    frame_refusal refusal;
    size_t length; /* of the whole head, once it is done */

    frame_method method;
    frame_span method_text;
    frame_span target; /* as sent, but without "http://host" */
    frame_span path;   /* of the target; empty only after "http://host" */
    frame_span query;  /* behind the '?' */
    bool has_query;
    bool is_asterisk; /* "OPTIONS *" */
    int minor;        /* HTTP/1.minor */

    bool has_host;
    bool has_content_length;
    bool chunked;
    bool expect_continue;
    bool close;
    bool keep_alive;
    uint64_t content_length;
    size_t line_count;
    frame_line lines[FRAME_LINES]; /* last: frame_reset leaves it as it is */
} frame;

void frame_reset(frame *f);

/*
 * Reads on. `bytes` is everything of this request that has arrived; it may move between calls, and only grows. What
 * stands behind the head is not looked at.
 */
frame_status frame_head(frame *f, const char *bytes, size_t length, const frame_limits *limits);

/* The first header of that name from line `from` on, in any case; -1 when there is none. */
int frame_find(const frame *f, const char *bytes, const char *name, size_t from);

/*
 * The next element of a list with commas, without white space around it; empty ones are elements, too. `*at` is 0
 * before the first. False behind the last one.
 */
bool frame_list_next(const char *list, size_t length, size_t *at, frame_span *item);

/* Characters that names of methods, headers and cookies are made of (RFC 9110 token). */
bool frame_is_token(const char *text, size_t length);

/* What may stand in a header's value: no control characters but the tab. */
bool frame_is_value(const char *text, size_t length);

#endif
