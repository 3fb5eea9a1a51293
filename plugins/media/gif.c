/*
 * GIF (87a and 89a): the logical screen, then blocks up to the trailer.
 */
#include "plugins/media/image_reader.h"

enum { FRAME = ',', EXTENSION = '!', TRAILER = ';', CONTROL = 0xf9, APPLICATION = 0xff };

/* Sub-blocks up to the empty one. */
static bool skip_blocks(cursor *c)
{
    for (;;) {
        const unsigned char *size = cursor_take(c, 1);
        if (!size || !cursor_take(c, *size))
            return false;
        if (*size == 0)
            return true;
    }
}

static bool skip_colours(cursor *c, unsigned flags)
{
    return !(flags & 0x80) || cursor_take(c, (size_t)3 << ((flags & 7) + 1));
}

/* Behind its first byte. A frame may reach over the screen: viewers then show a larger one. There are screens of no
 * size at all. */
static bool read_frame(cursor *c, image *found)
{
    const unsigned char *block = c->at - 1, *frame = cursor_take(c, 9);
    if (!frame)
        return image_refuse_cut(found);
    uint32_t width = le16(frame + 4), height = le16(frame + 6);
    uint32_t right = le16(frame) + width, bottom = le16(frame + 2) + height;
    if (width == 0 || height == 0)
        return image_refuse(found, "has a frame without pixels");
    const unsigned char *code_size = skip_colours(c, frame[8]) ? cursor_take(c, 1) : NULL;
    if (!code_size)
        return image_refuse_cut(found);
    if (*code_size < 2 || *code_size > 8)
        return image_refuse(found, "has a frame whose pixels are damaged");
    if (!skip_blocks(c))
        return image_refuse_cut(found);
    output_keep(&found->kept, block, (size_t)(c->at - block));
    found->frames++;
    return image_set_size(found, right > found->width ? right : found->width,
                          bottom > found->height ? bottom : found->height);
}

/* Extensions that a picture is shown by: its timing and transparency, its loop and its colour profile. */
static bool is_shown_by(cursor extension)
{
    static const char *const applications[] = {"\013NETSCAPE2.0", "\013ANIMEXTS1.0", "\013ICCRGBG1012"};

    unsigned label = *extension.at++;
    for (size_t i = 0; label == APPLICATION && i < sizeof applications / sizeof *applications; i++)
        if (cursor_has(&extension, applications[i], 12))
            return true;
    return label == CONTROL;
}

/* Behind its first byte. */
static bool read_extension(cursor *c, bool keep_metadata, image *found)
{
    const unsigned char *block = c->at - 1, *label = cursor_take(c, 1);

    if (!label || !skip_blocks(c))
        return image_refuse_cut(found);
    if (keep_metadata || is_shown_by((cursor){label, c->at}))
        output_keep(&found->kept, block, (size_t)(c->at - block));
    return true;
}

static bool read_block(unsigned kind, cursor *c, bool keep_metadata, image *found)
{
    if (kind == EXTENSION)
        return read_extension(c, keep_metadata, found);
    return kind == FRAME ? read_frame(c, found) : image_refuse(found, "has a block that is none of GIF");
}

bool gif_read(cursor file, bool keep_metadata, image *found)
{
    const unsigned char *block, *start = file.at, *screen = cursor_take(&file, 13);

    if (!screen || !skip_colours(&file, screen[10]))
        return image_refuse_cut(found);
    found->width = le16(screen + 6);
    found->height = le16(screen + 8);
    output_keep(&found->kept, start, (size_t)(file.at - start));
    while ((block = cursor_take(&file, 1)) && *block != TRAILER) {
        /* Zeros are ends of sub-blocks too many; viewers pass over them. */
        if (*block != 0 && !read_block(*block, &file, keep_metadata, found))
            return false;
    }
    if (found->frames == 0)
        return image_refuse(found, "has no frame");
    /* What lies behind the trailer is left out; old files may lack it. */
    if (block)
        output_keep(&found->kept, block, 1);
    else
        output_add(&found->kept, ";", 1);
    return true;
}
