/*
 * What only a bucket has: presigned and public URLs, rights, and the ways in which it refuses.
 */
#include "tests/unit/objects/storage.h"

static int open_storage(void **state)
{
    storage *t = calloc(1, sizeof *t);
    storage_prepare(t, true);
    storage_make_bucket(t);
    storage_start(t);
    *state = t;
    return 0;
}

/* Not started: the test sets something wrong first. */
static int prepare_storage(void **state)
{
    storage *t = calloc(1, sizeof *t);
    storage_prepare(t, true);
    storage_make_bucket(t);
    *state = t;
    return 0;
}

static int close_storage(void **state)
{
    storage_stop(*state);
    free(*state);
    return 0;
}

/* The status that anybody gets for a URL; the body must be `text` when it is 200. */
static long anybody(const char *url, const char *text)
{
    http_answer a = http_ask("GET", url, NULL, NULL);
    long status = a.status == 200 && strcmp(a.body, text) != 0 ? -1 : a.status;
    free(a.body);
    return status;
}

static const char *const urls_keys[] = {"plain.txt", "dir/a b+c \xc3\xa9 (1)'!*@=&$,:;#?%~.png", "//x", "%41"};

static void presign_gets(tl_request *req, storage *t)
{
    for (size_t i = 0; i < sizeof urls_keys / sizeof *urls_keys; i++) {
        CHECK(put_text(req, t, urls_keys[i], "signed"));
        const char *url = objects_presign(req, t->store, TL_GET, urls_keys[i], 60);
        CHECK(url && anybody(url, "signed") == 200);
        CHECK(anybody(objects_url(req, t->store, urls_keys[i]), "") == 403);
        CHECK(anybody(arena_format(req->arena, "%s0", url), "") == 403);
    }
}

static void a_presigned_url_lets_anybody_read(void **state)
{
    storage_run(*state, presign_gets);
}

static void presign_puts(tl_request *req, storage *t)
{
    const char *url = objects_presign(req, t->store, TL_PUT, "from outside", 60);
    CHECK(url);
    http_answer a = http_ask("PUT", url, NULL, "sent");
    free(a.body);
    CHECK(a.status == 200 && has_text(req, t, "from outside", "sent"));
    a = http_ask("GET", url, NULL, NULL);
    free(a.body);
    CHECK(a.status == 403);
    a = http_ask("PUT", objects_presign(req, t->store, TL_GET, "from outside", 60), NULL, "other");
    free(a.body);
    CHECK(a.status == 403 && has_text(req, t, "from outside", "sent"));
}

static void a_presigned_url_lets_anybody_write(void **state)
{
    storage_run(*state, presign_puts);
}

static void presign_shortly(tl_request *req, storage *t)
{
    CHECK(put_text(req, t, "k", "v"));
    const char *get = objects_presign(req, t->store, TL_GET, "k", 1);
    const char *put = objects_presign(req, t->store, TL_PUT, "k", 1);
    CHECK(request_sleep(req, 2500) == TL_OK);
    CHECK(anybody(get, "") == 403);
    http_answer a = http_ask("PUT", put, NULL, "late");
    free(a.body);
    CHECK(a.status == 403 && has_text(req, t, "k", "v"));
    CHECK(!objects_presign(req, t->store, TL_GET, "k", 0));
    CHECK(!objects_presign(req, t->store, TL_GET, "k", 604801));
    CHECK(objects_presign(req, t->store, TL_GET, "k", 604800));
    CHECK(!objects_presign(req, t->store, TL_DELETE, "k", 60));
}

static void a_presigned_url_expires(void **state)
{
    storage_run(*state, presign_shortly);
}

static void read_publicly(tl_request *req, storage *t)
{
    static const tl_object_options open = {.content_type = "text/plain", .is_public = true};
    static const unsigned char part[1 << 20];
    int error;
    CHECK(objects_put(req, t->store, "a b/open+", "text", 4, &open) == TL_OK);
    CHECK(objects_put(req, t->store, "closed", "text", 4, NULL) == TL_OK);
    CHECK(anybody(objects_url(req, t->store, "a b/open+"), "text") == 200);
    CHECK(anybody(objects_url(req, t->store, "closed"), "") == 403);
    CHECK(objects_copy(req, t->store, "closed", "copy", &open) == TL_OK);
    CHECK(anybody(objects_url(req, t->store, "copy"), "text") == 200);
    CHECK(objects_copy(req, t->store, "copy", "closed copy", NULL) == TL_OK);
    CHECK(anybody(objects_url(req, t->store, "closed copy"), "") == 403);
    tl_upload *u = objects_upload_begin(req, t->store, "stream", &open, &error);
    for (int i = 0; i < 9; i++)
        CHECK(u && objects_upload_write(req, u, part, sizeof part) == TL_OK);
    CHECK(objects_upload_finish(req, u) == TL_OK);
    http_answer a = http_ask("HEAD", objects_url(req, t->store, "closed"), NULL, NULL);
    free(a.body);
    CHECK(a.status == 403);
    a = http_ask("GET", objects_url(req, t->store, "stream"), NULL, NULL);
    free(a.body);
    CHECK(a.status == 200 && a.length == 9 << 20);
}

