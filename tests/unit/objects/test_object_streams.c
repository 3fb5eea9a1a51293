/*
 * Streams in and out, on both drivers: whole or not at all, whatever happens on the way.
 */
#include "tests/unit/objects/storage.h"

enum { LARGE = 20 * 1024 * 1024 + 12345, PIECE = 100001 };

static int open_storage(void **state)
{
    storage *t = calloc(1, sizeof *t);
    storage_prepare(t, *state != NULL);
    if (t->is_s3)
        storage_make_bucket(t);
    storage_start(t);
    *state = t;
    return 0;
}

static int close_storage(void **state)
{
    storage_stop(*state);
    free(*state);
    return 0;
}

/* Writes the pattern in pieces that fit no part. */
static int write_pattern(tl_request *req, tl_upload *u, size_t from, size_t to)
{
    static unsigned char piece[PIECE];
    int result = TL_OK;
    while (from < to && result == TL_OK) {
        size_t length = to - from < PIECE ? to - from : PIECE;
        pattern_fill(piece, from, length);
        result = objects_upload_write(req, u, piece, length);
        memset(piece, 0, sizeof piece);
        from += length;
    }
    return result;
}

static bool is_pattern(tl_request *req, storage *t, const char *key, size_t from, size_t to)
{
    int error;
    const void *bytes;
    size_t length, at = from;
    tl_download *d = objects_download_begin(req, t->store, key, (int64_t)from, (int64_t)(to - from), NULL, &error);
    if (!d)
        return false;
    while ((error = objects_download_read(req, d, &bytes, &length)) == TL_OK && length > 0) {
        if (at + length > to || !pattern_is(bytes, at, length))
            return false;
        at += length;
    }
    return error == TL_OK && at == to;
}

static void stream_large(tl_request *req, storage *t)
{
    int error;
    tl_object about;
    const tl_object_options options = {.content_type = "application/x-pattern", .cache_control = "no-store"};
    tl_upload *u = objects_upload_begin(req, t->store, "large", &options, &error);
    CHECK(u && write_pattern(req, u, 0, LARGE) == TL_OK);
    CHECK(objects_head(req, t->store, "large", &about) == TL_NOT_FOUND);
    CHECK(objects_upload_finish(req, u) == TL_OK);
    CHECK(objects_head(req, t->store, "large", &about) == TL_OK);
    CHECK(about.size == LARGE && strcmp(about.content_type, "application/x-pattern") == 0);
    CHECK(is_pattern(req, t, "large", 0, LARGE));
    CHECK(is_pattern(req, t, "large", 8 * 1024 * 1024 - 3, 8 * 1024 * 1024 + 5));
    CHECK(is_pattern(req, t, "large", LARGE - 1, LARGE));
    CHECK(objects_copy(req, t->store, "large", "copy", NULL) == TL_OK);
    CHECK(is_pattern(req, t, "copy", 0, LARGE));
    /* Nothing goes on after the end. */
    CHECK(objects_upload_write(req, u, "x", 1) == TL_ERROR && objects_upload_finish(req, u) == TL_ERROR);
    CHECK(objects_upload_abort(req, u) == TL_OK);
    CHECK(objects_head(req, t->store, "large", &about) == TL_OK && about.size == LARGE);
}

static void a_large_stream_comes_back_whole(void **state)
{
    storage *t = *state;
    storage_run(t, stream_large);
    assert_int_equal(storage_open_uploads(t), 0);
}

static void stream_exact(tl_request *req, storage *t)
{
    int error;
    static const size_t lengths[] = {0, 1, 1 << 20, 8 << 20, (8 << 20) + 1, 16 << 20};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        tl_upload *u = objects_upload_begin(req, t->store, "exact", NULL, &error);
        CHECK(u && write_pattern(req, u, 0, lengths[i]) == TL_OK && objects_upload_finish(req, u) == TL_OK);
        tl_object about;
        CHECK(objects_head(req, t->store, "exact", &about) == TL_OK && about.size == (int64_t)lengths[i]);
        CHECK(is_pattern(req, t, "exact", 0, lengths[i]));
    }
}

static void streams_may_end_where_a_part_does(void **state)
{
    storage_run(*state, stream_exact);
}

