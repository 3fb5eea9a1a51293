/*
 * A storage that fails: what is repeated, what is not, and what the caller and the log are told.
 */
#include "tests/unit/objects/bad_server.h"

#define OBJECT "ETag: \"e1\"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\nContent-Type: text/plain\r\n"

static void put_one(tl_request *req, storage *t)
{
    CHECK(put_text(req, t, "k", "the whole body"));
}

static void fail_twice(bad_server *s, int fd, const bad_request *r)
{
    bool is_whole = r->length == 14 && memcmp(r->body, "the whole body", 14) == 0;
    if (!is_whole)
        bad_error(s, fd, "400 Bad Request", "Truncated");
    else if (r->number == 1)
        bad_error(s, fd, "500 Internal Server Error", "InternalError");
    else if (r->number == 2)
        bad_send(s, fd, "HTTP/1.1 5", 10);
    else
        bad_answer(s, fd, "200 OK", "ETag: \"e\"\r\n", "");
}

static void what_may_be_repeated_is_repeated_whole(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, fail_twice, put_one);
    assert_int_equal(t.server->requests, 3);
    bad_case_end(&t);
}

static void slow_down(bad_server *s, int fd, const bad_request *r)
{
    (void)r;
    bad_error(s, fd, "503 Slow Down", "SlowDown");
}

static void be_unavailable(tl_request *req, storage *t)
{
    tl_object about;
    CHECK(objects_put(req, t->store, "k", "v", 1, NULL) == TL_UNAVAILABLE);
    CHECK(objects_head(req, t->store, "k", &about) == TL_UNAVAILABLE);
}

static void a_storage_that_stays_overloaded_is_unavailable(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, slow_down, be_unavailable);
    assert_int_equal(t.server->requests, 8);
    assert_true(storage_logged("it is overloaded and asks to slow down (SlowDown, status 503"));
    bad_case_end(&t);
}

static void large_page(bad_server *s, int fd, const bad_request *r)
{
    static char page[200000];
    (void)r;
    memset(page, 'x', sizeof page - 1);
    bad_answer(s, fd, "502 Bad Gateway", "", page);
}

static void a_long_page_of_a_proxy_is_a_failure_like_others(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, large_page, be_unavailable);
    bad_case_end(&t);
}

static void refuse(bad_server *s, int fd, const bad_request *r)
{
    (void)r;
    bad_answer(s, fd, "403 Forbidden", "", "");
}

static void be_denied(tl_request *req, storage *t)
{
    CHECK(objects_put(req, t->store, "k", "v", 1, NULL) == TL_DENIED);
}

static void a_refusal_is_not_repeated(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, refuse, be_denied);
    assert_int_equal(t.server->requests, 1);
    bad_case_end(&t);
}

static void other_time(bad_server *s, int fd, const bad_request *r)
{
    (void)r;
    bad_answer(s, fd, "403 Forbidden", "Date: Wed, 21 Oct 2015 07:28:00 GMT\r\n",
               "<Error><Code>RequestTimeTooSkewed</Code></Error>");
}

static void a_wrong_clock_is_told_apart(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, other_time, be_denied);
    assert_true(storage_logged("this machine's clock is "));
    assert_true(storage_logged(" s ahead of that of the storage (RequestTimeTooSkewed)"));
    assert_false(storage_logged("secret_key"));
    bad_case_end(&t);
}

static void other_region(bad_server *s, int fd, const bad_request *r)
{
    (void)r;
    bad_answer(s, fd, "301 Moved Permanently", "Location: http://127.0.0.1:1/\r\n",
               "<Error><Code>PermanentRedirect</Code><Endpoint>elsewhere</Endpoint></Error>");
}

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, other_region, be_denied);
    assert_int_equal(t.server->requests, 1);
    assert_true(storage_logged("endpoint or region is wrong"));
    bad_case_end(&t);
}

/* Promises ten bytes and sends five, always. */
static void always_short(bad_server *s, int fd, const bad_request *r)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n" OBJECT "\r\n01234";
    (void)r;
    bad_send(s, fd, answer, sizeof answer - 1);
}

static void get_short(tl_request *req, storage *t)
{
    const void *bytes;
    size_t length;
    int error;
    CHECK(objects_get(req, t->store, "k", 100, &bytes, NULL) != TL_OK && !bytes);
    tl_download *d = objects_download_begin(req, t->store, "k", 0, -1, NULL, &error);
    CHECK(d);
    while ((error = objects_download_read(req, d, &bytes, &length)) == TL_OK)
        CHECK(length > 0);
    CHECK(objects_download_read(req, d, &bytes, &length) == error && length == 0);
}

static void a_short_body_never_passes_for_a_whole_one(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, always_short, get_short);
    assert_true(storage_logged("the transfer ended after 5 of 10 bytes"));
    bad_case_end(&t);
}

static void break_once(bad_server *s, int fd, const bad_request *r)
{
    if (r->number == 1)
        always_short(s, fd, r);
    else if (bad_has(r, "\nrange: bytes=5-9\r") && bad_has(r, "\nif-match: \"e1\"\r"))
        bad_answer(s, fd, "206 Partial Content", OBJECT "Content-Range: bytes 5-9/10\r\n", "56789");
    else
        bad_error(s, fd, "400 Bad Request", "Unexpected");
}

static void get_whole(tl_request *req, storage *t)
{
    CHECK(has_text(req, t, "k", "0123456789"));
}

