/*
 * WebP: simple (VP8, VP8L), extended and animated. Chunks of RIFF up to the length that its head gives; what lies
 * behind that is left out. EXIF comes behind the pixels, where no browser turns pictures by it.
 */
#include "plugins/media/image_reader.h"

enum { FLAG_ANIMATION = 0x02, FLAG_XMP = 0x04, FLAG_EXIF = 0x08 };

typedef struct chunk {
    const unsigned char *type;
    cursor data;
    const unsigned char *end; /* behind its padding */
} chunk;

typedef struct reading {
    image *found;
    bool keep_metadata;
    bool animated;
} reading;

static bool take_chunk(cursor *from, chunk *c)
{
    c->type = cursor_take(from, 4);
    const unsigned char *length = c->type ? cursor_take(from, 4) : NULL;
    const unsigned char *data = length ? cursor_take(from, le32(length)) : NULL;
    if (!data)
        return false;
    c->data = (cursor){data, from->at};
    /* Odd chunks are padded; some writers leave that out at the end of a file. */
    if (le32(length) % 2)
        cursor_take(from, 1);
    c->end = from->at;
    return true;
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

/* What the picture depends on; of the others, some tell of who made it, and any may. */
static bool is_shown_by(const chunk *c)
{
    return is(c, "VP8X") || is(c, "ICCP") || is(c, "ANIM") || is(c, "ANMF") || is(c, "ALPH") || is_bitstream(c);
}

/* With the padding of an odd length, also where the file's end lacks it. */
static void keep_chunk(reading *r, const chunk *c)
{
    size_t length = cursor_left(&c->data);

    if (!r->keep_metadata && !is_shown_by(c))
        return;
    output_keep(&r->found->kept, c->type, (size_t)(c->end - c->type));
    if (length % 2 && c->end == c->data.end)
        output_add(&r->found->kept, "", 1);
}

static void set_length(reading *r, size_t at, size_t length)
{
    const unsigned char bytes[] = {(unsigned char)length, (unsigned char)(length >> 8), (unsigned char)(length >> 16),
                                   (unsigned char)(length >> 24)};
    output_change(&r->found->kept, at, bytes, sizeof bytes);
}
/* ANMF: where a frame is, and the chunks it is made of. */
static bool read_frame(reading *r, const chunk *c)
{
    cursor data = c->data;
    const image *found = r->found;
    const unsigned char *head = cursor_take(&data, 16);
    size_t from = found->kept.length;
    unsigned bitstreams = 0;
    chunk part;

    if (!head)
        return image_refuse(r->found, "has a damaged frame");
    uint32_t width = le24(head + 6) + 1, height = le24(head + 9) + 1, own_width, own_height;
    if (2 * le24(head) + width > found->width || 2 * le24(head + 3) + height > found->height)
        return image_refuse(r->found, "has a frame that does not fit into it");
    output_keep(&r->found->kept, c->type, 8 + 16);
    while (data.at < data.end) {
        bool fine = take_chunk(&data, &part);
        if (fine && is_bitstream(&part))
            fine = ++bitstreams == 1 && read_bitstream(&part, &own_width, &own_height) && own_width == width &&
                   own_height == height;
        if (!fine)
            return image_refuse(r->found, "has a damaged frame");
        keep_chunk(r, &part);
    }
    set_length(r, from + 4, found->kept.length - from - 8);
    r->found->frames++;
    return bitstreams == 1 || image_refuse(r->found, "has a frame without pixels");
}

/* The picture of one that does not move. */
static bool read_still(reading *r, const chunk *c)
{
    uint32_t width, height;

    if (r->animated || ++r->found->frames > 1)
        return image_refuse(r->found, "has more than one picture");
    if (!read_bitstream(c, &width, &height) || width != r->found->width || height != r->found->height)
        return image_refuse(r->found, "has damaged pixels");
    keep_chunk(r, c);
    return true;
}

/* Behind VP8X: either frames, or one picture of the canvas' size. */
static bool read_extended(reading *r, cursor *body)
{
    chunk c;

    while (body->at < body->end) {
        if (!take_chunk(body, &c))
            return image_refuse_cut(r->found);
        bool is_frame = is(&c, "ANMF"), is_still = is_bitstream(&c);
        if (is(&c, "VP8X") || (is_frame && !r->animated))
            return image_refuse(r->found, "has a chunk in a wrong place");
        if ((is_frame && !read_frame(r, &c)) || (is_still && !read_still(r, &c)))
            return false;
        if (!is_frame && !is_still)
            keep_chunk(r, &c);
    }
    return r->found->frames > 0 || image_refuse(r->found, "has no pixels");
}

/* VP8X: flags and size of the canvas. */
static bool read_canvas(reading *r, const chunk *c)
{
    const unsigned char *canvas = c->data.at;

    if (cursor_left(&c->data) != 10)
        return image_refuse(r->found, "has a damaged head");
    unsigned char flags = r->keep_metadata ? canvas[0] : (unsigned char)(canvas[0] & ~(FLAG_EXIF | FLAG_XMP));
    size_t at = r->found->kept.length + 8;
    r->animated = canvas[0] & FLAG_ANIMATION;
    keep_chunk(r, c);
    output_change(&r->found->kept, at, &flags, 1);
    return image_set_size(r->found, le24(canvas + 4) + 1, le24(canvas + 7) + 1);
}

static bool read_simple(reading *r, const cursor *body, const chunk *c)
{
    uint32_t width, height;

    if (!is_bitstream(c) || !read_bitstream(c, &width, &height) || body->at < body->end)
        return image_refuse(r->found, "has damaged pixels, or chunks in wrong places");
    r->found->frames = 1;
    keep_chunk(r, c);
    return image_set_size(r->found, width, height);
}

bool webp_read(cursor file, bool keep_metadata, image *found)
{
    reading r = {.found = found, .keep_metadata = keep_metadata};
    const unsigned char *head = cursor_take(&file, 12);
    chunk c;

    if (le32(head + 4) < 4 || le32(head + 4) - 4 > cursor_left(&file))
        return image_refuse_cut(found);
    cursor body = {file.at, file.at + le32(head + 4) - 4};
    output_keep(&found->kept, head, 12);
    if (!take_chunk(&body, &c))
        return image_refuse_cut(found);
    bool fine = is(&c, "VP8X") ? read_canvas(&r, &c) && read_extended(&r, &body) : read_simple(&r, &body, &c);
    if (fine)
        set_length(&r, 4, found->kept.length - 8);
    return fine;
}
