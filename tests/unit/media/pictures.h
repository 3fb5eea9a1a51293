/*
 * Image files made in code, piece by piece, so that a test can leave one out or put one too many.
 */
#ifndef TESTS_UNIT_MEDIA_PICTURES_H
#define TESTS_UNIT_MEDIA_PICTURES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/media/image.h"

typedef struct picture {
    unsigned char bytes[100000];
    size_t length;
} picture;

static inline void put(picture *p, const void *bytes, size_t length)
{
    assert_true(p->length + length <= sizeof p->bytes);
    memcpy(p->bytes + p->length, bytes, length);
    p->length += length;
}

#define PUT(p, literal) put(p, literal, sizeof(literal) - 1)

static inline void put_number(picture *p, uint32_t number, int size, int big_endian)
{
    unsigned char bytes[4];
    for (int i = 0; i < size; i++)
        bytes[big_endian ? size - 1 - i : i] = (unsigned char)(number >> (8 * i));
    put(p, bytes, (size_t)size);
}

static inline void be(picture *p, uint32_t number, int size)
{
    put_number(p, number, size, 1);
}

static inline void le(picture *p, uint32_t number, int size)
{
    put_number(p, number, size, 0);
}

static inline uint32_t picture_crc(const unsigned char *bytes, size_t length)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static inline void png_chunk(picture *p, const char *type, const void *data, size_t length)
{
    be(p, (uint32_t)length, 4);
    size_t from = p->length;
    put(p, type, 4);
    put(p, data, length);
    be(p, picture_crc(p->bytes + from, p->length - from), 4);
}

static inline void png_head(picture *p, uint32_t width, uint32_t height, int depth, int colours)
{
    picture head = {.length = 0};
    be(&head, width, 4);
    be(&head, height, 4);
    unsigned char rest[5] = {(unsigned char)depth, (unsigned char)colours, 0, 0, 0};
    put(&head, rest, 5);
    PUT(p, "\x89PNG\r\n\x1a\n");
    png_chunk(p, "IHDR", head.bytes, head.length);
}

static inline void make_png(picture *p, uint32_t width, uint32_t height)
{
    p->length = 0;
    png_head(p, width, height, 1, 0);
    png_chunk(p, "IDAT", "pixels", 6);
    png_chunk(p, "IEND", "", 0);
}

static inline void gif_head(picture *p, uint32_t width, uint32_t height)
{
    PUT(p, "GIF89a");
    le(p, width, 2);
    le(p, height, 2);
    PUT(p, "\x80\0\0\0\0\0\xff\xff\xff");
}

static inline void gif_frame(picture *p, uint32_t left, uint32_t top, uint32_t width, uint32_t height)
{
    PUT(p, ",");
    le(p, left, 2);
    le(p, top, 2);
    le(p, width, 2);
    le(p, height, 2);
    PUT(p, "\0\x02\x02\x44\x01\0");
}

static inline void make_gif(picture *p, uint32_t width, uint32_t height, int frames)
{
    p->length = 0;
    gif_head(p, width, height);
    for (int i = 0; i < frames; i++)
        gif_frame(p, 0, 0, width, height);
    PUT(p, ";");
}

static inline void jpeg_segment(picture *p, int marker, const void *data, size_t length)
{
    unsigned char head[2] = {0xff, (unsigned char)marker};
    put(p, head, 2);
    be(p, (uint32_t)length + 2, 2);
    put(p, data, length);
}

static inline void jpeg_frame(picture *p, int marker, uint32_t width, uint32_t height)
{
    picture frame = {.length = 0};
    PUT(&frame, "\x08");
    be(&frame, height, 2);
    be(&frame, width, 2);
    PUT(&frame, "\x01\x01\x11\0");
    jpeg_segment(p, marker, frame.bytes, frame.length);
}

static inline void jpeg_scan(picture *p)
{
    jpeg_segment(p, 0xda, "\x01\x01\0\0\x3f\0", 6);
    PUT(p, "\x12\xff\0\x34\xff\xd0\x56");
}

static inline void make_jpeg(picture *p, int marker, uint32_t width, uint32_t height)
{
    p->length = 0;
    PUT(p, "\xff\xd8");
    jpeg_segment(p, 0xe0, "JFIF", 5);
    jpeg_frame(p, marker, width, height);
    jpeg_scan(p);
    PUT(p, "\xff\xd9");
}

static inline void webp_chunk(picture *p, const char *type, const void *data, size_t length)
{
    put(p, type, 4);
    le(p, (uint32_t)length, 4);
    put(p, data, length);
    if (length % 2)
        put(p, "", 1);
}

