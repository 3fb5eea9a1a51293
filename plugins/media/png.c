/*
 * PNG, also animated: every chunk up to IEND with its checksum. Compressed pixels are taken as they are.
 */
#include "plugins/media/image_reader.h"

/* Colour types: a bit for those with colours, and the one whose pixels are numbers of a palette. */
enum { COLOUR = 2, PALETTE = 3 };

typedef struct chunk {
    const unsigned char *type; /* 4 bytes, then the data */
    cursor data;
} chunk;

typedef struct reading {
    image *found;
    unsigned colours; /* the header's colour type */
    bool palette;
    bool pixels;               /* IDAT has come … */
    bool done;                 /* … and something else behind it */
    uint32_t declared, frames; /* of an animation */
} reading;

/* The CRC of PNG, four bits at a time: a table of 64 bytes, and a file has 2 MiB. */
static uint32_t checksum(const unsigned char *bytes, size_t length)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                       0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static bool is_letter(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool take_chunk(cursor *file, chunk *c)
{
    const unsigned char *length = cursor_take(file, 4);
    if (!length || be32(length) > INT32_MAX)
        return false;
    c->type = cursor_take(file, 4);
    const unsigned char *data = c->type ? cursor_take(file, be32(length)) : NULL;
    const unsigned char *crc = data ? cursor_take(file, 4) : NULL;
    if (!crc || be32(crc) != checksum(c->type, 4 + (size_t)be32(length)))
        return false;
    c->data = (cursor){data, crc};
    return is_letter(c->type[0]) && is_letter(c->type[1]) && is_letter(c->type[2]) && is_letter(c->type[3]);
}

static bool is(const chunk *c, const char *type)
{
    return memcmp(c->type, type, 4) == 0;
}

/* Which depths each colour type may have, as bits. */
static bool is_depth(unsigned colours, unsigned depth)
{
    static const unsigned depths[] = {1 << 1 | 1 << 2 | 1 << 4 | 1 << 8 | 1 << 16,
                                      0,
                                      1 << 8 | 1 << 16,
                                      1 << 1 | 1 << 2 | 1 << 4 | 1 << 8,
                                      1 << 8 | 1 << 16,
                                      0,
                                      1 << 8 | 1 << 16};
    return colours < sizeof depths / sizeof *depths && depth <= 16 && depths[colours] & 1u << depth;
}

static bool read_header(reading *r, const chunk *c)
{
    const unsigned char *head = c->data.at;

    if (!is(c, "IHDR") || cursor_left(&c->data) != 13 || be32(head) > INT32_MAX || be32(head + 4) > INT32_MAX)
        return false;
    r->colours = head[9];
    if (!is_depth(head[9], head[8]) || head[10] != 0 || head[11] != 0 || head[12] > 1)
        return false;
    r->found->frames = 1;
    return image_set_size(r->found, be32(head), be32(head + 4));
}

static bool read_palette(reading *r, const chunk *c)
{
    size_t length = cursor_left(&c->data);
    bool fine = !r->palette && !r->pixels && length > 0 && length <= 768 && length % 3 == 0 && (r->colours & COLOUR);

    r->palette = true;
    return fine;
}

static bool read_pixels(reading *r)
{
    bool fine = !r->done && (r->colours != PALETTE || r->palette);

    r->pixels = true;
    return fine;
}

/* acTL says how many frames there are; each has an fcTL. */
static bool read_animation(reading *r, const chunk *c)
{
    if (cursor_left(&c->data) != 8 || r->declared > 0 || r->pixels)
        return false;
    r->declared = be32(c->data.at);
    return r->declared > 0;
}

static bool read_frame(reading *r, const chunk *c)
{
    const unsigned char *frame = c->data.at;

    if (cursor_left(&c->data) != 26)
        return false;
    uint64_t width = be32(frame + 4), height = be32(frame + 8), left = be32(frame + 12), top = be32(frame + 16);
    bool fits = width > 0 && height > 0 && left + width <= r->found->width && top + height <= r->found->height;
    return fits && ++r->frames <= r->declared;
}

static bool read_chunk(reading *r, const chunk *c)
{
    if (is(c, "IDAT"))
        return read_pixels(r);
    r->done = r->pixels;
    if (is(c, "PLTE"))
        return read_palette(r, c);
    if (is(c, "acTL"))
        return read_animation(r, c);
    if (is(c, "fcTL"))
        return read_frame(r, c);
    /* A chunk that must be understood (upper case) and is not. */
    return c->type[0] & 0x20;
}

bool png_read(cursor file, image *found)
{
    reading r = {.found = found};
    chunk c;

    cursor_take(&file, 8);
    if (!take_chunk(&file, &c) || !read_header(&r, &c))
        return false;
    for (;;) {
        if (!take_chunk(&file, &c))
            return false;
        if (is(&c, "IEND"))
            break;
        if (!read_chunk(&r, &c))
            return false;
    }
    if (r.declared > 0)
        found->frames = r.declared;
    return r.pixels && r.frames == r.declared && c.data.at == c.data.end && cursor_is_padding(&file);
}
