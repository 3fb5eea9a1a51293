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
static image_status read_frame(cursor *c, const image_limits *limits, image *found)
{
    const unsigned char *frame = cursor_take(c, 9);
    if (!frame)
        return IMAGE_INVALID;
    uint32_t width = le16(frame + 4), height = le16(frame + 6);
    uint32_t right = le16(frame) + width, bottom = le16(frame + 2) + height;
    if (width == 0 || height == 0 || !skip_colours(c, frame[8]))
        return IMAGE_INVALID;
    const unsigned char *code_size = cursor_take(c, 1);
    if (!code_size || *code_size < 2 || *code_size > 8 || !skip_blocks(c))
        return IMAGE_INVALID;
    image_status status = image_set_size(found, right > found->width ? right : found->width,
                                         bottom > found->height ? bottom : found->height, limits);
    return status == IMAGE_OK ? image_add_frame(found, limits) : status;
}

image_status gif_read(cursor file, const image_limits *limits, image *found)
{
    const unsigned char *screen = cursor_take(&file, 13);
    if (!screen)
        return IMAGE_INVALID;
    image_status status = image_set_size(found, le16(screen + 6), le16(screen + 8), limits);
    if (status == IMAGE_OK && !skip_colours(&file, screen[10]))
        status = IMAGE_INVALID;
    while (status == IMAGE_OK) {
        const unsigned char *block = cursor_take(&file, 1);
        /* Old files may lack the trailer. */
        if (!block || *block == ';')
            return found->frames > 0 && cursor_is_padding(&file) ? IMAGE_OK : IMAGE_INVALID;
        if (*block == ',')
            status = read_frame(&file, limits, found);
        else if (*block != '!' || !cursor_take(&file, 1) || !skip_blocks(&file))
            status = IMAGE_INVALID;
    }
    return status;
}
