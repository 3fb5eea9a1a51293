/*
 * What an image file is: its kind, size in pixels and number of frames, read from its structure from the first byte to
 * the last; and what of it is kept. No pixel is decoded, so nothing here takes more time or memory than the file has
 * bytes. Pure.
 *
 * Files pass that browsers show, also when they are not quite right. What belongs to no picture is left out: bytes
 * behind its end or between its pieces (so no archive, page or script hides there), pieces with a wrong checksum, and,
 * unless metadata is kept, what tells of the photographer instead of the picture. What is kept passes again, and then
 * nothing of it is left out.
 */
#ifndef PLUGINS_MEDIA_IMAGE_H
#define PLUGINS_MEDIA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/media/output.h"

typedef enum image_type { IMAGE_UNKNOWN, IMAGE_GIF, IMAGE_JPEG, IMAGE_PNG, IMAGE_WEBP } image_type;

typedef enum image_status {
    IMAGE_OK,
    IMAGE_INVALID,   /* none of the four, or damaged */
    IMAGE_TOO_LARGE, /* a whole image with too many pixels or frames */
} image_status;

typedef struct image_rules {
    int64_t max_width, max_height;
    int64_t max_pixels; /* width times height */
    int64_t max_frames;
    bool keep_metadata; /* EXIF, XMP, IPTC, comments, thumbnails; without: only orientation and colour profile */
} image_rules;

typedef struct image {
    image_type type;
    uint32_t width, height; /* as shown, that is, turned when EXIF says so */
    uint32_t frames;        /* 1 when it does not move */
    output kept;
    const char *problem; /* of an invalid one: what follows its name in a sentence */
} image;

/* Only with IMAGE_OK is there something kept: call image_release then, while the file's bytes are still there. */
image_status image_read(const unsigned char *bytes, size_t length, const image_rules *rules, image *found);
void image_release(image *found);

/* "image/png" and "png" for IMAGE_PNG, and so on. */
const char *image_content_type(image_type type);
const char *image_extension(image_type type);

#endif