static void public_objects_are_read_by_anybody_and_others_are_not(void **state)
{
    storage_run(*state, read_publicly);
}

static void ask_headers(tl_request *req, storage *t)
{
    static const tl_object_options options = {
        .content_type = "image/webp", .cache_control = "public, max-age=31536000, immutable", .is_public = true};
    CHECK(objects_put(req, t->store, "k", "v", 1, &options) == TL_OK);
    http_answer a = http_ask("GET", objects_url(req, t->store, "k"), NULL, NULL);
    free(a.body);
    CHECK(a.status == 200 && strcasestr(a.headers, "content-type: image/webp\r\n"));
    CHECK(strcasestr(a.headers, "cache-control: public, max-age=31536000, immutable\r\n"));
}

static void type_and_cache_control_are_kept(void **state)
{
    storage_run(*state, ask_headers);
}

static void public_urls(tl_request *req, storage *t)
{
    CHECK(strcmp(objects_url(req, t->store, "a b/c"), "https://cdn.example.org/media/a%20b/c") == 0);
}

static void the_public_url_may_be_somewhere_else(void **state)
{
    storage *t = *state;
    t->settings.public_url = "https://cdn.example.org/media/";
    storage_start(t);
    storage_run(t, public_urls);
}

/* Every call is refused, and none of them for being "not found". */
static void be_refused(tl_request *req, storage *t)
{
    static const unsigned char part[1 << 20];
    const void *bytes;
    tl_object about;
    tl_object_list found;
    int error;
    CHECK(objects_put(req, t->store, "k", "v", 1, NULL) == TL_DENIED);
    CHECK(objects_get(req, t->store, "k", 10, &bytes, &about) == TL_DENIED);
    CHECK(objects_head(req, t->store, "k", &about) == TL_DENIED);
    CHECK(objects_list(req, t->store, "", NULL, 10, &found) == TL_DENIED);
    CHECK(objects_remove(req, t->store, "k") == TL_DENIED);
    CHECK(objects_copy(req, t->store, "k", "l", NULL) == TL_DENIED);
    CHECK(objects_check(req, t->store) == TL_DENIED);
    tl_upload *u = objects_upload_begin(req, t->store, "k", NULL, &error);
    int result = TL_OK;
    for (int i = 0; i < 9 && u && result == TL_OK; i++)
        result = objects_upload_write(req, u, part, sizeof part);
    CHECK(u && result == TL_DENIED && objects_upload_finish(req, u) == TL_ERROR);
}

static void a_wrong_secret_is_told_apart(void **state)
{
    storage *t = *state;
    t->settings.secret_key = "wrong-secret-0123456789";
    storage_start(t);
    storage_run(t, be_refused);
    assert_true(storage_logged("secret_key is wrong (SignatureDoesNotMatch"));
    assert_false(storage_logged("wrong-secret-0123456789"));
}

static void an_unknown_access_key_is_told_apart(void **state)
{
    storage *t = *state;
    t->settings.access_key = "NOBODYSKEY";
    storage_start(t);
    storage_run(t, be_refused);
    assert_true(storage_logged("access_key is not known there (InvalidAccessKeyId"));
}

static void a_missing_bucket_is_told_apart(void **state)
{
    storage *t = *state;
    t->settings.bucket = "there-is-no-such-bucket";
    storage_start(t);
    storage_run(t, be_refused);
    assert_true(storage_logged("the bucket does not exist"));
    assert_false(storage_logged("access is denied"));
}

static void missing_rights_are_told_apart(void **state)
{
    storage *t = *state;
    t->settings.access_key = storage_needed("TALELIO_TEST_S3_GUEST_ACCESS_KEY");
    t->settings.secret_key = storage_needed("TALELIO_TEST_S3_GUEST_SECRET_KEY");
    storage_start(t);
    storage_run(t, be_refused);
    assert_true(storage_logged("access is denied: the key is good, but a right is missing"));
    assert_false(storage_logged("does not exist"));
}

