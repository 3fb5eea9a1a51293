/*
 * GIF and JPEG, and what holds for all formats. PNG and WebP are in test_image_chunks.c.
 */
#include "tests/unit/media/pictures.h"

static picture p;

static void test_what_is_none_of_the_four_is_invalid(void **state)
{
    (void)state;
    static const char *const none[] = {
        "",     "G",           "GIF88a",   "\xff\xd8",       "\x89PNG\r\n\x1a", "RIFF....WEB",
        "text", "<svg></svg>", "BM123456", "RIFF\x04...WAVE"};
    image found;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(image_read((const unsigned char *)none[i], strlen(none[i]), &generous, &found), IMAGE_INVALID);
}

static void test_types_have_names(void **state)
{
    (void)state;
    assert_string_equal(image_content_type(IMAGE_GIF), "image/gif");
    assert_string_equal(image_content_type(IMAGE_JPEG), "image/jpeg");
    assert_string_equal(image_content_type(IMAGE_PNG), "image/png");
    assert_string_equal(image_content_type(IMAGE_WEBP), "image/webp");
    assert_string_equal(image_extension(IMAGE_GIF), "gif");
    assert_string_equal(image_extension(IMAGE_JPEG), "jpeg");
    assert_string_equal(image_extension(IMAGE_PNG), "png");
    assert_string_equal(image_extension(IMAGE_WEBP), "webp");
}

static void test_each_limit_counts(void **state)
{
    (void)state;
    image found;
    make_gif(&p, 100, 50, 3);
    const image_rules exact = {100, 50, 5000, 3, false};
    assert_int_equal(look(&p, &exact, &found), IMAGE_OK);
    const image_rules tight[] = {
        {99, 50, 5000, 3, false}, {100, 49, 5000, 3, false}, {100, 50, 4999, 3, false}, {100, 50, 5000, 2, false}};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(look(&p, &tight[i], &found), IMAGE_TOO_LARGE);
    /* what is no image is not too large either */
    p.length -= 3;
    assert_int_equal(look(&p, &tight[0], &found), IMAGE_INVALID);
}

static void test_a_gif_is_read(void **state)
{
    (void)state;
    make_gif(&p, 300, 200, 1);
    assert_is(&p, IMAGE_GIF, 300, 200, 1);
    memcpy(p.bytes, "GIF87a", 6);
    assert_is(&p, IMAGE_GIF, 300, 200, 1);
    make_gif(&p, 65535, 1, 7);
    assert_is(&p, IMAGE_GIF, 65535, 1, 7);
    assert_end_is_end(&p);
}

static void test_a_gif_has_extensions_and_tables(void **state)
{
    (void)state;
    p.length = 0;
    PUT(&p, "GIF89a\x05\0\x06\0\x00\0\0"); /* no table of the whole file */
    PUT(&p, "!\xf9\x04\0\0\0\0\0");
    PUT(&p, "!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0");
    PUT(&p, ",\0\0\0\0\x05\0\x06\0\x81"); /* a table of four colours of its own */
    PUT(&p, "123456789012\x02\x02\x44\x01\0");
    PUT(&p, "!\xfe\x05hello\0;");
    assert_is(&p, IMAGE_GIF, 5, 6, 1);
}

static void test_a_gif_grows_with_its_frames(void **state)
{
    (void)state;
    p.length = 0;
    gif_head(&p, 10, 10);
    gif_frame(&p, 5, 0, 20, 3);
    gif_frame(&p, 0, 65535, 1, 65535);
    PUT(&p, ";");
    image found;
    const image_rules endless = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, false};
    assert_int_equal(look(&p, &endless, &found), IMAGE_OK);
    assert_int_equal(found.width, 25);
    assert_int_equal(found.height, 131070);
    assert_int_equal(look(&p, &generous, &found), IMAGE_TOO_LARGE);
}

static void test_a_gif_without_pixels_is_invalid(void **state)
{
    (void)state;
    make_gif(&p, 10, 10, 0);
    assert_invalid(&p);
    make_gif(&p, 0, 10, 1);
    assert_invalid(&p);
    p.length = 0;
    gif_head(&p, 10, 10);
    gif_frame(&p, 0, 0, 10, 0);
    PUT(&p, ";");
    assert_invalid(&p);
}

static void test_a_gif_may_lack_its_trailer_only(void **state)
{
    (void)state;
    make_gif(&p, 10, 10, 2);
    size_t whole = p.length;
    p.length--;
    assert_is(&p, IMAGE_GIF, 10, 10, 2);
    size_t frame = (whole - 1 - 19) / 2;
    image found;
    for (p.length = 0; p.length < whole - 1; p.length++) {
        bool first_frame_ends = p.length == whole - 1 - frame;
        assert_int_equal(look(&p, &generous, &found) == IMAGE_OK, first_frame_ends);
    }
}

static void test_a_gif_of_other_blocks_is_invalid(void **state)
{
    (void)state;
    make_gif(&p, 10, 10, 1);
    p.bytes[p.length - 1] = '?';
    assert_invalid(&p);
    make_gif(&p, 10, 10, 1);
    p.bytes[19 + 10] = 9; /* the size of its codes */
    assert_invalid(&p);
}

static void test_a_jpeg_is_read(void **state)
{
    (void)state;
    for (int marker = 0xc0; marker <= 0xc2; marker++) {
        make_jpeg(&p, marker, 640, 480);
        assert_is(&p, IMAGE_JPEG, 640, 480, 1);
    }
    assert_end_is_end(&p);
}

