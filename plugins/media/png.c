/*
 * PNG, also animated: every chunk up to IEND with its checksum. Compressed pixels are taken as they are. What lies
 * behind IEND is left out.
 */
#include "plugins/media/exif.h"
#include "plugins/media/image_reader.h"

/* Colour types: a bit for those with colours, and the one whose pixels are numbers of a palette. */
enum { COLOUR = 2, PALETTE = 3 };

static const char wrong_checksum[] = "has a chunk with a wrong checksum";

typedef struct chunk {
    const unsigned char *type; /* 4 bytes, then the data */
    cursor data;
    bool sound; /* its checksum is right */
} chunk;

typedef struct reading {
    image *found;
    bool keep_metadata;
    unsigned colours; /* the header's colour type */
    bool palette;
    bool pixels;               /* IDAT has come … */
    bool done;                 /* … and something else behind it */
    uint32_t declared, frames; /* of an animation */
    unsigned orientation;      /* 0: EXIF has not come */
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

static bool next_chunk(cursor *file, chunk *c)
{
    const unsigned char *length = cursor_take(file, 4);
    if (!length || be32(length) > INT32_MAX)
        return false;
    c->type = cursor_take(file, 4);
    const unsigned char *data = c->type ? cursor_take(file, be32(length)) : NULL;
    const unsigned char *crc = data ? cursor_take(file, 4) : NULL;
    if (!crc)
        return false;
    c->sound = be32(crc) == checksum(c->type, 4 + (size_t)be32(length));
    c->data = (cursor){data, crc};
    return is_letter(c->type[0]) && is_letter(c->type[1]) && is_letter(c->type[2]) && is_letter(c->type[3]);
}

static bool is(const chunk *c, const char *type)
{
    return memcmp(c->type, type, 4) == 0;
}

static bool is_one_of(const chunk *c, const char *const *types, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is(c, types[i]))
            return true;
    return false;
}

/* Lower case: pictures are shown without it. */
static bool is_ancillary(const chunk *c)
{
    static const char *const animation[] = {"acTL", "fcTL", "fdAT"};

    return (c->type[0] & 0x20) && !is_one_of(c, animation, sizeof animation / sizeof *animation);
}

/* What the picture depends on; of the others, some tell of who made it, and any may. */
static bool is_shown_by(const chunk *c)
{
    static const char *const types[] = {"tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "cICP", "mDCV",
                                        "cLLI", "sBIT", "bKGD", "hIST", "pHYs", "sPLT"};

    return !is_ancillary(c) || is_one_of(c, types, sizeof types / sizeof *types);
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

    if (!is(c, "IHDR") || cursor_left(&c->data) != 13)
        return image_refuse(r->found, "does not begin with the header of a PNG");
    if (be32(head) > INT32_MAX || be32(head + 4) > INT32_MAX)
        return image_refuse(r->found, "has a size that no PNG has");
    r->colours = head[9];
    if (!is_depth(head[9], head[8]) || head[10] != 0 || head[11] != 0 || head[12] > 1)
        return image_refuse(r->found, "has colours or a compression that no PNG has");
    return image_set_size(r->found, be32(head), be32(head + 4));
}

static bool read_palette(reading *r, const chunk *c)
{
    size_t length = cursor_left(&c->data);
    bool fine = !r->palette && !r->pixels && length > 0 && length <= 768 && length % 3 == 0 && (r->colours & COLOUR);

    r->palette = true;
    return fine || image_refuse(r->found, "has a palette that is wrong, or in a wrong place");
}

static bool read_pixels(reading *r)
{
    if (r->done)
        return image_refuse(r->found, "has something between its pixels");
    r->pixels = true;
    return r->colours != PALETTE || r->palette || image_refuse(r->found, "lacks its palette");
}

/* acTL says how many frames there are; each has an fcTL. */
static bool read_animation(reading *r, const chunk *c)
{
    if (cursor_left(&c->data) != 8 || r->declared > 0 || r->pixels || be32(c->data.at) == 0)
        return image_refuse(r->found, "has a damaged animation");
    r->declared = be32(c->data.at);
    return true;
}