/* The clock of this machine, as the program sees it. */
static time_t clock_off;

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += clock_off;
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

static void be_early_and_late(tl_request *req, storage *t)
{
    tl_object about;
    CHECK(put_text(req, t, "k", "v"));
    clock_off = 3600;
    CHECK(objects_put(req, t->store, "k", "w", 1, NULL) == TL_DENIED);
    CHECK(objects_head(req, t->store, "k", &about) == TL_DENIED);
    clock_off = -3600;
    CHECK(objects_put(req, t->store, "k", "x", 1, NULL) == TL_DENIED);
    clock_off = 0;
    CHECK(has_text(req, t, "k", "v"));
}

static void a_wrong_clock_is_told_apart(void **state)
{
    time_t before = time(NULL);
    storage_run(*state, be_early_and_late);
    time_t after = time(NULL);
    /* what the refusal took on its way is in the difference, too */
    bool told = false;
    for (time_t off = 3600; off <= 3600 + after - before; off++) {
        char text[100];
        snprintf(text, sizeof text, "this machine's clock is %lld s ahead of that of the storage", (long long)off);
        told = told || storage_logged(text);
    }
    assert_true(told);
    assert_false(storage_logged("secret_key"));
}

static void use_host_name(tl_request *req, storage *t)
{
    for (size_t i = 0; i < sizeof urls_keys / sizeof *urls_keys; i++) {
        CHECK(put_text(req, t, urls_keys[i], "v") && has_text(req, t, urls_keys[i], "v"));
        const char *url = objects_presign(req, t->store, TL_GET, urls_keys[i], 60);
        CHECK(strstr(url, arena_format(req->arena, "http://%s.localhost:", t->bucket)) == url);
        CHECK(anybody(url, "v") == 200 && anybody(objects_url(req, t->store, urls_keys[i]), "") == 403);
    }
    CHECK(objects_copy(req, t->store, "//x", "copy", NULL) == TL_OK && has_text(req, t, "copy", "v"));
}

static void a_bucket_may_be_a_part_of_the_hosts_name(void **state)
{
    storage *t = *state;
    static char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "http://localhost%s", strrchr(t->settings.endpoint, ':'));
    t->settings.endpoint = endpoint;
    t->settings.path_style = false;
    storage_start(t);
    storage_run(t, use_host_name);
}

static void be_away(tl_request *req, storage *t)
{
    const void *bytes;
    CHECK(objects_put(req, t->store, "k", "v", 1, NULL) == TL_UNAVAILABLE);
    CHECK(objects_get(req, t->store, "k", 10, &bytes, NULL) == TL_UNAVAILABLE);
    CHECK(objects_check(req, t->store) == TL_UNAVAILABLE);
}

static void a_server_that_is_away_is_unavailable(void **state)
{
    storage *t = *state;
    t->settings.endpoint = "http://127.0.0.1:1";
    storage_start(t);
    storage_run(t, be_away);
    assert_true(storage_logged("it cannot be reached"));
}

static void a_name_that_is_not_known_is_unavailable(void **state)
{
    storage *t = *state;
    t->settings.endpoint = "http://storage.invalid";
    t->settings.connect_timeout = 300;
    storage_start(t);
    storage_run(t, be_away);
    assert_true(storage_logged("it cannot be reached"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, open_storage, close_storage)
#define TEST_PREPARED(test) cmocka_unit_test_setup_teardown(test, prepare_storage, close_storage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_presigned_url_lets_anybody_read),
        TEST(a_presigned_url_lets_anybody_write),
        TEST(a_presigned_url_expires),
        TEST(public_objects_are_read_by_anybody_and_others_are_not),
        TEST(type_and_cache_control_are_kept),
        TEST_PREPARED(the_public_url_may_be_somewhere_else),
        TEST_PREPARED(a_bucket_may_be_a_part_of_the_hosts_name),
        TEST(a_wrong_clock_is_told_apart),
        TEST_PREPARED(a_wrong_secret_is_told_apart),
        TEST_PREPARED(an_unknown_access_key_is_told_apart),
        TEST_PREPARED(a_missing_bucket_is_told_apart),
        TEST_PREPARED(missing_rights_are_told_apart),
        TEST_PREPARED(a_server_that_is_away_is_unavailable),
        TEST_PREPARED(a_name_that_is_not_known_is_unavailable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