/* VP8L, which starts with the size less one in 14 bits each. */
static inline void webp_picture(picture *p, uint32_t width, uint32_t height)
{
    picture data = {.length = 0};
    PUT(&data, "\x2f");
    le(&data, (width - 1) | (height - 1) << 14, 4);
    PUT(&data, "pixels");
    webp_chunk(p, "VP8L", data.bytes, data.length);
}

static inline void webp_lossy(picture *p, uint32_t width, uint32_t height)
{
    picture data = {.length = 0};
    le(&data, 0x10 | 4 << 5, 3); /* a key frame that is shown; a first partition of 4 bytes */
    PUT(&data, "\x9d\x01\x2a");
    le(&data, width, 2);
    le(&data, height, 2);
    PUT(&data, "pixels");
    webp_chunk(p, "VP8 ", data.bytes, data.length);
}

static inline void webp_canvas(picture *p, int flags, uint32_t width, uint32_t height)
{
    picture data = {.length = 0};
    le(&data, (uint32_t)flags, 4);
    le(&data, width - 1, 3);
    le(&data, height - 1, 3);
    webp_chunk(p, "VP8X", data.bytes, data.length);
}

static inline void webp_frame(picture *p, uint32_t left, uint32_t top, uint32_t width, uint32_t height)
{
    picture data = {.length = 0};
    le(&data, left / 2, 3);
    le(&data, top / 2, 3);
    le(&data, width - 1, 3);
    le(&data, height - 1, 3);
    le(&data, 0, 4);
    webp_picture(&data, width, height);
    webp_chunk(p, "ANMF", data.bytes, data.length);
}

/* The head of RIFF around the chunks in `body`. */
static inline void make_webp(picture *p, const picture *body)
{
    p->length = 0;
    PUT(p, "RIFF");
    le(p, (uint32_t)body->length + 4, 4);
    PUT(p, "WEBP");
    put(p, body->bytes, body->length);
}

static const image_rules generous = {65535, 65535, 1000000000, 1000, false};

static inline image_status look(const picture *p, const image_rules *rules, image *found)
{
    image_status status = image_read(p->bytes, p->length, rules, found);
    image_release(found);
    return status;
}

#define assert_is(p, expected_type, expected_width, expected_height, expected_frames)                                  \
    do {                                                                                                               \
        image found_;                                                                                                  \
        assert_int_equal(look(p, &generous, &found_), IMAGE_OK);                                                       \
        assert_int_equal(found_.type, expected_type);                                                                  \
        assert_int_equal(found_.width, expected_width);                                                                \
        assert_int_equal(found_.height, expected_height);                                                              \
        assert_int_equal(found_.frames, expected_frames);                                                              \
    } while (0)

#define assert_invalid(p)                                                                                              \
    do {                                                                                                               \
        image found_;                                                                                                  \
        assert_int_equal(look(p, &generous, &found_), IMAGE_INVALID);                                                  \
    } while (0)

/* However a file is cut, what is left is no image. */
static inline void assert_no_part_passes(const picture *p)
{
    image found;
    for (size_t length = 0; length < p->length; length++) {
        if (image_read(p->bytes, length, &generous, &found) == IMAGE_OK)
            fail_msg("the first %zu of %zu bytes pass", length, p->length);
    }
}

/* What is kept of a file are exactly these bytes, and all of them are kept again. */
static inline void assert_kept_by(const picture *p, const image_rules *rules, const picture *expected)
{
    image found, again;
    assert_int_equal(image_read(p->bytes, p->length, rules, &found), IMAGE_OK);
    assert_int_equal(found.kept.length, expected->length);
    assert_memory_equal(found.kept.bytes, expected->bytes, expected->length);
    assert_int_equal(image_read(found.kept.bytes, found.kept.length, rules, &again), IMAGE_OK);
    assert_int_equal(again.kept.length, expected->length);
    assert_memory_equal(again.kept.bytes, expected->bytes, expected->length);
    assert_int_equal(again.width, found.width);
    assert_int_equal(again.height, found.height);
    assert_int_equal(again.frames, found.frames);
    image_release(&again);
    image_release(&found);
}

static inline void assert_kept(const picture *p, const picture *expected)
{
    assert_kept_by(p, &generous, expected);
}

/* Nothing is kept of what lies behind the end, and the file passes for what it was. */
static inline void assert_end_is_end(const picture *p)
{
    static const char *const tails[] = {"\n", "PK\x03\x04", "<script>alert(1)</script>", "\xff\xd8\xff", "IEND;"};
    static picture longer;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        longer = *p;
        put(&longer, tails[i], strlen(tails[i]) + 1);
        assert_kept(&longer, p);
    }
}

static inline void assert_problem(const picture *p, const char *problem)
{
    image found;
    assert_int_equal(image_read(p->bytes, p->length, &generous, &found), IMAGE_INVALID);
    assert_string_equal(found.problem, problem);
}

#endif
