/*
 * What the readers of the four formats share: a cursor that never leaves its bytes, and the checks of limits.
 */
#ifndef PLUGINS_MEDIA_IMAGE_READER_H
#define PLUGINS_MEDIA_IMAGE_READER_H

#include <stdbool.h>
#include <string.h>

#include "plugins/media/image.h"

typedef struct cursor {
    const unsigned char *at, *end;
} cursor;

/* Each reads a whole file of its format; `found->type` is set already. */
image_status gif_read(cursor file, const image_limits *limits, image *found);
image_status jpeg_read(cursor file, const image_limits *limits, image *found);
image_status png_read(cursor file, const image_limits *limits, image *found);
image_status webp_read(cursor file, const image_limits *limits, image *found);

static inline size_t cursor_left(const cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* The next `length` bytes, or NULL when there are not as many. */
static inline const unsigned char *cursor_take(cursor *c, size_t length)
{
    const unsigned char *taken = c->at;

    if (cursor_left(c) < length)
        return NULL;
    c->at += length;
    return taken;
}

static inline bool cursor_has(const cursor *c, const char *text, size_t length)
{
    return cursor_left(c) >= length && memcmp(c->at, text, length) == 0;
}

/* Only zero bytes are left. */
static inline bool cursor_is_padding(const cursor *c)
{
    return c->at == c->end || (*c->at == 0 && memcmp(c->at, c->at + 1, cursor_left(c) - 1) == 0);
}

static inline uint32_t le16(const unsigned char *b)
{
    return b[0] | (uint32_t)b[1] << 8;
}

static inline uint32_t le24(const unsigned char *b)
{
    return le16(b) | (uint32_t)b[2] << 16;
}

static inline uint32_t le32(const unsigned char *b)
{
    return le24(b) | (uint32_t)b[3] << 24;
}

static inline uint32_t be16(const unsigned char *b)
{
    return (uint32_t)b[0] << 8 | b[1];
}

static inline uint32_t be32(const unsigned char *b)
{
    return be16(b) << 16 | be16(b + 2);
}

/* Keeps the size of the picture; IMAGE_INVALID without any pixel. */
static inline image_status image_set_size(image *found, uint32_t width, uint32_t height, const image_limits *limits)
{
    found->width = width;
    found->height = height;
    if (width == 0 || height == 0)
        return IMAGE_INVALID;
    bool fits = width <= limits->max_width && height <= limits->max_height &&
                (uint64_t)width * height <= (uint64_t)limits->max_pixels;
    return fits ? IMAGE_OK : IMAGE_TOO_LARGE;
}

static inline image_status image_add_frame(image *found, const image_limits *limits)
{
    return ++found->frames > limits->max_frames ? IMAGE_TOO_LARGE : IMAGE_OK;
}

#endif
