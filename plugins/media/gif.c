/*
 * GIF (87a and 89a): the logical screen, then blocks up to the trailer.
 */
#include "plugins/media/image_reader.h"

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

/* A frame may reach over the screen: viewers then show a larger one. */
static bool read_frame(cursor *c, image *found)
{
    const unsigned char *frame = cursor_take(c, 9);
    if (!frame)
        return false;
    uint32_t width = le16(frame + 4), height = le16(frame + 6);
    uint32_t right = le16(frame) + width, bottom = le16(frame + 2) + height;
    if (width == 0 || height == 0 || !skip_colours(c, frame[8]))
        return false;
    const unsigned char *code_size = cursor_take(c, 1);
    if (!code_size || *code_size < 2 || *code_size > 8 || !skip_blocks(c))
        return false;
    found->frames++;
    return image_set_size(found, right > found->width ? right : found->width,
                          bottom > found->height ? bottom : found->height);
}

bool gif_read(cursor file, image *found)
{
    const unsigned char *screen = cursor_take(&file, 13);
    if (!screen || !image_set_size(found, le16(screen + 6), le16(screen + 8)) || !skip_colours(&file, screen[10]))
        return false;
    for (;;) {
        const unsigned char *block = cursor_take(&file, 1);
        if (!block) /* old files may lack the trailer */
            return found->frames > 0;
        if (*block == ';')
            return found->frames > 0 && cursor_is_padding(&file);
        bool fine =
            *block == ',' ? read_frame(&file, found) : *block == '!' && cursor_take(&file, 1) && skip_blocks(&file);
        if (!fine)
            return false;
    }
}
