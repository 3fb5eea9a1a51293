/*
 * A chunked body, one byte of framing at a time: so nothing depends on how the bytes were cut on the way.
 */
#include "core/http/chunks.h"

#include <string.h>

#include "core/http/path.h"

enum {
    SIZE,
    EXTENSION,
    SIZE_LF,
    CONTENT,
    CONTENT_CR,
    CONTENT_LF,
    TRAILER_START,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
};

/* Of a size: digits that count, and all of them with the zeros in front. */
enum { SIZE_DIGITS = 15, SIZE_LENGTH = 64, MAX_EXTRA = 8192 };

void chunks_reset(chunks *c)
{
    *c = (chunks){.state = SIZE};
}

static frame_status refuse(chunks *c, int status, const char *message)
{
    c->refusal = (frame_refusal){status, message};
    return FRAME_REFUSED;
}

static frame_status read_size(chunks *c, char byte)
{
    int digit = hex_digit(byte);
    if (digit >= 0) {
        if (++c->digits > SIZE_LENGTH)
            return refuse(c, 400, "Malformed chunk size");
        if (c->left >> 4 * (SIZE_DIGITS - 1))
            return refuse(c, 413, "The body is too large");
        c->left = c->left << 4 | (uint64_t)digit;
        return FRAME_MORE;
    }
    if (c->digits == 0 || (byte != '\r' && byte != ';'))
        return refuse(c, 400, "Malformed chunk size");
    c->state = byte == ';' ? EXTENSION : SIZE_LF;
    return FRAME_MORE;
}

/* Names and values of extensions and trailers mean nothing here; they only have to be harmless and few. */
static frame_status read_extra(chunks *c, char byte, int next)
{
    if (++c->extra > MAX_EXTRA)
        return refuse(c, 431, "The trailers are too large");
    if (byte == '\r')
        c->state = next;
    else if (!frame_is_value(&byte, 1))
        return refuse(c, 400, "Malformed chunk");
    return FRAME_MORE;
}

static frame_status read_trailer_name(chunks *c, char byte)
{
    if (++c->extra > MAX_EXTRA)
        return refuse(c, 431, "The trailers are too large");
    if (c->state == TRAILER_START && byte == '\r')
        c->state = END_LF;
    else if (frame_is_token(&byte, 1))
        c->state = TRAILER_NAME;
    else if (c->state == TRAILER_NAME && byte == ':')
        c->state = TRAILER_VALUE;
    else
        return refuse(c, 400, "Malformed trailer");
    return FRAME_MORE;
}

static frame_status expect(chunks *c, char byte, char expected, int next)
{
    if (byte != expected)
        return refuse(c, 400, "Malformed chunk");
    c->state = next;
    return FRAME_MORE;
}

static frame_status end_of_size(chunks *c, char byte, size_t limit, const buffer *body)
{
    if (c->left > limit || body->length > limit - c->left)
        return refuse(c, 413, "The body is too large");
    return expect(c, byte, '\n', c->left > 0 ? CONTENT : TRAILER_START);
}

static frame_status read_framing(chunks *c, char byte, size_t limit, const buffer *body)
{
    switch (c->state) {
    case SIZE:
        return read_size(c, byte);
    case EXTENSION:
        return read_extra(c, byte, SIZE_LF);
    case SIZE_LF:
        return end_of_size(c, byte, limit, body);
    case CONTENT_CR:
        return expect(c, byte, '\r', CONTENT_LF);
    case CONTENT_LF:
        c->digits = 0;
        return expect(c, byte, '\n', SIZE);
    case TRAILER_START:
    case TRAILER_NAME:
        return read_trailer_name(c, byte);
    case TRAILER_VALUE:
        return read_extra(c, byte, TRAILER_LF);
    case TRAILER_LF:
        return expect(c, byte, '\n', TRAILER_START);
    default: /* END_LF */
        return byte == '\n' ? FRAME_DONE : refuse(c, 400, "Malformed chunk");
    }
}

frame_status chunks_read(chunks *c, const char *bytes, size_t length, size_t limit, buffer *body, size_t *used)
{
    frame_status status = c->refusal.message ? FRAME_REFUSED : FRAME_MORE;
    size_t at = 0;
    while (status == FRAME_MORE && at < length) {
        if (c->state == CONTENT) {
            size_t n = length - at < c->left ? length - at : (size_t)c->left;
            buffer_add(body, bytes + at, n);
            at += n;
            c->left -= n;
            if (c->left == 0)
                c->state = CONTENT_CR;
        } else {
            status = read_framing(c, bytes[at++], limit, body);
        }
    }
    *used = at;
    return status;
}
