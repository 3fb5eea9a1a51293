/*
 * What of a file is kept: the picture, its orientation and its colours; not what tells of the photographer.
 */
#include "plugins/media/exif.h"
#include "tests/unit/media/pictures.h"

static picture p, expected, body;
static const image_rules everything = {65535, 65535, 1000000000, 1000, true};

/* EXIF with a camera's name and an orientation. */
static void put_exif(picture *to, bool big_endian, int orientation)
{
    put(to, big_endian ? "MM\0*" : "II*\0", 4);
    put_number(to, 8, 4, big_endian);
    put_number(to, 2, 2, big_endian);
    put_number(to, 0x110, 2, big_endian);
    put_number(to, 2, 2, big_endian);
    put_number(to, 4, 4, big_endian);
    put(to, "me\0", 4);
    put_number(to, 0x112, 2, big_endian);
    put_number(to, 3, 2, big_endian);
    put_number(to, 1, 4, big_endian);
    put_number(to, (uint32_t)orientation, 2, big_endian);
    PUT(to, "\0\0\0\0\0\0GPS: 48.2082, 16.3738");
}

static void jpeg_exif(picture *to, bool big_endian, int orientation)
{
    picture exif = {.length = 0};
    PUT(&exif, "Exif\0\0");
    put_exif(&exif, big_endian, orientation);
    jpeg_segment(to, 0xe1, exif.bytes, exif.length);
}

static void jpeg_smallest_exif(picture *to, unsigned orientation)
{
    unsigned char exif[6 + EXIF_SMALLEST] = "Exif\0";
    exif_write(orientation, exif + 6);
    jpeg_segment(to, 0xe1, exif, sizeof exif);
}

static void jpeg_begin(picture *to)
{
    to->length = 0;
    PUT(to, "\xff\xd8");
}

static void jpeg_finish(picture *to)
{
    jpeg_frame(to, 0xc0, 40, 30);
    jpeg_scan(to);
    PUT(to, "\xff\xd9");
}

static void test_what_is_whole_is_not_copied(void **state)
{
    (void)state;
    image found;
    make_jpeg(&p, 0xc0, 40, 30);
    size_t whole = p.length;
    PUT(&p, "a film of three seconds");
    assert_int_equal(image_read(p.bytes, p.length, &generous, &found), IMAGE_OK);
    assert_ptr_equal(found.kept.bytes, p.bytes);
    assert_int_equal(found.kept.length, whole);
    assert_null(found.kept.copy);
    image_release(&found);
}

static void test_exif_is_read(void **state)
{
    (void)state;
    static picture exif;
    for (int big_endian = 0; big_endian < 2; big_endian++) {
        for (int orientation = 0; orientation < 10; orientation++) {
            exif.length = 0;
            put_exif(&exif, big_endian, orientation);
            unsigned sound = orientation >= 1 && orientation <= 8 ? (unsigned)orientation : 1;
            assert_int_equal(exif_orientation(exif.bytes, exif.length), sound);
        }
    }
    for (size_t length = 0; length < 8 + 2 + 24; length++)
        assert_int_equal(exif_orientation(exif.bytes, length), 1);
    memset(exif.bytes + 4, 0xff, 4); /* tags far behind the end */
    assert_int_equal(exif_orientation(exif.bytes, exif.length), 1);
    unsigned char smallest[EXIF_SMALLEST];
    exif_write(6, smallest);
    assert_int_equal(exif_orientation(smallest, sizeof smallest), 6);
}

