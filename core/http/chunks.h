/*
 * A chunked body, decoded as it comes. Extensions and trailers are checked, bounded and dropped. Pure, like framing.h.
 */
#ifndef CORE_HTTP_CHUNKS_H
#define CORE_HTTP_CHUNKS_H

#include "core/http/buffer.h"
#include "core/http/framing.h"

typedef struct chunks {
    int state;
    unsigned digits; /* of the size that is being read */
    uint64_t left;   /* bytes of this chunk that are to come */
    size_t extra;    /* bytes of extensions so far, and of trailers */
    frame_refusal refusal;
} chunks;

void chunks_reset(chunks *c);

/*
 * Reads on, appending what is content to `body`, which may grow to `limit` bytes. `*used` of the bytes belong to this
 * body; with FRAME_DONE the next request starts behind them.
 */
frame_status chunks_read(chunks *c, const char *bytes, size_t length, size_t limit, buffer *body, size_t *used);

#endif
