/*
 * What the readers of the four formats share: a cursor that never leaves its bytes, and how they refuse.
 */
#ifndef PLUGINS_MEDIA_IMAGE_READER_H
#define PLUGINS_MEDIA_IMAGE_READER_H

#include <stdbool.h>
#include <string.h>

#include "plugins/media/image.h"

typedef struct cursor {
    const unsigned char *at, *end;
} cursor;

/*
 * Each reads a whole file of its format into `found`, which has its type and an empty output already, and keeps there
 * what belongs to the picture; false, with the problem, when it is none.
 */
bool gif_read(cursor file, bool keep_metadata, image *found);
bool jpeg_read(cursor file, bool keep_metadata, image *found);
bool png_read(cursor file, bool keep_metadata, image *found);
bool webp_read(cursor file, bool keep_metadata, image *found);

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

/* False. `problem` follows the file's name in a sentence. */
static inline bool image_refuse(image *found, const char *problem)
{
    found->problem = problem;
    return false;
}

/* The file ends before its picture does. */
static inline bool image_refuse_cut(image *found)
{
    return image_refuse(found, "is cut off");
}

/* Notes the size of the picture; false without any pixel. */
static inline bool image_set_size(image *found, uint32_t width, uint32_t height)
{
    found->width = width;
    found->height = height;
    return (width > 0 && height > 0) || image_refuse(found, "has no pixels");
}

#endif
