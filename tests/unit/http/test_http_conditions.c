/*
 * Conditional requests as a plugin's handlers use them; and bodies in a content coding, which reach no handler.
 */
#include "tests/unit/http/loopback.h"

#include "core/request/request.h"

#define TAG "\"v1-2cf24dba5fb0a30e26e83b2ac5b9e29e\"" /* "hello", hashed */

static int handled;

static int read_hello(tl_request *req)
{
    const char *etag = http_etag(req, "v1", "hello", 5);
    int wanted = http_check_read(req, etag);
    if (wanted == TL_REPLIED)
        return TL_REPLIED;
    http_set_header(req, "ETag", etag);
    http_set_header(req, "Cache-Control", "max-age=60");
    if (wanted == TL_NOT_MODIFIED)
        return http_reply(req, 304, NULL, NULL, 0);
    handled++;
    return http_reply(req, 200, "text/plain", "hello", 5);
}

static int write_hello(tl_request *req)
{
    if (http_check_write(req, "v1") != TL_OK)
        return TL_REPLIED;
    handled++;
    assert_int_equal(http_check_read(req, TAG), TL_OK);
    return http_reply(req, 200, "text/plain", "written", 7);
}

static int read_wrong(tl_request *req)
{
    assert_int_equal(http_check_read(req, "no tag"), TL_OK);
    const char *tag = http_etag(req, "spaces and \"quotes\"", "hello", 5);
    assert_string_equal(tag, "\"2cf24dba5fb0a30e26e83b2ac5b9e29e\"");
    return http_reply(req, 200, "text/plain", "hello", 5);
}

static const route routes[] = {
    {TL_GET, "/hello", read_hello},     {TL_PATCH, "/hello", write_hello}, {TL_PUT, "/hello", write_hello},
    {TL_DELETE, "/hello", write_hello}, {TL_GET, "/wrong", read_wrong},    {0},
};

static int start(void **state)
{
    loopback *l = loopback_prepare();
    loopback_start(l, routes);
    *state = client_new(l);
    handled = 0;
    return 0;
}

static answer ask_with(client *c, const char *method, const char *headers)
{
    char request[2000];
    snprintf(request, sizeof request, "%s /hello HTTP/1.1\r\nHost: a\r\n%s\r\n", method, headers);
    client_send(c, request);
    return client_answer(c, strcmp(method, "HEAD") == 0);
}

static void expect_status(client *c, const char *method, const char *headers, int status)
{
    answer a = ask_with(c, method, headers);
    if (a.status != status)
        fail_msg("%d instead of %d for %s with %s", a.status, status, method, headers);
    answer_free(&a);
}

static void test_an_answer_has_its_tag(void **state)
{
    client *c = *state;
    static const char *const methods[] = {
        "GET",
        "HEAD",
    };
    for (size_t i = 0; i < 2; i++) {
        answer a = ask_with(c, methods[i], "");
        assert_int_equal(a.status, 200);
        assert_string_equal(answer_header(&a, "ETag"), TAG);
        answer_free(&a);
    }
}

static void test_unchanged_is_304_with_what_was_set(void **state)
{
    client *c = *state;
    static const char *const methods[] = {"GET", "HEAD"};
    for (size_t i = 0; i < 2; i++) {
        answer a = ask_with(c, methods[i], "If-None-Match: \"x\"\r\nIf-None-Match: W/" TAG "\r\n");
        assert_int_equal(a.status, 304);
        assert_string_equal(answer_header(&a, "ETag"), TAG);
        assert_string_equal(answer_header(&a, "Cache-Control"), "max-age=60");
        assert_null(answer_header(&a, "Content-Type"));
        answer_free(&a);
    }
    assert_int_equal(handled, 0);
    expect_status(c, "GET", "If-None-Match: *\r\n", 304);
    expect_status(c, "GET", "If-None-Match: \"x\"\r\n", 200);
    expect_status(c, "GET", "If-None-Match: " TAG ", x\r\n", 200);
    /* the hash counts: this is not what was seen */
    expect_status(c, "GET", "If-None-Match: \"v1-00000000000000000000000000000000\"\r\n", 200);
}