static void test_a_jpeg_loses_what_tells_of_its_photographer(void **state)
{
    (void)state;
    jpeg_begin(&p);
    jpeg_segment(&p, 0xe0, "JFIF\0\x01\x01\0\0\x01\0\x01\x01\x01RGB", 17);
    jpeg_segment(&p, 0xe0, "JFXX\0thumbnail", 14);
    jpeg_exif(&p, true, 1);
    jpeg_segment(&p, 0xe1, "http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>", 41);
    jpeg_segment(&p, 0xe2, "ICC_PROFILE\0\x01\x01profile", 21);
    jpeg_segment(&p, 0xe2, "MPF\0MM", 6);
    jpeg_segment(&p, 0xed, "Photoshop 3.0\0IPTC", 18);
    jpeg_segment(&p, 0xee, "Adobe\0\x64\0\0\0\0\x01", 12);
    jpeg_segment(&p, 0xfe, "by me", 5);
    jpeg_finish(&p);

    jpeg_begin(&expected);
    jpeg_segment(&expected, 0xe0, "JFIF\0\x01\x01\0\0\x01\0\x01\0\0", 14);
    jpeg_segment(&expected, 0xe2, "ICC_PROFILE\0\x01\x01profile", 21);
    jpeg_segment(&expected, 0xee, "Adobe\0\x64\0\0\0\0\x01", 12);
    jpeg_finish(&expected);
    assert_kept(&p, &expected);
    assert_is(&p, IMAGE_JPEG, 40, 30, 1);
}

static void test_a_jpeg_keeps_its_orientation(void **state)
{
    (void)state;
    for (unsigned orientation = 2; orientation <= 8; orientation++) {
        jpeg_begin(&p);
        jpeg_exif(&p, orientation % 2, (int)orientation);
        jpeg_exif(&p, true, 5); /* browsers read the first one */
        jpeg_finish(&p);
        jpeg_begin(&expected);
        jpeg_smallest_exif(&expected, orientation);
        jpeg_finish(&expected);
        assert_kept(&p, &expected);
        assert_is(&p, IMAGE_JPEG, orientation < 5 ? 40 : 30, orientation < 5 ? 30 : 40, 1);
    }
}

static void test_metadata_may_be_kept(void **state)
{
    (void)state;
    jpeg_begin(&p);
    jpeg_segment(&p, 0xe0, "JFIF\0\x01\x01\0\0\x01\0\x01\x01\x01RGB", 17);
    jpeg_exif(&p, true, 6);
    jpeg_segment(&p, 0xfe, "by me", 5);
    expected = p;
    jpeg_segment(&p, 0xe2, "MPF\0MM", 6); /* it would tell of what is not there any more */
    jpeg_finish(&p);
    jpeg_finish(&expected);
    PUT(&p, "a film");
    assert_kept_by(&p, &everything, &expected);

    p.length = 0;
    png_head(&p, 5, 6, 8, 2);
    png_chunk(&p, "tEXt", "Comment\0me", 10);
    png_chunk(&p, "IDAT", "pixels", 6);
    png_chunk(&p, "IEND", "", 0);
    assert_kept_by(&p, &everything, &p);

    p.length = 0;
    gif_head(&p, 5, 6);
    PUT(&p, "!\xfe\x05hello\0");
    gif_frame(&p, 0, 0, 5, 6);
    PUT(&p, ";");
    assert_kept_by(&p, &everything, &p);

    body.length = 0;
    webp_canvas(&body, 0x0c, 30, 40);
    webp_picture(&body, 30, 40);
    webp_chunk(&body, "EXIF", "odd", 3);
    webp_chunk(&body, "abcd", "unknown", 7);
    make_webp(&p, &body);
    assert_kept_by(&p, &everything, &p);
}

static void test_bytes_between_the_segments_of_a_jpeg_are_dropped(void **state)
{
    (void)state;
    jpeg_begin(&p);
    jpeg_segment(&p, 0xe0, "JFIF\0\x01\x01\0\0\x01\0\x01\0\0", 14);
    PUT(&p, "stray\xff\0\xff\xd0\xff");
    jpeg_finish(&p);
    jpeg_begin(&expected);
    jpeg_segment(&expected, 0xe0, "JFIF\0\x01\x01\0\0\x01\0\x01\0\0", 14);
    jpeg_finish(&expected);
    assert_kept(&p, &expected);
}

static void test_a_missing_end_is_added(void **state)
{
    (void)state;
    make_jpeg(&expected, 0xc0, 40, 30);
    p = expected;
    p.length -= 2;
    assert_kept(&p, &expected);
    PUT(&p, "\xff\xc4\0\x20 codes that are cut");
    assert_kept(&p, &expected);
    make_gif(&expected, 4, 3, 2);
    p = expected;
    p.length--;
    assert_kept(&p, &expected);
}

