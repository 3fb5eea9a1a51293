/*
 * What an image file is: its kind, size in pixels and number of frames, read from its structure from the first byte to
 * the last. No pixel is decoded, so nothing here takes more time or memory than the file has bytes. Pure.
 *
 * A file passes when its structure is whole and ends where the format says it ends; behind that only zero bytes may
 * come (cameras pad), and behind a JPEG further JPEGs (phones append smaller versions). So a file that is an archive, a
 * page or a script as well does not pass by having the head of an image.
 */
#ifndef PLUGINS_MEDIA_IMAGE_H
#define PLUGINS_MEDIA_IMAGE_H

#include <stddef.h>
#include <stdint.h>

typedef enum image_type { IMAGE_UNKNOWN, IMAGE_GIF, IMAGE_JPEG, IMAGE_PNG, IMAGE_WEBP } image_type;

typedef enum image_status {
    IMAGE_OK,
    IMAGE_INVALID,   /* none of the four, or damaged */
    IMAGE_TOO_LARGE, /* a whole image with too many pixels or frames */
} image_status;

typedef struct image_limits {
    int64_t max_width, max_height;
    int64_t max_pixels; /* width times height */
    int64_t max_frames;
} image_limits;

typedef struct image {
    image_type type;
    uint32_t width, height;
    uint32_t frames; /* 1 when it does not move */
} image;

image_status image_read(const unsigned char *bytes, size_t length, const image_limits *limits, image *found);

/* "image/png" and "png" for IMAGE_PNG, and so on. */
const char *image_content_type(image_type type);
const char *image_extension(image_type type);

#endif