static void test_a_read_of_another_version_is_412(void **state)
{
    answer a = ask_with(*state, "GET", "If-Match: \"v1-00000000000000000000000000000000\"\r\nIf-None-Match: *\r\n");
    expect_error(&a, 412, "Precondition Failed", "Precondition failed: If-Match does not name the current version");
    expect_status(*state, "GET", "If-Match: W/" TAG "\r\n", 412);
    expect_status(*state, "GET", "If-Match: " TAG "\r\n", 200);
}

static void test_a_write_compares_the_version(void **state)
{
    client *c = *state;
    static const char *const methods[] = {"PATCH", "PUT", "DELETE"};
    for (size_t i = 0; i < 3; i++) {
        handled = 0;
        expect_status(c, methods[i], "If-Match: \"v2-2cf24dba5fb0a30e26e83b2ac5b9e29e\"\r\n", 412);
        expect_status(c, methods[i], "If-Match: W/" TAG "\r\n", 412);
        expect_status(c, methods[i], "If-Match:\r\n", 412);
        expect_status(c, methods[i], "If-Match: *\r\nIf-Match: " TAG "\r\n", 412);
        expect_status(c, methods[i], "If-None-Match: *\r\n", 412);
        expect_status(c, methods[i], "If-None-Match: " TAG "\r\n", 412);
        expect_status(c, methods[i], "If-None-Match: x\r\n", 412);
        assert_int_equal(handled, 0);
        expect_status(c, methods[i], "", 200);
        expect_status(c, methods[i], "If-Match: *\r\n", 200);
        expect_status(c, methods[i], "If-Match: \"x\"\r\nIf-Match: \"v1-00000000000000000000000000000000\"\r\n", 200);
        expect_status(c, methods[i], "If-None-Match: \"v2\"\r\n", 200);
    }
    answer a = ask_with(c, "PATCH", "If-Match: v1\r\n");
    expect_error(&a, 412, "Precondition Failed", "Precondition failed: If-Match is no list of entity tags, nor '*'");
}

static void test_what_is_no_tag_is_compared_with_nothing(void **state)
{
    answer a = ask(*state, GET("/wrong"));
    expect_text(&a, 200, "hello");
}

static void check_without_visitor(tl_request *req, void *arg)
{
    (void)arg;
    assert_int_equal(http_check_read(req, TAG), TL_OK);
    assert_int_equal(http_check_write(req, "v1"), TL_OK);
}

static void test_without_a_visitor_there_are_no_conditions(void **state)
{
    fixture_run(((client *)*state)->on->worker, check_without_visitor, NULL);
}

static void expect_coded(client *c, const char *headers, const char *body, int status)
{
    char request[2000];
    snprintf(request, sizeof request, "PATCH /hello HTTP/1.1\r\nHost: a\r\n%s\r\n%s", headers, body);
    answer a = ask(c, request);
    assert_int_equal(a.status, status);
    if (status == 415) {
        assert_string_equal(answer_header(&a, "Accept-Encoding"), "identity");
        expect_error(&a, 415, "Unsupported Media Type", "Expected a body without Content-Encoding");
    }
    answer_free(&a);
}

static void test_a_body_in_a_coding_reaches_no_handler(void **state)
{
    client *c = *state;
    expect_coded(c, "Content-Encoding: gzip\r\nContent-Length: 1\r\n", "x", 415);
    expect_coded(c, "Content-Encoding: identity\r\ncontent-encoding: br\r\nContent-Length: 1\r\n", "x", 415);
    expect_coded(c, "Content-Encoding: identity , gzip\r\nTransfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n", 415);
    expect_coded(c, "Content-Encoding: identityx\r\nContent-Length: 1\r\n", "x", 415);
    assert_int_equal(handled, 0);
    expect_coded(c, "Content-Encoding: Identity\r\nContent-Encoding: ,\r\nContent-Length: 1\r\n", "x", 200);
    expect_coded(c, "Content-Encoding: gzip\r\nContent-Length: 0\r\n", "", 200);
    expect_coded(c, "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 200);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, loopback_stop_client)
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_has_its_tag),
        TEST(test_unchanged_is_304_with_what_was_set),
        TEST(test_a_read_of_another_version_is_412),
        TEST(test_a_write_compares_the_version),
        TEST(test_what_is_no_tag_is_compared_with_nothing),
        TEST(test_without_a_visitor_there_are_no_conditions),
        TEST(test_a_body_in_a_coding_reaches_no_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
