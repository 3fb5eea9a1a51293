/*
 * The end of an upload in parts, where storages go wrong in the most ways: lost answers, errors behind a status of
 * success, and objects that are not what was sent.
 */
#include "tests/unit/objects/bad_server.h"

enum { PARTS_SIZE = 9 << 20 };

/* What the server does at the end; everything before goes well. */
static struct {
    int complete_errors; /* answers of 200 with an error in them, before … */
    int complete_lost;   /* … connections that break after the request, before … */
    bool complete_gone;  /* … there is no such upload any more; else it succeeds */
    const char *mark;    /* of the object that HEAD shows; NULL: ours */
    int size_off;        /* its size less that of what was sent */
    bool is_missing;     /* HEAD shows none */
    int aborts_refused;  /* answers of 500 to an abort */
    int failed_part;     /* number of the part that is refused */
    /* What was seen. */
    char own_mark[64];
    int completes, aborts;
    size_t parts_size;
} plan;

static void serve_complete(bad_server *s, int fd, const bad_request *r)
{
    int number = ++plan.completes;
    if (!memmem(r->body, r->length, "<Part><PartNumber>2</PartNumber><ETag>&quot;p2&amp;&quot;</ETag></Part>", 70))
        bad_error(s, fd, "400 Bad Request", "MalformedXML");
    else if (number <= plan.complete_errors)
        bad_answer(s, fd, "200 OK", "", "  \n<?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>");
    else if (number <= plan.complete_errors + plan.complete_lost)
        return;
    else if (plan.complete_gone)
        bad_error(s, fd, "404 Not Found", "NoSuchUpload");
    else
        bad_answer(s, fd, "200 OK", "",
                   " \n <?xml version=\"1.0\"?><CompleteMultipartUploadResult><ETag/></CompleteMultipartUploadResult>");
}

static void serve_head(bad_server *s, int fd)
{
    char head[512];
    int length = plan.is_missing
                     ? snprintf(head, sizeof head, "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n")
                     : snprintf(head, sizeof head,
                                "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\nConnection: close\r\nETag: "
                                "\"e\"\r\nx-amz-meta-upload: %s\r\n\r\n",
                                (long long)PARTS_SIZE + plan.size_off, plan.mark ? plan.mark : plan.own_mark);
    bad_send(s, fd, head, (size_t)length);
}