static bool read_frame(reading *r, const chunk *c)
{
    const unsigned char *frame = c->data.at;

    if (cursor_left(&c->data) != 26)
        return image_refuse(r->found, "has a damaged animation");
    uint64_t width = be32(frame + 4), height = be32(frame + 8), left = be32(frame + 12), top = be32(frame + 16);
    if (width == 0 || height == 0 || left + width > r->found->width || top + height > r->found->height)
        return image_refuse(r->found, "has a frame that does not fit into it");
    return ++r->frames <= r->declared || image_refuse(r->found, "has more frames than it says");
}

/* Of a chunk that is not left out because its checksum is wrong. */
static bool read_chunk(reading *r, const chunk *c)
{
    if (is(c, "IDAT"))
        return read_pixels(r);
    if (is(c, "PLTE"))
        return read_palette(r, c);
    if (is(c, "acTL"))
        return read_animation(r, c);
    if (is(c, "fcTL"))
        return read_frame(r, c);
    if (is(c, "IEND") && c->data.at < c->data.end)
        return image_refuse(r->found, "has a damaged end");
    return (c->type[0] & 0x20) || is(c, "IEND") || image_refuse(r->found, "has a chunk that is none of PNG");
}

/* Browsers turn a picture by what they have read before its pixels. */
static bool read_exif(reading *r, const chunk *c)
{
    if (!is(c, "eXIf") || r->orientation || r->pixels)
        return false;
    r->orientation = exif_orientation(c->data.at, cursor_left(&c->data));
    return true;
}

static void keep_orientation(reading *r)
{
    unsigned char exif[4 + 4 + EXIF_SMALLEST + 4] = {0, 0, 0, EXIF_SMALLEST, 'e', 'X', 'I', 'f'};

    exif_write(r->orientation, exif + 8);
    uint32_t crc = checksum(exif + 4, 4 + EXIF_SMALLEST);
    for (size_t i = 0; i < 4; i++)
        exif[8 + EXIF_SMALLEST + i] = (unsigned char)(crc >> (24 - 8 * i));
    if (r->orientation > 1)
        output_add(&r->found->kept, exif, sizeof exif);
}

static void keep_chunk(reading *r, const chunk *c)
{
    bool is_first_exif = read_exif(r, c);

    if (r->keep_metadata || is_shown_by(c))
        output_keep(&r->found->kept, c->type - 4, (size_t)(c->data.end + 4 - (c->type - 4)));
    else if (is_first_exif)
        keep_orientation(r);
}

/* A chunk with a wrong checksum is left out where browsers do without it. */
static bool take_chunk(cursor *file, reading *r, chunk *c)
{
    if (!next_chunk(file, c))
        return image_refuse_cut(r->found);
    if (!is(c, "IDAT"))
        r->done = r->pixels;
    if (!c->sound)
        return is_ancillary(c) || image_refuse(r->found, wrong_checksum);
    if (!read_chunk(r, c))
        return false;
    keep_chunk(r, c);
    return true;
}

bool png_read(cursor file, bool keep_metadata, image *found)
{
    reading r = {.found = found, .keep_metadata = keep_metadata};
    chunk c;

    output_keep(&found->kept, cursor_take(&file, 8), 8);
    if (!next_chunk(&file, &c))
        return image_refuse_cut(found);
    if (!c.sound)
        return image_refuse(found, wrong_checksum);
    if (!read_header(&r, &c))
        return false;
    keep_chunk(&r, &c);
    do
        if (!take_chunk(&file, &r, &c))
            return false;
    while (!is(&c, "IEND"));
    if (!r.pixels)
        return image_refuse(found, "has no pixels");
    /* Browsers show the frames that there are. */
    found->frames = r.frames > 0 ? r.frames : 1;
    if (exif_turns(r.orientation))
        image_set_size(found, found->height, found->width);
    return true;
}