static void a_broken_download_goes_on_where_it_was(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, break_once, get_whole);
    assert_int_equal(t.server->requests, 2);
    bad_case_end(&t);
}

static void change_between(bad_server *s, int fd, const bad_request *r)
{
    if (r->number == 1)
        always_short(s, fd, r);
    else
        bad_error(s, fd, "412 Precondition Failed", "PreconditionFailed");
}

static void get_changed(tl_request *req, storage *t)
{
    const void *bytes;
    CHECK(objects_get(req, t->store, "k", 100, &bytes, NULL) == TL_ERROR);
}

static void two_versions_are_never_mixed(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, change_between, get_changed);
    assert_int_equal(t.server->requests, 2);
    bad_case_end(&t);
}

static void whole_for_range(bad_server *s, int fd, const bad_request *r)
{
    (void)r;
    bad_answer(s, fd, "200 OK", OBJECT, "0123456789");
}

static void get_range(tl_request *req, storage *t)
{
    int error;
    CHECK(!objects_download_begin(req, t->store, "k", 3, 4, NULL, &error) && error == TL_ERROR);
}

static void another_range_than_asked_for_is_an_error(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, whole_for_range, get_range);
    bad_case_end(&t);
}

static void no_length(bad_server *s, int fd, const bad_request *r)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n" OBJECT "\r\n0123456789";
    (void)r;
    bad_send(s, fd, answer, sizeof answer - 1);
}

static void get_without_length(tl_request *req, storage *t)
{
    const void *bytes;
    CHECK(objects_get(req, t->store, "k", 100, &bytes, NULL) == TL_ERROR);
}

static void a_body_of_unknown_length_is_not_believed(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, no_length, get_without_length);
    bad_case_end(&t);
}

static void odd_date(bad_server *s, int fd, const bad_request *r)
{
    (void)r;
    bad_answer(s, fd, "200 OK", "ETag: e1\r\nLast-Modified: yesterday at noon\r\n", "x");
}

static void get_odd(tl_request *req, storage *t)
{
    tl_object about;
    const void *bytes;
    CHECK(objects_get(req, t->store, "k", 100, &bytes, &about) == TL_OK);
    CHECK(about.modified == 0 && strcmp(about.etag, "\"e1\"") == 0);
    CHECK(strcmp(about.content_type, "application/octet-stream") == 0);
}

static void odd_headers_do_no_harm(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, odd_date, get_odd);
    bad_case_end(&t);
}

#define ENCODED_BADLY                                                                                                  \
    "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%0</Key><Size>1</Size></Contents></"             \
    "ListBucketResult>"

static void bad_lists(bad_server *s, int fd, const bad_request *r)
{
    static const char *const bodies[] = {
        "",
        "no XML",
        "<ListBucketResult><Contents><Key>a</Key></ListBucketResult>",
        "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        "<!DOCTYPE a [<!ENTITY b \"cccc\">]><ListBucketResult>&b;</ListBucketResult>",
        "<Other/>",
        ENCODED_BADLY,
    };
    bad_answer(s, fd, "200 OK", "Content-Type: application/xml\r\n", bodies[(r->number - 1) % 7]);
}

static void list_badly(tl_request *req, storage *t)
{
    tl_object_list found;
    for (int i = 0; i < 7; i++)
        CHECK(objects_list(req, t->store, "", NULL, 10, &found) == TL_ERROR && found.count == 0);
}

static void lists_that_are_none_are_errors(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, bad_lists, list_badly);
    assert_int_equal(t.server->requests, 7);
    bad_case_end(&t);
}

static void no_acls(bad_server *s, int fd, const bad_request *r)
{
    if (bad_has(r, "\nx-amz-acl:"))
        bad_error(s, fd, "400 Bad Request", "AccessControlListNotSupported");
    else
        bad_answer(s, fd, "200 OK", "ETag: \"e\"\r\n", "");
}

static void put_public(tl_request *req, storage *t)
{
    const tl_object_options options = {.is_public = true};
    CHECK(objects_put(req, t->store, "k", "v", 1, &options) == TL_OK);
    CHECK(objects_put(req, t->store, "k", "v", 1, &options) == TL_OK);
}

static void a_bucket_without_acls_takes_public_objects(void **state)
{
    (void)state;
    bad_case t;
    bad_case_run(&t, no_acls, put_public);
    assert_int_equal(t.server->requests, 3);
    assert_true(storage_logged("its policy decides what is public"));
    bad_case_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_be_repeated_is_repeated_whole),
        cmocka_unit_test(a_storage_that_stays_overloaded_is_unavailable),
        cmocka_unit_test(a_long_page_of_a_proxy_is_a_failure_like_others),
        cmocka_unit_test(a_refusal_is_not_repeated),
        cmocka_unit_test(a_wrong_clock_is_told_apart),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(a_short_body_never_passes_for_a_whole_one),
        cmocka_unit_test(a_broken_download_goes_on_where_it_was),
        cmocka_unit_test(two_versions_are_never_mixed),
        cmocka_unit_test(another_range_than_asked_for_is_an_error),
        cmocka_unit_test(a_body_of_unknown_length_is_not_believed),
        cmocka_unit_test(odd_headers_do_no_harm),
        cmocka_unit_test(lists_that_are_none_are_errors),
        cmocka_unit_test(a_bucket_without_acls_takes_public_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
