/*
 * What clients send: heads and chunked bodies, one request behind the other. Whatever comes, the result must not depend
 * on how the bytes were cut on their way.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/chunks.h"
#include "core/http/framing.h"

enum { MAX_BODY = 1000 };

typedef struct outcome {
    frame_status head;
    frame_status body;
    frame_refusal refusal;
    size_t used;
    size_t lines;
    buffer content;
} outcome;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every piece is given in memory of its own, so that a read behind its end is seen. */
static char *copy_of(const char *bytes, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);
    if (!copy)
        abort();
    memcpy(copy, bytes, length);
    return copy;
}

static void check_spans(const frame *f)
{
    for (size_t i = 0; i < f->line_count; i++) {
        const frame_line *line = &f->lines[i];
        if (line->name.at + line->name.length >= f->length || line->value.at + line->value.length >= f->length)
            abort();
    }
    if (f->target.at + f->target.length >= f->length || f->query.at + f->query.length >= f->length)
        abort();
}

static void read_body(outcome *o, const frame *f, const char *bytes, size_t length, size_t step)
{
    chunks c;
    chunks_reset(&c);
    size_t at = f->length;
    while (o->body == FRAME_MORE && at < length) {
        size_t n = length - at < step ? length - at : step, used;
        char *copy = copy_of(bytes + at, n);
        o->body = chunks_read(&c, copy, n, MAX_BODY, &o->content, &used);
        free(copy);
        if (used > n || o->content.length > MAX_BODY)
            abort();
        at += used;
    }
    o->used = at;
    if (o->body == FRAME_REFUSED)
        o->refusal = c.refusal;
}

static outcome read_request(const char *bytes, size_t length, size_t step)
{
    static const frame_limits limits = {200, 1000};
    outcome o = {0};
    frame f;
    frame_reset(&f);
    for (size_t have = 0; o.head == FRAME_MORE && have < length;) {
        have = length - have < step ? length : have + step;
        char *copy = copy_of(bytes, have);
        o.head = frame_head(&f, copy, have, &limits);
        free(copy);
    }
    o.refusal = f.refusal;
    o.lines = f.line_count;
    if (o.head == FRAME_DONE) {
        check_spans(&f);
        o.used = f.length;
        if (f.chunked)
            read_body(&o, &f, bytes, length, step);
        else
            o.body = FRAME_DONE;
    }
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t step = data[0] % 64 + 1;
    const char *bytes = (const char *)data + 1;
    size_t left = size - 1;
    bool more = true;
    while (more && left > 0) {
        outcome whole = read_request(bytes, left, left), cut = read_request(bytes, left, step);
        /* A head that is too long may be told by its line or by its size, depending on what has come. */
        bool same_refusal = whole.refusal.status == cut.refusal.status ||
                            (whole.head == FRAME_REFUSED && cut.head == FRAME_REFUSED && left > 200);
        if (whole.head != cut.head || whole.body != cut.body || !same_refusal ||
            whole.content.length != cut.content.length)
            abort();
        if (whole.head == FRAME_DONE && (whole.used != cut.used || whole.lines != cut.lines))
            abort();
        if (whole.content.length > 0 && memcmp(whole.content.data, cut.content.data, whole.content.length) != 0)
            abort();
        more = whole.head == FRAME_DONE && whole.body == FRAME_DONE;
        bytes += whole.used;
        left -= whole.used;
        buffer_free(&whole.content);
        buffer_free(&cut.content);
    }
    return 0;
}
