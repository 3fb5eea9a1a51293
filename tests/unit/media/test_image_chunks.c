/*
 * PNG and WebP.
 */
#include "tests/unit/media/pictures.h"

static picture p, body;

static void test_a_png_is_read(void **state)
{
    (void)state;
    make_png(&p, 1234, 56);
    assert_is(&p, IMAGE_PNG, 1234, 56, 1);
    assert_no_part_passes(&p);
    assert_end_is_end(&p);
}

static void test_every_bit_of_a_png_counts(void **state)
{
    (void)state;
    make_png(&p, 12, 34);
    for (size_t i = 0; i < p.length; i++) {
        p.bytes[i] ^= 1;
        assert_invalid(&p);
        p.bytes[i] ^= 1;
    }
}

static void test_a_png_may_have_other_chunks(void **state)
{
    (void)state;
    p.length = 0;
    png_head(&p, 5, 5, 8, 3);
    png_chunk(&p, "gAMA", "1234", 4);
    png_chunk(&p, "PLTE", "123456", 6);
    png_chunk(&p, "IDAT", "a", 1);
    png_chunk(&p, "IDAT", "", 0);
    png_chunk(&p, "tEXt", "Comment", 7);
    png_chunk(&p, "IEND", "", 0);
    assert_is(&p, IMAGE_PNG, 5, 5, 1);
}

/* The chunks of `kinds` between head and end: P palette, D pixels, t text, U unknown but needed, H another head. */
static void make_with(const char *kinds, int depth, int colours)
{
    p.length = 0;
    png_head(&p, 5, 5, depth, colours);
    for (; *kinds; kinds++) {
        const char *type = *kinds == 'P'   ? "PLTE"
                           : *kinds == 'D' ? "IDAT"
                           : *kinds == 't' ? "tEXt"
                           : *kinds == 'H' ? "IHDR"
                                           : "UNKN";
        png_chunk(&p, type, "123", 3);
    }
    png_chunk(&p, "IEND", "", 0);
}

static void test_the_chunks_of_a_png_have_an_order(void **state)
{
    (void)state;
    static const char *const fine[] = {"PD", "tPtDDt", "PDt"};
    static const char *const wrong[] = {"", "P", "D", "DP", "PPD", "PDtD", "PUD", "PHD", "tt"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        make_with(fine[i], 8, 3);
        assert_is(&p, IMAGE_PNG, 5, 5, 1);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        make_with(wrong[i], 8, 3);
        assert_invalid(&p);
    }
    make_with("PD", 8, 0); /* grey has no palette */
    assert_invalid(&p);
    make_with("PD", 8, 2);
    assert_is(&p, IMAGE_PNG, 5, 5, 1);
}

static void test_colours_have_their_depths(void **state)
{
    (void)state;
    static const char *const allowed[] = {"1 2 4 8 16", "", "8 16", "1 2 4 8", "8 16", "", "8 16", ""};
    for (int colours = 0; colours < 8; colours++) {
        for (int depth = 0; depth <= 17; depth++) {
            char text[8], list[32];
            snprintf(text, sizeof text, " %d ", depth);
            snprintf(list, sizeof list, " %s ", allowed[colours]);
            make_with(colours == 3 ? "PD" : "D", depth, colours);
            image found;
            assert_int_equal(look(&p, &generous, &found), strstr(list, text) ? IMAGE_OK : IMAGE_INVALID);
        }
    }
}

static void test_a_png_has_a_size(void **state)
{
    (void)state;
    image found;
    make_png(&p, 0, 5);
    assert_invalid(&p);
    make_png(&p, 5, 0x80000000);
    assert_invalid(&p);
    make_png(&p, 0x7fffffff, 0x7fffffff);
    assert_int_equal(look(&p, &generous, &found), IMAGE_TOO_LARGE);
}

static void png_animation(uint32_t declared, uint32_t frames, uint32_t width)
{
    picture control = {.length = 0};
    p.length = 0;
    png_head(&p, 20, 10, 8, 2);
    be(&control, declared, 4);
    be(&control, 0, 4);
    png_chunk(&p, "acTL", control.bytes, control.length);
    for (uint32_t i = 0; i < frames; i++) {
        picture frame = {.length = 0};
        const uint32_t numbers[] = {i, width, 4, 6, 6};
        for (size_t n = 0; n < 5; n++)
            be(&frame, numbers[n], 4);
        PUT(&frame, "\0\x01\0\x0a\0\0");
        png_chunk(&p, "fcTL", frame.bytes, frame.length);
        png_chunk(&p, i == 0 ? "IDAT" : "fdAT", "1234pixels", 10);
    }
    png_chunk(&p, "IEND", "", 0);
}

static void test_a_png_may_move(void **state)
{
    (void)state;
    png_animation(3, 3, 14);
    assert_is(&p, IMAGE_PNG, 20, 10, 3);
    png_animation(3, 2, 14);
    assert_is(&p, IMAGE_PNG, 20, 10, 2);
    png_animation(5000, 1, 14);
    assert_is(&p, IMAGE_PNG, 20, 10, 1);
    png_animation(2, 3, 14);
    assert_invalid(&p);
    png_animation(0, 0, 14);
    assert_invalid(&p);
    png_animation(2, 2, 15); /* over the edge */
    assert_invalid(&p);
    png_animation(2, 2, 0);
    assert_invalid(&p);
    image found;
    png_animation(1001, 1001, 14);
    assert_int_equal(look(&p, &generous, &found), IMAGE_TOO_LARGE);
}

