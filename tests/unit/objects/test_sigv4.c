/*
 * The signer, against what AWS has published: the examples of the S3 documentation, and cases of the test suite of
 * Signature Version 4 (those that do not ask for normalized paths, which S3 does not have).
 */
#include "core/objects/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const sigv4_keys suite_keys = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL};
static const sigv4_keys s3_keys = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL};

enum { SUITE_TIME = 1440938160, S3_TIME = 1369353600 }; /* 20150830T123600Z, 20130524T000000Z */

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void expect(const char *authorization, const char *names, const char *signature)
{
    char text[256];
    snprintf(text, sizeof text, "SignedHeaders=%s, Signature=%s", names, signature);
    const char *at = strstr(authorization, "SignedHeaders=");
    assert_non_null(at);
    assert_string_equal(at, text);
}

/* A case of the suite: all have host and x-amz-date. */
static void suite(const char *method, const char *path, const sigv4_pair *query, size_t queries,
                  const sigv4_pair *headers, size_t extra, const char *body, const char *names, const char *signature)
{
    arena *a = arena_new(NULL);
    char hash[SIGV4_HASH];
    sigv4_pair all[8] = {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}};
    memcpy(all + 2, headers, extra * sizeof *headers);
    sigv4_hash(body, strlen(body), hash);
    sigv4_request r = {.method = method,
                       .path = path,
                       .query = query,
                       .query_count = queries,
                       .headers = all,
                       .header_count = 2 + extra,
                       .payload = hash,
                       .region = "us-east-1",
                       .service = "service",
                       .seconds = SUITE_TIME};
    expect(sigv4_authorization(a, &r, &suite_keys), names, signature);
    arena_free(a);
}