static void test_a_png_loses_what_tells_of_its_photographer(void **state)
{
    (void)state;
    static picture exif;
    exif.length = 0;
    put_exif(&exif, false, 8);
    p.length = expected.length = 0;
    png_head(&p, 5, 6, 8, 2);
    png_head(&expected, 5, 6, 8, 2);
    png_chunk(&p, "iCCP", "profile", 7);
    png_chunk(&expected, "iCCP", "profile", 7);
    png_chunk(&p, "eXIf", exif.bytes, exif.length);
    exif_write(8, exif.bytes);
    png_chunk(&expected, "eXIf", exif.bytes, EXIF_SMALLEST);
    png_chunk(&p, "tEXt", "Comment\0me", 10);
    png_chunk(&p, "iTXt", "XML:com.adobe.xmp", 17);
    png_chunk(&p, "abCd", "unknown", 7);
    png_chunk(&p, "tRNS", "123456", 6);
    png_chunk(&expected, "tRNS", "123456", 6);
    png_chunk(&p, "IDAT", "pixels", 6);
    png_chunk(&expected, "IDAT", "pixels", 6);
    png_chunk(&p, "zTXt", "Raw profile type exif", 21);
    png_chunk(&p, "tIME", "1234567", 7);
    png_chunk(&p, "IEND", "", 0);
    png_chunk(&expected, "IEND", "", 0);
    assert_kept(&p, &expected);
    assert_is(&p, IMAGE_PNG, 6, 5, 1);
}

static void test_exif_behind_the_pixels_turns_no_png(void **state)
{
    (void)state;
    static picture exif;
    exif.length = 0;
    put_exif(&exif, true, 6);
    make_png(&expected, 5, 6);
    p.length = 0;
    png_head(&p, 5, 6, 1, 0);
    png_chunk(&p, "IDAT", "pixels", 6);
    png_chunk(&p, "eXIf", exif.bytes, exif.length);
    png_chunk(&p, "IEND", "", 0);
    assert_kept(&p, &expected);
    assert_is(&p, IMAGE_PNG, 5, 6, 1);
}

/* A chunk whose last byte of its checksum is wrong. */
static void png_unsound_chunk(picture *to, const char *type, const char *data)
{
    png_chunk(to, type, data, strlen(data));
    to->bytes[to->length - 1] ^= 1;
}

static void test_a_png_does_without_unsound_chunks_that_are_no_part_of_the_picture(void **state)
{
    (void)state;
    make_png(&expected, 5, 6);
    p.length = 0;
    png_head(&p, 5, 6, 1, 0);
    png_unsound_chunk(&p, "tEXt", "me");
    png_unsound_chunk(&p, "gAMA", "1234");
    png_chunk(&p, "IDAT", "pixels", 6);
    png_unsound_chunk(&p, "tIME", "1234567");
    png_chunk(&p, "IEND", "", 0);
    assert_kept(&p, &expected);
    assert_kept_by(&p, &everything, &expected);
    static const char *const needed[] = {"IDAT", "PLTE", "acTL", "fcTL", "fdAT", "IEND"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        p.length = 0;
        png_head(&p, 5, 6, 8, 2);
        png_unsound_chunk(&p, needed[i], "123456");
        png_chunk(&p, "IDAT", "pixels", 6);
        png_chunk(&p, "IEND", "", 0);
        assert_problem(&p, "has a chunk with a wrong checksum");
    }
}

static void test_a_gif_loses_what_tells_of_its_author(void **state)
{
    (void)state;
    p.length = expected.length = 0;
    gif_head(&p, 5, 6);
    gif_head(&expected, 5, 6);
    PUT(&p, "!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0");
    PUT(&expected, "!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0");
    PUT(&p, "!\xfe\x05hello\0");
    PUT(&p, "!\xff\x0bXMP DataXMP\x02<>\0");
    PUT(&p, "!\xff\x0bICCRGBG1012\x02<>\0");
    PUT(&expected, "!\xff\x0bICCRGBG1012\x02<>\0");
    PUT(&p, "!\xf9\x04\0\0\0\0\0");
    PUT(&expected, "!\xf9\x04\0\0\0\0\0");
    gif_frame(&p, 0, 0, 5, 6);
    gif_frame(&expected, 0, 0, 5, 6);
    PUT(&p, "!\xff\x02hi\0");
    PUT(&p, ";");
    PUT(&expected, ";");
    assert_kept(&p, &expected);
}