static void abort_some(tl_request *req, storage *t)
{
    int error;
    static const size_t lengths[] = {0, 1000, 9 << 20, 17 << 20};
    CHECK(put_text(req, t, "k", "old"));
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        tl_upload *u = objects_upload_begin(req, t->store, "k", NULL, &error);
        CHECK(u && write_pattern(req, u, 0, lengths[i]) == TL_OK);
        CHECK((storage_open_uploads(t) == 1) == (lengths[i] > (8 << 20)));
        CHECK(objects_upload_abort(req, u) == TL_OK);
        CHECK(storage_open_uploads(t) == 0);
        CHECK(objects_upload_write(req, u, "x", 1) == TL_ERROR && objects_upload_finish(req, u) == TL_ERROR);
        CHECK(has_text(req, t, "k", "old"));
    }
}

static void an_aborted_stream_leaves_nothing(void **state)
{
    storage *t = *state;
    storage_run(t, abort_some);
    assert_int_equal(storage_open_uploads(t), 0);
}

static void leave_unfinished(tl_request *req, storage *t)
{
    int error;
    CHECK(put_text(req, t, "k", "old"));
    tl_upload *u = objects_upload_begin(req, t->store, "k", NULL, &error);
    CHECK(u && write_pattern(req, u, 0, 17 << 20) == TL_OK);
    CHECK(storage_open_uploads(t) == 1);
}

static void look_for_old(tl_request *req, storage *t)
{
    CHECK(has_text(req, t, "k", "old"));
}

static void a_request_that_ends_takes_its_upload_along(void **state)
{
    storage *t = *state;
    storage_run(t, leave_unfinished);
    storage_settle(t);
    assert_int_equal(storage_open_uploads(t), 0);
    storage_run(t, look_for_old);
}

static void cancel_while_writing(tl_request *req, storage *t)
{
    int error;
    CHECK(put_text(req, t, "k", "old"));
    tl_upload *u = objects_upload_begin(req, t->store, "k", NULL, &error);
    CHECK(u && write_pattern(req, u, 0, 17 << 20) == TL_OK);
    request_cancel(req, false);
    CHECK(write_pattern(req, u, 17 << 20, 40 << 20) == TL_CANCELLED);
    CHECK(objects_upload_finish(req, u) == TL_CANCELLED);
    CHECK(objects_upload_abort(req, u) == TL_CANCELLED);
}

static void a_cancelled_upload_leaves_nothing(void **state)
{
    storage *t = *state;
    storage_run(t, cancel_while_writing);
    storage_settle(t);
    assert_int_equal(storage_open_uploads(t), 0);
    storage_run(t, look_for_old);
}

/* Cancelled from the loop at whatever it waits for. */
static void on_cancel(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    request_cancel(arg, false);
}

static void cancel_soon(tl_request *req, storage *t)
{
    for (;;) {
        int error;
        tl_upload *u = objects_upload_begin(req, t->store, "k", NULL, &error);
        if (!u || write_pattern(req, u, 0, 17 << 20) != TL_OK || objects_upload_finish(req, u) != TL_OK)
            break;
    }
    CHECK(req->cancelled);
}

static void start_and_cancel(tl_request *req, void *arg)
{
    storage_body *b = arg;
    static int milliseconds;
    milliseconds = (milliseconds + 7) % 60;
    struct timeval soon = {.tv_usec = 1000 * (milliseconds + 1)};
    event_base_once(req->worker->base, -1, EV_TIMEOUT, on_cancel, req, &soon);
    b->body(req, b->storage);
}

static void cancelling_at_any_moment_leaves_nothing(void **state)
{
    storage *t = *state;
    storage_body b = {t, cancel_soon};
    for (int i = 0; i < 12; i++) {
        fixture_run(t->worker, start_and_cancel, &b);
        storage_settle(t);
        assert_string_equal(t->failure, "");
        assert_int_equal(storage_open_uploads(t), 0);
    }
}

static void read_some(tl_request *req, storage *t)
{
    int error;
    const void *bytes;
    size_t length;
    tl_upload *u = objects_upload_begin(req, t->store, "large", NULL, &error);
    CHECK(u && write_pattern(req, u, 0, LARGE) == TL_OK && objects_upload_finish(req, u) == TL_OK);
    /* One is left in the middle, one unread; one goes on after its request has been cancelled. */
    tl_download *first = objects_download_begin(req, t->store, "large", 0, -1, NULL, &error);
    tl_download *second = objects_download_begin(req, t->store, "large", 5, -1, NULL, &error);
    tl_download *third = objects_download_begin(req, t->store, "large", 0, -1, NULL, &error);
    CHECK(first && second && third);
    CHECK(objects_download_read(req, first, &bytes, &length) == TL_OK && length > 0);
    CHECK(pattern_is(bytes, 0, length));
    request_cancel(req, false);
    CHECK(objects_download_read(req, third, &bytes, &length) == TL_CANCELLED && length == 0);
}