static void the_suite_get_vanilla(void **state)
{
    (void)state;
    suite("GET", "/", NULL, 0, (sigv4_pair[]){{0}}, 0, "", "host;x-amz-date",
          "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    suite("POST", "/", NULL, 0, (sigv4_pair[]){{0}}, 0, "", "host;x-amz-date",
          "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

static void the_suite_query(void **state)
{
    (void)state;
    const sigv4_pair unordered[] = {{"Param2", "value2"}, {"Param1", "value1"}};
    suite("GET", "/", unordered, 2, (sigv4_pair[]){{0}}, 0, "", "host;x-amz-date",
          "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
    const char unreserved[] = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const sigv4_pair plain[] = {{unreserved, unreserved}};
    suite("GET", "/", plain, 1, (sigv4_pair[]){{0}}, 0, "", "host;x-amz-date",
          "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197");
}

static void the_suite_headers(void **state)
{
    (void)state;
    const sigv4_pair one[] = {{"my-header1", "value1"}};
    suite("POST", "/", NULL, 0, one, 1, "", "host;my-header1;x-amz-date",
          "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c");
    const sigv4_pair blanks[] = {{"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}};
    suite("GET", "/", NULL, 0, blanks, 2, "", "host;my-header1;my-header2;x-amz-date",
          "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
}

static void the_suite_body(void **state)
{
    (void)state;
    const sigv4_pair form[] = {{"content-type", "application/x-www-form-urlencoded"}};
    suite("POST", "/", NULL, 0, form, 1, "Param1=value1", "content-type;host;x-amz-date",
          "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
}

static void the_suite_utf8(void **state)
{
    (void)state;
    arena *a = arena_new(NULL);
    const char *path = sigv4_encode(a, "/\xe1\x88\xb4", true);
    assert_string_equal(path, "/%E1%88%B4");
    suite("GET", path, NULL, 0, (sigv4_pair[]){{0}}, 0, "", "host;x-amz-date",
          "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
    arena_free(a);
}

/* An example of the S3 documentation: all have host, x-amz-content-sha256 and x-amz-date. */
static void s3(const char *method, const char *key, const sigv4_pair *query, size_t queries, const sigv4_pair *headers,
               size_t extra, const char *body, const char *names, const char *signature)
{
    arena *a = arena_new(NULL);
    char hash[SIGV4_HASH];
    sigv4_hash(body, strlen(body), hash);
    sigv4_pair all[8] = {
        {"host", "examplebucket.s3.amazonaws.com"}, {"x-amz-date", "20130524T000000Z"}, {"x-amz-content-sha256", hash}};
    memcpy(all + 3, headers, extra * sizeof *headers);
    sigv4_request r = {.method = method,
                       .path = sigv4_encode(a, key, true),
                       .query = query,
                       .query_count = queries,
                       .headers = all,
                       .header_count = 3 + extra,
                       .payload = hash,
                       .region = "us-east-1",
                       .service = "s3",
                       .seconds = S3_TIME};
    expect(sigv4_authorization(a, &r, &s3_keys), names, signature);
    arena_free(a);
}

static void s3_get_with_range(void **state)
{
    (void)state;
    const sigv4_pair range[] = {{"range", "bytes=0-9"}};
    s3("GET", "/test.txt", NULL, 0, range, 1, "", "host;range;x-amz-content-sha256;x-amz-date",
       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void s3_put_with_a_key_to_encode(void **state)
{
    (void)state;
    const sigv4_pair headers[] = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                  {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
    s3("PUT", "/test$file.text", NULL, 0, headers, 2, "Welcome to Amazon S3.",
       "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void s3_get_bucket_lifecycle(void **state)
{
    (void)state;
    const sigv4_pair query[] = {{"lifecycle", ""}};
    s3("GET", "/", query, 1, (sigv4_pair[]){{0}}, 0, "", "host;x-amz-content-sha256;x-amz-date",
       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

static void s3_list(void **state)
{
    (void)state;
    const sigv4_pair query[] = {{"prefix", "J"}, {"max-keys", "2"}};
    s3("GET", "/", query, 2, (sigv4_pair[]){{0}}, 0, "", "host;x-amz-content-sha256;x-amz-date",
       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void s3_presigned_get(void **state)
{
    (void)state;
    arena *a = arena_new(NULL);
    const sigv4_pair host[] = {{"host", "examplebucket.s3.amazonaws.com"}};
    sigv4_request r = {.method = "GET",
                       .path = "/test.txt",
                       .headers = host,
                       .header_count = 1,
                       .payload = "UNSIGNED-PAYLOAD",
                       .region = "us-east-1",
                       .service = "s3",
                       .seconds = S3_TIME};
    assert_string_equal(sigv4_presigned_query(a, &r, &s3_keys, 86400),
                        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F"
                        "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
                        "X-Amz-SignedHeaders=host&X-Amz-Signature="
                        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    arena_free(a);
}

static void a_token_is_part_of_a_presigned_url(void **state)
{
    (void)state;
    arena *a = arena_new(NULL);
    const sigv4_pair host[] = {{"host", "h"}};
    const sigv4_keys temporary = {"A", "S", "to/ken+="};
    sigv4_request r = {.method = "GET",
                       .path = "/k",
                       .headers = host,
                       .header_count = 1,
                       .payload = "UNSIGNED-PAYLOAD",
                       .region = "r",
                       .service = "s3",
                       .seconds = S3_TIME};
    assert_non_null(strstr(sigv4_presigned_query(a, &r, &temporary, 60), "&X-Amz-Security-Token=to%2Fken%2B%3D&"));
    arena_free(a);
}

static void every_byte_but_the_unreserved_is_encoded(void **state)
{
    (void)state;
    arena *a = arena_new(NULL);
    for (int c = 1; c < 256; c++) {
        char text[] = {(char)c, '\0'}, expected[4];
        bool plain = c < 128 &&
                     (strchr("-_.~/", c) || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
        snprintf(expected, sizeof expected, plain ? "%c" : "%%%02X", c);
        assert_string_equal(sigv4_encode(a, text, true), expected);
    }
    assert_string_equal(sigv4_encode(a, "a/b", false), "a%2Fb");
    arena_free(a);
}

static void parameters_are_sorted_after_encoding(void **state)
{
    (void)state;
    arena *a = arena_new(NULL);
    const sigv4_pair query[] = {{"b", ""}, {"a", "2"}, {"a", "1 +"}, {"\xc3\xa9", "x"}, {"~", ""}, {"-", ""}};
    assert_string_equal(sigv4_query(a, query, COUNT(query)), "%C3%A9=x&-=&a=1%20%2B&a=2&b=&~=");
    assert_string_equal(sigv4_query(a, NULL, 0), "");
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_suite_get_vanilla),
        cmocka_unit_test(the_suite_query),
        cmocka_unit_test(the_suite_headers),
        cmocka_unit_test(the_suite_body),
        cmocka_unit_test(the_suite_utf8),
        cmocka_unit_test(s3_get_with_range),
        cmocka_unit_test(s3_put_with_a_key_to_encode),
        cmocka_unit_test(s3_get_bucket_lifecycle),
        cmocka_unit_test(s3_list),
        cmocka_unit_test(s3_presigned_get),
        cmocka_unit_test(a_token_is_part_of_a_presigned_url),
        cmocka_unit_test(every_byte_but_the_unreserved_is_encoded),
        cmocka_unit_test(parameters_are_sorted_after_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