static void test_a_gif_may_have_ends_too_many(void **state)
{
    (void)state;
    make_gif(&expected, 5, 6, 1);
    p = expected;
    p.length--;
    PUT(&p, "\0\0;;");
    assert_kept(&p, &expected);
}

static void test_a_gif_without_a_screen_has_the_size_of_its_frame(void **state)
{
    (void)state;
    p.length = 0;
    gif_head(&p, 0, 0);
    gif_frame(&p, 0, 0, 20, 10);
    PUT(&p, ";");
    assert_is(&p, IMAGE_GIF, 20, 10, 1);
    assert_kept(&p, &p);
}

static void test_a_webp_loses_what_tells_of_its_photographer(void **state)
{
    (void)state;
    body.length = 0;
    webp_canvas(&body, 0x2c, 30, 40);
    webp_chunk(&body, "ICCP", "odd", 3);
    webp_picture(&body, 30, 40);
    webp_chunk(&body, "EXIF", "where I live", 12);
    webp_chunk(&body, "XMP ", "odd", 3);
    webp_chunk(&body, "abcd", "unknown", 7);
    make_webp(&p, &body);
    PUT(&p, "PK\x03\x04");
    body.length = 0;
    webp_canvas(&body, 0x20, 30, 40);
    webp_chunk(&body, "ICCP", "odd", 3);
    webp_picture(&body, 30, 40);
    make_webp(&expected, &body);
    assert_kept(&p, &expected);
}

static void test_frames_of_a_webp_lose_it_too(void **state)
{
    (void)state;
    static picture frame;
    frame.length = body.length = 0;
    webp_frame(&frame, 0, 0, 30, 40);
    memmove(frame.bytes, frame.bytes + 8, frame.length -= 8);
    webp_chunk(&frame, "abcd", "unknown", 6);
    webp_canvas(&body, 2, 30, 40);
    webp_chunk(&body, "ANIM", "123456", 6);
    webp_chunk(&body, "ANMF", frame.bytes, frame.length);
    webp_frame(&body, 0, 0, 20, 20);
    make_webp(&p, &body);
    body.length = 0;
    webp_canvas(&body, 2, 30, 40);
    webp_chunk(&body, "ANIM", "123456", 6);
    webp_frame(&body, 0, 0, 30, 40);
    webp_frame(&body, 0, 0, 20, 20);
    make_webp(&expected, &body);
    assert_kept(&p, &expected);
}

static void test_the_padding_of_a_webp_is_put_right(void **state)
{
    (void)state;
    body.length = 0;
    webp_picture(&body, 3, 3);
    make_webp(&expected, &body);
    p = expected;
    p.length--;
    p.bytes[4]--;
    assert_kept(&p, &expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_whole_is_not_copied),
        cmocka_unit_test(test_exif_is_read),
        cmocka_unit_test(test_a_jpeg_loses_what_tells_of_its_photographer),
        cmocka_unit_test(test_a_jpeg_keeps_its_orientation),
        cmocka_unit_test(test_metadata_may_be_kept),
        cmocka_unit_test(test_bytes_between_the_segments_of_a_jpeg_are_dropped),
        cmocka_unit_test(test_a_missing_end_is_added),
        cmocka_unit_test(test_a_png_loses_what_tells_of_its_photographer),
        cmocka_unit_test(test_exif_behind_the_pixels_turns_no_png),
        cmocka_unit_test(test_a_png_does_without_unsound_chunks_that_are_no_part_of_the_picture),
        cmocka_unit_test(test_a_gif_loses_what_tells_of_its_author),
        cmocka_unit_test(test_a_gif_may_have_ends_too_many),
        cmocka_unit_test(test_a_gif_without_a_screen_has_the_size_of_its_frame),
        cmocka_unit_test(test_a_webp_loses_what_tells_of_its_photographer),
        cmocka_unit_test(test_frames_of_a_webp_lose_it_too),
        cmocka_unit_test(test_the_padding_of_a_webp_is_put_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
