/*
 * Forms: their boundaries, parts and heads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/media/multipart.h"

#define FILE_HEAD "Content-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\n\r\n"

static multipart form;
static multipart_part part;

static void open_form(const char *body)
{
    multipart_open(&form, "b", body, strlen(body));
}

static void expect_file(const char *name, const char *bytes)
{
    assert_int_equal(multipart_next(&form, &part), MULTIPART_PART);
    assert_true(part.is_file);
    assert_int_equal(part.file_name_length, strlen(name));
    assert_memory_equal(part.file_name, name, strlen(name));
    assert_int_equal(part.length, strlen(bytes));
    assert_memory_equal(part.bytes, bytes, strlen(bytes));
}

static void expect_field(const char *bytes)
{
    assert_int_equal(multipart_next(&form, &part), MULTIPART_PART);
    assert_false(part.is_file);
    assert_int_equal(part.length, strlen(bytes));
    assert_memory_equal(part.bytes, bytes, strlen(bytes));
}

static void expect_end(void)
{
    assert_int_equal(multipart_next(&form, &part), MULTIPART_END);
}

/* The first part, or what follows the parts that come first, is malformed. */
static void expect_malformed(const char *body)
{
    multipart_status status;
    open_form(body);
    while ((status = multipart_next(&form, &part)) == MULTIPART_PART)
        ;
    if (status != MULTIPART_MALFORMED)
        fail_msg("status %d instead of malformed: %s", status, body);
}

static void test_the_boundary_is_in_the_content_type(void **state)
{
    (void)state;
    static const char *const fine[][2] = {
        {"multipart/form-data; boundary=abc", "abc"},
        {"Multipart/Form-Data;BOUNDARY=abc", "abc"},
        {" multipart/form-data ; charset=utf-8 ; boundary=abc ; x=y", "abc"},
        {"multipart/form-data; boundary=\"a b'()+_,-./:=?c\"", "a b'()+_,-./:=?c"},
        {"multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxk", "----WebKitFormBoundary7MA4YWxk"},
        {"multipart/form-data; boundary=\"a\\\\b\"", NULL},
        {"multipart/form-data", NULL},
        {"multipart/form-data; boundary", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"\"", NULL},
        {"multipart/form-data; boundary=\"a ", NULL},
        {"multipart/form-data; boundary=\"a \"", NULL},
        {"multipart/form-data; boundary=a;boundary=b", NULL},
        {"multipart/form-data; boundary=a\x7f", NULL},
        {"multipart/form-data; boundary=\"a\"b", NULL},
        {"multipart/form-data boundary=a", NULL},
        {"multipart/form-data; boundary=\xc3\xa4", NULL},
    };
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        char boundary[MULTIPART_BOUNDARY_MAX + 1];
        assert_int_equal(multipart_boundary(fine[i][0], boundary), fine[i][1] != NULL);
        if (fine[i][1])
            assert_string_equal(boundary, fine[i][1]);
    }
}

static void test_a_boundary_has_at_most_seventy_characters(void **state)
{
    (void)state;
    char type[200], boundary[MULTIPART_BOUNDARY_MAX + 1];
    snprintf(type, sizeof type, "multipart/form-data; boundary=%070d", 0);
    assert_true(multipart_boundary(type, boundary));
    assert_int_equal(strlen(boundary), 70);
    snprintf(type, sizeof type, "multipart/form-data; boundary=%071d", 0);
    assert_false(multipart_boundary(type, boundary));
}

static void test_only_forms_are_forms(void **state)
{
    (void)state;
    assert_true(multipart_is_form("multipart/form-data"));
    assert_true(multipart_is_form("MULTIPART/form-data ;boundary=x"));
    assert_false(multipart_is_form("multipart/mixed; boundary=x"));
    assert_false(multipart_is_form("multipart/form-datax"));
    assert_false(multipart_is_form("multipart/form-data,x"));
    assert_false(multipart_is_form(""));
}

static void test_files_and_fields_come_in_their_order(void **state)
{
    (void)state;
    open_form("--b\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\ntitle\r\n"
              "--b\r\nContent-Type: image/png\r\ncontent-disposition:form-data;name=f;filename=a.png\r\nX-Other: "
              "y\r\n\r\none\r\n"
              "--b \t\r\n" FILE_HEAD "two\r\n--\r\n\r\n--b--\r\n");
    expect_field("title");
    expect_file("a.png", "one");
    expect_file("a.png", "two\r\n--\r\n");
    expect_end();
}