static void serve(bad_server *s, int fd, const bad_request *r)
{
    char etag[64];
    if (bad_has(r, "?uploads= HTTP")) {
        snprintf(plan.own_mark, sizeof plan.own_mark, "%.60s", bad_header(r, "\nx-amz-meta-upload: "));
        bad_answer(s, fd, "200 OK", "",
                   "<InitiateMultipartUploadResult><UploadId>id/1+ =</UploadId></InitiateMultipartUploadResult>");
    } else if (bad_has(r, "partNumber=")) {
        int number = atoi(strstr(r->head, "partNumber=") + 11);
        plan.parts_size += r->length;
        snprintf(etag, sizeof etag, "ETag: \"p%d&\"\r\n", number);
        if (number == plan.failed_part)
            bad_error(s, fd, "400 Bad Request", "EntityTooSmall");
        else
            bad_answer(s, fd, "200 OK", etag, "");
    } else if (strncmp(r->head, "POST", 4) == 0 && bad_has(r, "uploadId=id%2F1%2B%20%3D ")) {
        serve_complete(s, fd, r);
    } else if (strncmp(r->head, "HEAD", 4) == 0) {
        serve_head(s, fd);
    } else if (strncmp(r->head, "DELETE", 6) == 0 && ++plan.aborts <= plan.aborts_refused) {
        bad_error(s, fd, "500 Internal Server Error", "InternalError");
    } else if (strncmp(r->head, "DELETE", 6) == 0) {
        bad_send(s, fd, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", 46);
    } else {
        bad_error(s, fd, "404 Not Found", "NoSuchKey");
    }
}

static int finished;

static void upload(tl_request *req, storage *t)
{
    static unsigned char bytes[PARTS_SIZE];
    int error;
    tl_upload *u = objects_upload_begin(req, t->store, "k", NULL, &error);
    CHECK(u);
    finished = objects_upload_write(req, u, bytes, sizeof bytes);
    if (finished == TL_OK)
        finished = objects_upload_finish(req, u);
}

static void expect(int result, int completes, int aborts)
{
    bad_case t;
    plan.completes = plan.aborts = 0;
    plan.parts_size = 0;
    bad_case_run(&t, serve, upload);
    storage_settle(&t.storage);
    assert_int_equal(finished, result);
    assert_int_equal(plan.completes, completes);
    assert_int_equal(plan.aborts, aborts);
    bad_case_end(&t);
}

#define PLAN(...) memcpy(&plan, &(__typeof__(plan)){__VA_ARGS__}, sizeof plan)

static void all_goes_well(void **state)
{
    (void)state;
    PLAN(.failed_part = 0);
    expect(TL_OK, 1, 0);
    assert_int_equal(plan.parts_size, PARTS_SIZE);
    assert_int_equal(strlen(plan.own_mark), 24);
}

static void an_error_behind_a_status_of_success_is_repeated(void **state)
{
    (void)state;
    PLAN(.complete_errors = 1);
    expect(TL_OK, 2, 0);
}

static void an_error_behind_a_status_of_success_is_a_failure(void **state)
{
    (void)state;
    PLAN(.complete_errors = 100);
    expect(TL_UNAVAILABLE, 4, 1);
}

static void a_lost_answer_is_no_failure_when_the_object_is_there(void **state)
{
    (void)state;
    PLAN(.complete_lost = 1, .complete_gone = true);
    expect(TL_OK, 2, 0);
}

static void a_lost_answer_is_a_failure_when_another_object_is_there(void **state)
{
    (void)state;
    PLAN(.complete_lost = 1, .complete_gone = true, .mark = "somebody-else");
    expect(TL_ERROR, 2, 1);
}

static void a_lost_answer_is_a_failure_when_no_object_is_there(void **state)
{
    (void)state;
    PLAN(.complete_lost = 1, .complete_gone = true, .is_missing = true);
    expect(TL_ERROR, 2, 1);
}

static void an_upload_that_has_gone_before_is_a_failure(void **state)
{
    (void)state;
    PLAN(.complete_gone = true);
    expect(TL_ERROR, 1, 1);
}

static void an_object_of_another_size_is_a_failure(void **state)
{
    (void)state;
    PLAN(.size_off = -1);
    expect(TL_ERROR, 1, 1);
}

static void success_without_an_object_is_a_failure(void **state)
{
    (void)state;
    PLAN(.is_missing = true);
    expect(TL_ERROR, 1, 1);
}

static void an_object_that_was_replaced_since_is_fine(void **state)
{
    (void)state;
    PLAN(.mark = "somebody-else", .size_off = -7);
    expect(TL_OK, 1, 0);
}

static void a_refused_part_ends_the_upload(void **state)
{
    (void)state;
    PLAN(.failed_part = 2);
    expect(TL_ERROR, 0, 1);
}

static void an_abort_is_repeated(void **state)
{
    (void)state;
    PLAN(.failed_part = 2, .aborts_refused = 2);
    expect(TL_ERROR, 0, 3);
}

static void an_upload_that_cannot_be_taken_back_is_told_and_forgotten(void **state)
{
    (void)state;
    PLAN(.failed_part = 2, .aborts_refused = 1000);
    /* Four attempts at once, and four when its request has ended. */
    expect(TL_ERROR, 0, 8);
    assert_true(storage_logged("an upload that was not finished stays behind"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_goes_well),
        cmocka_unit_test(an_error_behind_a_status_of_success_is_repeated),
        cmocka_unit_test(an_error_behind_a_status_of_success_is_a_failure),
        cmocka_unit_test(a_lost_answer_is_no_failure_when_the_object_is_there),
        cmocka_unit_test(a_lost_answer_is_a_failure_when_another_object_is_there),
        cmocka_unit_test(a_lost_answer_is_a_failure_when_no_object_is_there),
        cmocka_unit_test(an_upload_that_has_gone_before_is_a_failure),
        cmocka_unit_test(an_object_of_another_size_is_a_failure),
        cmocka_unit_test(success_without_an_object_is_a_failure),
        cmocka_unit_test(an_object_that_was_replaced_since_is_fine),
        cmocka_unit_test(a_refused_part_ends_the_upload),
        cmocka_unit_test(an_abort_is_repeated),
        cmocka_unit_test(an_upload_that_cannot_be_taken_back_is_told_and_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