static void test_a_jpeg_of_a_kind_no_browser_shows_is_invalid(void **state)
{
    (void)state;
    static const int markers[] = {0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf};
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++) {
        make_jpeg(&p, markers[i], 640, 480);
        assert_invalid(&p);
    }
    static const unsigned char twelve_bits[] = {12, 0, 5, 0, 5, 1, 1, 0x11, 0},
                               two_parts[] = {8, 0, 5, 0, 5, 2, 1, 0x11, 0, 2, 0x11, 0},
                               no_sampling[] = {8, 0, 5, 0, 5, 1, 1, 0x01, 0}, cut[] = {8, 0, 5, 0, 5, 3, 1, 0x11, 0};
    const struct {
        const unsigned char *bytes;
        size_t length;
    } frames[] = {{twelve_bits, sizeof twelve_bits},
                  {two_parts, sizeof two_parts},
                  {no_sampling, sizeof no_sampling},
                  {cut, sizeof cut}};
    for (size_t i = 0; i < 4; i++) {
        p.length = 0;
        PUT(&p, "\xff\xd8");
        jpeg_segment(&p, 0xc0, frames[i].bytes, frames[i].length);
        jpeg_scan(&p);
        PUT(&p, "\xff\xd9");
        assert_invalid(&p);
    }
}

static void test_a_jpeg_without_pixels_is_invalid(void **state)
{
    (void)state;
    make_jpeg(&p, 0xc0, 0, 10);
    assert_invalid(&p);
    make_jpeg(&p, 0xc0, 10, 0);
    assert_invalid(&p);
    p.length = 0; /* no scan */
    PUT(&p, "\xff\xd8");
    jpeg_frame(&p, 0xc0, 10, 10);
    PUT(&p, "\xff\xd9");
    assert_invalid(&p);
    p.length = 0; /* no frame */
    PUT(&p, "\xff\xd8");
    jpeg_scan(&p);
    PUT(&p, "\xff\xd9");
    assert_invalid(&p);
}

static void test_a_jpeg_has_one_frame(void **state)
{
    (void)state;
    p.length = 0;
    PUT(&p, "\xff\xd8");
    jpeg_frame(&p, 0xc0, 10, 10);
    jpeg_frame(&p, 0xc0, 10, 10);
    jpeg_scan(&p);
    PUT(&p, "\xff\xd9");
    assert_invalid(&p);
}

static void test_a_jpeg_may_have_fill_bytes_and_scans(void **state)
{
    (void)state;
    p.length = 0;
    PUT(&p, "\xff\xd8\xff\xff\xff");
    jpeg_segment(&p, 0xfe, "a comment", 9);
    jpeg_frame(&p, 0xc2, 12, 13);
    for (int i = 0; i < 100; i++)
        jpeg_scan(&p);
    PUT(&p, "\xff\xff\xd9");
    assert_is(&p, IMAGE_JPEG, 12, 13, 1);
    p.length -= 3;
    jpeg_scan(&p);
    PUT(&p, "\xff\xd9");
    assert_invalid(&p);
}

static void test_a_jpeg_may_be_cut_off_behind_its_first_pixels(void **state)
{
    (void)state;
    make_jpeg(&p, 0xc2, 640, 480);
    p.length -= 2;
    size_t first_pixel = p.length - 6;
    jpeg_segment(&p, 0xc4, "more codes", 10);
    jpeg_scan(&p);
    for (size_t whole = p.length; p.length > 0; p.length--) {
        image found;
        bool passes = look(&p, &generous, &found) == IMAGE_OK;
        if (passes != (p.length >= first_pixel))
            fail_msg("the first %zu of %zu bytes%s pass", p.length, whole, passes ? "" : " do not");
    }
}

static void test_only_the_first_of_several_jpegs_counts(void **state)
{
    (void)state;
    static picture both, small;
    make_jpeg(&p, 0xc0, 400, 300);
    make_jpeg(&small, 0xc0, 40, 30);
    both = p;
    for (int i = 0; i < 20; i++)
        put(&both, small.bytes, small.length - 1);
    assert_is(&both, IMAGE_JPEG, 400, 300, 1);
    assert_kept(&both, &p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_none_of_the_four_is_invalid),
        cmocka_unit_test(test_types_have_names),
        cmocka_unit_test(test_each_limit_counts),
        cmocka_unit_test(test_a_gif_is_read),
        cmocka_unit_test(test_a_gif_has_extensions_and_tables),
        cmocka_unit_test(test_a_gif_grows_with_its_frames),
        cmocka_unit_test(test_a_gif_without_pixels_is_invalid),
        cmocka_unit_test(test_a_gif_may_lack_its_trailer_only),
        cmocka_unit_test(test_a_gif_of_other_blocks_is_invalid),
        cmocka_unit_test(test_a_jpeg_is_read),
        cmocka_unit_test(test_a_jpeg_of_a_kind_no_browser_shows_is_invalid),
        cmocka_unit_test(test_a_jpeg_without_pixels_is_invalid),
        cmocka_unit_test(test_a_jpeg_has_one_frame),
        cmocka_unit_test(test_a_jpeg_may_have_fill_bytes_and_scans),
        cmocka_unit_test(test_a_jpeg_may_be_cut_off_behind_its_first_pixels),
        cmocka_unit_test(test_only_the_first_of_several_jpegs_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
