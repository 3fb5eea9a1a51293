/*
 * Files of any bytes: what passes for an image has a size within the limits, and what is kept of it passes for the same
 * image, of which nothing more is left out. PNG's checksums are put right first, or no change would get past them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/media/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds)
        abort();
}

static uint32_t number(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t crc_of(const uint8_t *bytes, size_t length)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static void mend_checksums(uint8_t *bytes, size_t size)
{
    for (size_t at = 8; at < size && size - at >= 12 && number(bytes + at) <= size - at - 12;) {
        size_t length = number(bytes + at) + 4;
        uint32_t crc = crc_of(bytes + at + 4, length);
        for (int i = 0; i < 4; i++)
            bytes[at + 4 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 8 + length;
    }
}

static void check_kept(const image *found, const image_rules *rules)
{
    image again;
    check(image_read(found->kept.bytes, found->kept.length, rules, &again) == IMAGE_OK);
    check(again.type == found->type && again.width == found->width && again.height == found->height);
    check(again.frames == found->frames && again.kept.length == found->kept.length);
    check(memcmp(again.kept.bytes, found->kept.bytes, again.kept.length) == 0);
    image_release(&again);
}

static void check_file(const uint8_t *bytes, size_t size, bool keep_metadata)
{
    const image_rules rules = {10000, 10000, 1000000, 50, keep_metadata};
    image found;
    image_status status = image_read(bytes, size, &rules, &found);
    if (status == IMAGE_INVALID)
        check(found.problem != NULL);
    if (status != IMAGE_OK)
        return;
    check(found.type >= IMAGE_GIF && found.type <= IMAGE_WEBP);
    check(found.width > 0 && found.height > 0 && found.width <= 10000 && found.height <= 10000);
    check((uint64_t)found.width * found.height <= 1000000);
    check(found.frames >= 1 && found.frames <= 50);
    check(image_content_type(found.type) && image_extension(found.type));
    check(found.kept.length <= size + OUTPUT_MORE);
    check_kept(&found, &rules);
    image_release(&found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    if (!bytes)
        return 0;
    memcpy(bytes, data, size);
    /* Also as it came, for checksums that are wrong. */
    check_file(bytes, size, false);
    if (size > 8 && memcmp(bytes, "\x89PNG", 4) == 0)
        mend_checksums(bytes, size);
    check_file(bytes, size, false);
    check_file(bytes, size, true);
    free(bytes);
    return 0;
}