static void downloads_may_be_left_in_the_middle(void **state)
{
    storage_run(*state, read_some);
}

static void read_slowly(tl_request *req, storage *t)
{
    int error;
    const void *bytes;
    size_t length, at = 0;
    tl_upload *u = objects_upload_begin(req, t->store, "large", NULL, &error);
    CHECK(u && write_pattern(req, u, 0, 4 << 20) == TL_OK && objects_upload_finish(req, u) == TL_OK);
    tl_download *d = objects_download_begin(req, t->store, "large", 0, -1, NULL, &error);
    CHECK(d);
    while ((error = objects_download_read(req, d, &bytes, &length)) == TL_OK && length > 0) {
        CHECK(length <= 256 * 1024);
        CHECK(request_sleep(req, 10) == TL_OK);
        CHECK(pattern_is(bytes, at, length));
        at += length;
    }
    CHECK(error == TL_OK && at == 4 << 20);
}

static void a_slow_reader_gets_all_of_it(void **state)
{
    storage_run(*state, read_slowly);
}

/* Many at once, more than there are connections. */
typedef struct crowd {
    storage *storage;
    int left, failed;
    bool done;
} crowd;

static void one_of_many(tl_request *req, void *arg)
{
    crowd *c = arg;
    char key[32];
    snprintf(key, sizeof key, "many/%d", c->left--);
    c->failed += !put_text(req, c->storage, key, key) || !has_text(req, c->storage, key, key);
}

static void many_at_once_take_turns(void **state)
{
    crowd c = {.storage = *state, .left = 60};
    worker *w = c.storage->worker;
    for (int i = 0; i < 60; i++)
        assert_true(request_start(request_new(w, 0), one_of_many, &c));
    storage_settle(c.storage);
    assert_int_equal(c.left, 0);
    assert_int_equal(c.failed, 0);
}

static void replace_often(tl_request *req, void *arg)
{
    crowd *c = arg;
    char text[20000];
    for (int i = 0; i < 20; i++) {
        memset(text, 'a' + i, sizeof text);
        size_t length = 1 + (size_t)i * 1000;
        c->failed += objects_put(req, c->storage->store, "shared", text, length, NULL) != TL_OK;
    }
    c->done = true;
}

static void read_often(tl_request *req, void *arg)
{
    crowd *c = arg;
    while (!c->done) {
        const void *bytes;
        tl_object about;
        int result = objects_get(req, c->storage->store, "shared", 1 << 20, &bytes, &about);
        if (result == TL_NOT_FOUND)
            continue;
        const char *text = bytes;
        c->failed += result != TL_OK || about.size != 1 + (text[0] - 'a') * 1000 || text[about.size - 1] != text[0];
    }
}

static void readers_see_whole_objects_while_they_are_replaced(void **state)
{
    crowd c = {.storage = *state};
    worker *w = c.storage->worker;
    assert_true(request_start(request_new(w, 0), replace_often, &c));
    for (int i = 0; i < 3; i++)
        assert_true(request_start(request_new(w, 0), read_often, &c));
    storage_settle(c.storage);
    assert_true(c.done);
    assert_int_equal(c.failed, 0);
}

#define BOTH(test)                                                                                                     \
    {"dir: " #test, test, open_storage, close_storage, NULL},                                                          \
    {                                                                                                                  \
        "s3: " #test, test, open_storage, close_storage, "s3"                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_large_stream_comes_back_whole),
        BOTH(streams_may_end_where_a_part_does),
        BOTH(an_aborted_stream_leaves_nothing),
        BOTH(a_request_that_ends_takes_its_upload_along),
        BOTH(a_cancelled_upload_leaves_nothing),
        BOTH(cancelling_at_any_moment_leaves_nothing),
        BOTH(downloads_may_be_left_in_the_middle),
        BOTH(a_slow_reader_gets_all_of_it),
        BOTH(many_at_once_take_turns),
        BOTH(readers_see_whole_objects_while_they_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