static void test_what_stands_around_the_parts_does_not_count(void **state)
{
    (void)state;
    open_form("preamble --b\r\n\r\n--b\r\n" FILE_HEAD "one\r\n--b--\r\n--b\r\nepilogue");
    expect_file("a.png", "one");
    expect_end();
    open_form("--b--");
    expect_end();
    open_form("--b-- ");
    expect_end();
}

static void test_a_part_may_be_empty(void **state)
{
    (void)state;
    open_form("--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n--b\r\n"
              "Content-Disposition: form-data; name=x\r\n\r\n--b\r\n" FILE_HEAD "\r\n--b--");
    expect_field("");
    expect_field("");
    expect_file("a.png", "");
    expect_end();
}

static void test_bytes_are_any_bytes(void **state)
{
    (void)state;
    static const char head[] = "--b\r\n" FILE_HEAD, tail[] = "\r\n--b--\r\n";
    char body[sizeof head + 256 + sizeof tail];
    memcpy(body, head, sizeof head - 1);
    for (int i = 0; i < 256; i++)
        body[sizeof head - 1 + i] = (char)i;
    memcpy(body + sizeof head - 1 + 256, tail, sizeof tail - 1);
    multipart_open(&form, "b", body, sizeof head - 1 + 256 + sizeof tail - 1);
    assert_int_equal(multipart_next(&form, &part), MULTIPART_PART);
    assert_int_equal(part.length, 256);
    assert_memory_equal(part.bytes, body + sizeof head - 1, 256);
    expect_end();
}

static void test_file_names_are_decoded(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"filename=\"a b.png\"", "a b.png"},
        {"filename=a b.png", "a b.png"},
        {"filename=\"a\\\"b\\\\c.png\"", "a\"b\\c.png"},
        {"filename=\"C:\\dir\\a.png\"", "C:\\dir\\a.png"},
        {"filename=\"a;b=c.png\"", "a;b=c.png"},
        {"filename=\"\xc3\xa4\xff\x01.png\"", "\xc3\xa4\xff\x01.png"},
        {"FileName = \"a.png\"", "a.png"},
        {"filename*=UTF-8''a%20b%C3%A4.png", "a b\xc3\xa4.png"},
        {"filename*=UTF-8'en'%22%0D%00%zz%4", "\"--%zz%4"},
        {"filename*=plain.png", "plain.png"},
        {"filename=\"first.png\"; filename*=UTF-8''second.png", "first.png"},
        {"filename*=UTF-8''second.png; filename=\"first.png\"", "first.png"},
        {"filename=\"a.png\"; size=5;", "a.png"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char body[500];
        snprintf(body, sizeof body, "--b\r\nContent-Disposition: form-data; name=\"f\"; %s\r\n\r\nx\r\n--b--",
                 names[i][0]);
        open_form(body);
        expect_file(names[i][1], "x");
        expect_end();
    }
}

static void test_an_empty_name_is_a_file_only_with_bytes(void **state)
{
    (void)state;
    open_form("--b\r\nContent-Disposition: form-data; name=f; filename=\"\"\r\n\r\n\r\n"
              "--b\r\nContent-Disposition: form-data; name=f; filename=\"\"\r\n\r\nx\r\n--b--");
    expect_field("");
    expect_file("", "x");
    expect_end();
}

static void test_forms_that_do_not_end_are_malformed(void **state)
{
    (void)state;
    static const char whole[] = "--b\r\n" FILE_HEAD "one\r\n--b\r\n" FILE_HEAD "two\r\n--b--";
    for (size_t length = 0; length < sizeof whole - 1; length++) {
        multipart_status status;
        char *cut = malloc(length + 1);
        assert_non_null(cut);
        memcpy(cut, whole, length);
        multipart_open(&form, "b", cut, length);
        while ((status = multipart_next(&form, &part)) == MULTIPART_PART)
            ;
        assert_int_equal(status, MULTIPART_MALFORMED);
        free(cut);
    }
}