static void test_a_webp_is_read(void **state)
{
    (void)state;
    body.length = 0;
    webp_picture(&body, 16384, 3);
    make_webp(&p, &body);
    assert_is(&p, IMAGE_WEBP, 16384, 3, 1);
    assert_no_part_passes(&p);
    assert_end_is_end(&p);
    body.length = 0;
    webp_lossy(&body, 300, 200);
    make_webp(&p, &body);
    assert_is(&p, IMAGE_WEBP, 300, 200, 1);
    assert_no_part_passes(&p);
    assert_end_is_end(&p);
}

static void test_a_simple_webp_is_one_chunk(void **state)
{
    (void)state;
    body.length = 0;
    webp_picture(&body, 3, 3);
    webp_chunk(&body, "EXIF", "xx", 2);
    make_webp(&p, &body);
    assert_invalid(&p);
    body.length = 0;
    webp_chunk(&body, "ICCP", "xx", 2);
    webp_picture(&body, 3, 3);
    make_webp(&p, &body);
    assert_invalid(&p);
}

static void test_an_extended_webp_is_read(void **state)
{
    (void)state;
    body.length = 0;
    webp_canvas(&body, 0x20, 30, 40);
    webp_chunk(&body, "ICCP", "odd", 3);
    webp_chunk(&body, "ALPH", "alpha", 5);
    webp_lossy(&body, 30, 40);
    make_webp(&p, &body);
    assert_is(&p, IMAGE_WEBP, 30, 40, 1);
    assert_end_is_end(&p);
}

static void test_an_extended_webp_has_one_picture_of_its_size(void **state)
{
    (void)state;
    body.length = 0;
    webp_canvas(&body, 0, 30, 40);
    make_webp(&p, &body);
    assert_invalid(&p);
    webp_picture(&body, 30, 41);
    make_webp(&p, &body);
    assert_invalid(&p);
    body.length = 0;
    webp_canvas(&body, 0, 30, 40);
    webp_picture(&body, 30, 40);
    webp_picture(&body, 30, 40);
    make_webp(&p, &body);
    assert_invalid(&p);
}

static void test_a_webp_may_move(void **state)
{
    (void)state;
    body.length = 0;
    webp_canvas(&body, 2, 30, 40);
    webp_chunk(&body, "ANIM", "123456", 6);
    webp_frame(&body, 0, 0, 30, 40);
    webp_frame(&body, 10, 20, 20, 20);
    make_webp(&p, &body);
    assert_is(&p, IMAGE_WEBP, 30, 40, 2);
    size_t before = body.length;
    webp_frame(&body, 12, 20, 20, 20); /* over the edge */
    make_webp(&p, &body);
    assert_invalid(&p);
    body.length = before;
    webp_picture(&body, 30, 40); /* a still picture between frames */
    make_webp(&p, &body);
    assert_invalid(&p);
    body.length = before;
    webp_chunk(&body, "ANMF", "too short", 9);
    make_webp(&p, &body);
    assert_invalid(&p);
}

static void test_a_webp_needs_a_sound_bitstream(void **state)
{
    (void)state;
    const size_t data = 20; /* behind the heads of RIFF and the chunk */
    body.length = 0;
    webp_lossy(&body, 300, 200);
    make_webp(&p, &body);
    static const struct {
        size_t at;
        unsigned char value;
    } lossy[] = {{0, 0x11}, {0, 0x80}, {1, 0x10}, {3, 0}, {4, 0}, {5, 0}}, lossless[] = {{0, 0x2e}, {4, 0x20}};
    for (size_t i = 0; i < sizeof lossy / sizeof *lossy; i++) {
        unsigned char before = p.bytes[data + lossy[i].at];
        p.bytes[data + lossy[i].at] = lossy[i].value;
        assert_invalid(&p);
        p.bytes[data + lossy[i].at] = before;
    }
    memset(p.bytes + data + 6, 0, 2); /* no width */
    assert_invalid(&p);
    body.length = 0;
    webp_picture(&body, 3, 3);
    make_webp(&p, &body);
    for (size_t i = 0; i < sizeof lossless / sizeof *lossless; i++) {
        unsigned char before = p.bytes[data + lossless[i].at];
        p.bytes[data + lossless[i].at] = lossless[i].value;
        assert_invalid(&p);
        p.bytes[data + lossless[i].at] = before;
    }
}

static void test_the_length_of_a_webp_counts(void **state)
{
    (void)state;
    body.length = 0;
    webp_picture(&body, 3, 3);
    make_webp(&p, &body);
    p.bytes[4] += 1;
    assert_invalid(&p);
    p.bytes[4] -= 3; /* one less is a last chunk without its padding */
    assert_invalid(&p);
    memset(p.bytes + 4, 0xff, 4);
    assert_invalid(&p);
    memset(p.bytes + 4, 0, 4);
    assert_invalid(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_png_is_read),
        cmocka_unit_test(test_every_bit_of_a_png_counts),
        cmocka_unit_test(test_a_png_may_have_other_chunks),
        cmocka_unit_test(test_the_chunks_of_a_png_have_an_order),
        cmocka_unit_test(test_colours_have_their_depths),
        cmocka_unit_test(test_a_png_has_a_size),
        cmocka_unit_test(test_a_png_may_move),
        cmocka_unit_test(test_a_webp_is_read),
        cmocka_unit_test(test_a_simple_webp_is_one_chunk),
        cmocka_unit_test(test_an_extended_webp_is_read),
        cmocka_unit_test(test_an_extended_webp_has_one_picture_of_its_size),
        cmocka_unit_test(test_a_webp_may_move),
        cmocka_unit_test(test_a_webp_needs_a_sound_bitstream),
        cmocka_unit_test(test_the_length_of_a_webp_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
