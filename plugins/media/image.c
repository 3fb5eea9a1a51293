/*
 * Which of the four formats a file has, by its first bytes. Each has a reader of its own.
 */
#include "plugins/media/image.h"

#include "plugins/media/image_reader.h"

typedef struct format {
    const char *content_type;
    const char *extension;
    bool (*read)(cursor file, bool keep_metadata, image *found);
} format;

static const format formats[] = {
    [IMAGE_GIF] = {"image/gif", "gif", gif_read},
    [IMAGE_JPEG] = {"image/jpeg", "jpeg", jpeg_read},
    [IMAGE_PNG] = {"image/png", "png", png_read},
    [IMAGE_WEBP] = {"image/webp", "webp", webp_read},
};

static image_type type_of(const cursor *file)
{
    if (cursor_has(file, "GIF87a", 6) || cursor_has(file, "GIF89a", 6))
        return IMAGE_GIF;
    if (cursor_has(file, "\xff\xd8\xff", 3))
        return IMAGE_JPEG;
    if (cursor_has(file, "\x89PNG\r\n\x1a\n", 8))
        return IMAGE_PNG;
    if (cursor_has(file, "RIFF", 4) && cursor_left(file) >= 12 && memcmp(file->at + 8, "WEBP", 4) == 0)
        return IMAGE_WEBP;
    return IMAGE_UNKNOWN;
}

static image_status read_file(cursor file, const image_rules *rules, image *found)
{
    if (found->type == IMAGE_UNKNOWN) {
        found->problem = "is none of GIF, JPEG, PNG and WebP";
        return IMAGE_INVALID;
    }
    if (!formats[found->type].read(file, rules->keep_metadata, found))
        return IMAGE_INVALID;
    bool fits = found->width <= rules->max_width && found->height <= rules->max_height &&
                (uint64_t)found->width * found->height <= (uint64_t)rules->max_pixels &&
                found->frames <= rules->max_frames;
    return fits ? IMAGE_OK : IMAGE_TOO_LARGE;
}

image_status image_read(const unsigned char *bytes, size_t length, const image_rules *rules, image *found)
{
    cursor file = {bytes, bytes + length};

    *found = (image){.type = type_of(&file)};
    output_begin(&found->kept, bytes, length);
    image_status status = read_file(file, rules, found);
    if (status != IMAGE_OK)
        image_release(found);
    return status;
}

void image_release(image *found)
{
    output_free(&found->kept);
}

const char *image_content_type(image_type type)
{
    return formats[type].content_type;
}

const char *image_extension(image_type type)
{
    return formats[type].extension;
}