static void test_malformed_heads_are_refused(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "",
        "\r\n",
        "Content-Type: image/png\r\n\r\n",
        "Content-Disposition: attachment; filename=a\r\n\r\n",
        "Content-Disposition: form-datax; filename=a\r\n\r\n",
        "Content-Disposition\r\n\r\n",
        "Content-Disposition form-data\r\n\r\n",
        ": form-data\r\n\r\n",
        " Content-Disposition: form-data\r\n\r\n",
        "Content-Disposition : form-data\r\n\r\n",
        "Content-Disposition: form-data;\r\n name=f\r\n\r\n",
        "Content-Disposition: form-data; name=f\n\r\n\r\n",
        "Content-Disposition: form-data; name=f\r\r\n\r\n",
        "Content-Disposition: form-data; filename=\"a\r\n\r\n",
        "Content-Disposition: form-data; filename=\"a\"b\r\n\r\n",
        "Content-Disposition: form-data; filename=\"a\\\"\r\n\r\n",
        "Content-Disposition: form-data; filename\r\n\r\n",
        "Content-Disposition: form-data; =a\r\n\r\n",
        "Content-Disposition: form-data; filename=a; filename=b\r\n\r\n",
        "Content-Disposition: form-data; filename*=a; filename*=b\r\n\r\n",
        "Content-Disposition: form-data; name=f\r\nContent-Disposition: form-data; name=g\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char body[500];
        snprintf(body, sizeof body, "--b\r\n%sx\r\n--b--", heads[i]);
        expect_malformed(body);
    }
    static const char with_nul[] = "--b\r\nContent-Disposition: form-data; filename=\"a\0b\"\r\n\r\nx\r\n--b--";
    multipart_open(&form, "b", with_nul, sizeof with_nul - 1);
    assert_int_equal(multipart_next(&form, &part), MULTIPART_MALFORMED);
}

static void test_malformed_boundaries_are_refused(void **state)
{
    (void)state;
    expect_malformed("");
    expect_malformed("no boundary at all");
    expect_malformed("--bx\r\n" FILE_HEAD "x\r\n--b--");
    expect_malformed("--b\n" FILE_HEAD "x\r\n--b--");
    expect_malformed("--b\r\n" FILE_HEAD "x\r\n--bx--");
    expect_malformed("--b\r\n" FILE_HEAD "x\r\n--b-");
    expect_malformed("--b\r\n" FILE_HEAD "x\r\n--b--x");
    expect_malformed("--b\r\n" FILE_HEAD "x\n--b--");
    expect_malformed("x--b\r\n" FILE_HEAD "x");
}

static void test_a_head_has_at_most_eight_kibibytes(void **state)
{
    (void)state;
    enum { AROUND = 4 };
    static const char rest[] = "Content-Disposition: form-data; filename=a\r\nX: ";
    for (int over = 0; over <= 1; over++) {
        size_t filler = MULTIPART_HEAD_MAX - AROUND - (sizeof rest - 1) + (size_t)over;
        char *body = malloc(MULTIPART_HEAD_MAX + 100);
        assert_non_null(body);
        int length = sprintf(body, "--b\r\n%s", rest);
        memset(body + length, 'x', filler);
        length += (int)filler;
        length += sprintf(body + length, "\r\n\r\nbytes\r\n--b--");
        multipart_open(&form, "b", body, (size_t)length);
        assert_int_equal(multipart_next(&form, &part), over ? MULTIPART_MALFORMED : MULTIPART_PART);
        free(body);
    }
}

static void test_there_are_at_most_a_thousand_parts(void **state)
{
    (void)state;
    static const char one[] = "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n";
    size_t size = sizeof one - 1;
    char *body = malloc(1001 * size + 10);
    assert_non_null(body);
    for (size_t i = 0; i < 1001; i++)
        memcpy(body + i * size, one, size);
    for (size_t count = 1000; count <= 1001; count++) {
        memcpy(body + count * size, "--b--", 5);
        multipart_open(&form, "b", body, count * size + 5);
        for (size_t i = 0; i < 1000; i++)
            assert_int_equal(multipart_next(&form, &part), MULTIPART_PART);
        assert_int_equal(multipart_next(&form, &part), count == 1000 ? MULTIPART_END : MULTIPART_TOO_MANY);
        memcpy(body + 1000 * size, one, size);
    }
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_boundary_is_in_the_content_type),
        cmocka_unit_test(test_a_boundary_has_at_most_seventy_characters),
        cmocka_unit_test(test_only_forms_are_forms),
        cmocka_unit_test(test_files_and_fields_come_in_their_order),
        cmocka_unit_test(test_what_stands_around_the_parts_does_not_count),
        cmocka_unit_test(test_a_part_may_be_empty),
        cmocka_unit_test(test_bytes_are_any_bytes),
        cmocka_unit_test(test_file_names_are_decoded),
        cmocka_unit_test(test_an_empty_name_is_a_file_only_with_bytes),
        cmocka_unit_test(test_forms_that_do_not_end_are_malformed),
        cmocka_unit_test(test_malformed_heads_are_refused),
        cmocka_unit_test(test_malformed_boundaries_are_refused),
        cmocka_unit_test(test_a_head_has_at_most_eight_kibibytes),
        cmocka_unit_test(test_there_are_at_most_a_thousand_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
