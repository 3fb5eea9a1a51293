/*
 * WebP: simple (VP8, VP8L), extended and animated. Chunks of RIFF up to the length that its head gives.
 */
#include "plugins/media/image_reader.h"

enum { FLAG_ANIMATION = 0x02 };

typedef struct chunk {
    const unsigned char *type;
    cursor data;
} chunk;

static bool take_chunk(cursor *from, chunk *c)
{
    c->type = cursor_take(from, 4);
    const unsigned char *length = c->type ? cursor_take(from, 4) : NULL;
    const unsigned char *data = length ? cursor_take(from, le32(length)) : NULL;
    if (!data)
        return false;
    c->data = (cursor){data, from->at};
    /* Odd chunks are padded; some writers leave that out at the end of a file. */
    return le32(length) % 2 == 0 || from->at == from->end || cursor_take(from, 1);
}

static bool is(const chunk *c, const char *type)
{
    return memcmp(c->type, type, 4) == 0;
}

static bool is_bitstream(const chunk *c)
{
    return is(c, "VP8 ") || is(c, "VP8L");
}

/* The size in the head of the compressed pixels. */
static bool read_bitstream(const chunk *c, uint32_t *width, uint32_t *height)
{
    const unsigned char *b = c->data.at;
    size_t length = cursor_left(&c->data);

    if (is(c, "VP8L")) {
        if (length < 5 || b[0] != 0x2f || b[4] >> 5 != 0)
            return false;
        uint32_t bits = le32(b + 1);
        *width = (bits & 0x3fff) + 1;
        *height = (bits >> 14 & 0x3fff) + 1;
        return true;
    }
    /* A key frame that is shown, its start code, and a first partition that fits. */
    if (length < 10 || (b[0] & 1) || !(b[0] & 0x10) || le24(b) >> 5 > length - 10 ||
        memcmp(b + 3, "\x9d\x01\x2a", 3) != 0)
        return false;
    *width = le16(b + 6) & 0x3fff;
    *height = le16(b + 8) & 0x3fff;
    return *width > 0 && *height > 0;
}

/* ANMF: where a frame is, and the chunks it is made of. */
static bool read_frame(const chunk *c, image *found)
{
    cursor data = c->data;
    const unsigned char *head = cursor_take(&data, 16);
    unsigned bitstreams = 0;
    chunk part;

    if (!head)
        return false;
    uint32_t width = le24(head + 6) + 1, height = le24(head + 9) + 1, own_width, own_height;
    if (2 * le24(head) + width > found->width || 2 * le24(head + 3) + height > found->height)
        return false;
    while (data.at < data.end) {
        if (!take_chunk(&data, &part))
            return false;
        if (!is_bitstream(&part))
            continue;
        if (++bitstreams > 1 || !read_bitstream(&part, &own_width, &own_height) || own_width != width ||
            own_height != height)
            return false;
    }
    found->frames++;
    return bitstreams == 1;
}

/* Behind VP8X: either frames, or one picture of the canvas' size. */
static bool read_extended(cursor *body, bool animated, image *found)
{
    uint32_t width, height;
    chunk c;

    while (body->at < body->end) {
        if (!take_chunk(body, &c) || is(&c, "VP8X"))
            return false;
        if (is(&c, "ANMF") && (!animated || !read_frame(&c, found)))
            return false;
        if (is_bitstream(&c) && (animated || ++found->frames > 1 || !read_bitstream(&c, &width, &height) ||
                                 width != found->width || height != found->height))
            return false;
    }
    return found->frames > 0;
}

bool webp_read(cursor file, image *found)
{
    const unsigned char *head = cursor_take(&file, 12);
    if (!head || le32(head + 4) < 4 || le32(head + 4) - 4 > cursor_left(&file))
        return false;
    cursor body = {file.at, file.at + le32(head + 4) - 4};
    file.at = body.end;
    uint32_t width, height;
    chunk c;
    if (!cursor_is_padding(&file) || !take_chunk(&body, &c))
        return false;
    if (is(&c, "VP8X")) {
        const unsigned char *extended = c.data.at;
        return cursor_left(&c.data) == 10 && image_set_size(found, le24(extended + 4) + 1, le24(extended + 7) + 1) &&
               read_extended(&body, extended[0] & FLAG_ANIMATION, found);
    }
    found->frames = 1;
    return is_bitstream(&c) && read_bitstream(&c, &width, &height) && body.at == body.end &&
           image_set_size(found, width, height);
}
