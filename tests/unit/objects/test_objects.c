/*
 * What every driver does, on both: objects, keys, lists, ranges, copies.
 */
#include "tests/unit/objects/storage.h"

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

static void put_and_get(tl_request *req, storage *t)
{
    const tl_object_options options = {.content_type = "image/png", .cache_control = "public, max-age=60"};
    const char bytes[] = "\0\x01\xff binary \r\n\0";
    const void *back;
    tl_object about;
    int64_t now = (int64_t)time(NULL) * 1000000;
    CHECK(objects_put(req, t->store, "a/picture.png", bytes, sizeof bytes, &options) == TL_OK);
    CHECK(objects_get(req, t->store, "a/picture.png", 100, &back, &about) == TL_OK);
    CHECK(memcmp(back, bytes, sizeof bytes) == 0);
    CHECK(about.size == sizeof bytes);
    CHECK(strcmp(about.key, "a/picture.png") == 0);
    CHECK(strcmp(about.content_type, "image/png") == 0);
    CHECK(about.etag[0] == '"' && about.etag[strlen(about.etag) - 1] == '"' && strlen(about.etag) > 10);
    CHECK(about.modified > now - 60000000 && about.modified < now + 60000000);
    tl_object head;
    CHECK(objects_head(req, t->store, "a/picture.png", &head) == TL_OK);
    CHECK(head.size == about.size && strcmp(head.etag, about.etag) == 0);
    CHECK(strcmp(head.content_type, "image/png") == 0);
}

static void what_is_put_is_read_back(void **state)
{
    storage_run(*state, put_and_get);
}

static void put_twice(tl_request *req, storage *t)
{
    tl_object first, second;
    CHECK(put_text(req, t, "k", "a long first text"));
    CHECK(objects_head(req, t->store, "k", &first) == TL_OK);
    CHECK(put_text(req, t, "k", "short"));
    CHECK(has_text(req, t, "k", "short"));
    CHECK(objects_head(req, t->store, "k", &second) == TL_OK);
    CHECK(strcmp(first.etag, second.etag) != 0);
    CHECK(put_text(req, t, "k", "a long first text"));
    CHECK(objects_head(req, t->store, "k", &second) == TL_OK);
    CHECK(strcmp(first.etag, second.etag) == 0);
    CHECK(strcmp(second.content_type, "application/octet-stream") == 0);
}

static void putting_again_replaces(void **state)
{
    storage_run(*state, put_twice);
}

static void ask_for_nothing(tl_request *req, storage *t)
{
    const void *bytes;
    tl_object about;
    int error;
    CHECK(objects_get(req, t->store, "not/there", 10, &bytes, &about) == TL_NOT_FOUND);
    CHECK(objects_head(req, t->store, "not/there", &about) == TL_NOT_FOUND);
    CHECK(!objects_download_begin(req, t->store, "not/there", 0, -1, &about, &error) && error == TL_NOT_FOUND);
    CHECK(objects_copy(req, t->store, "not/there", "b", NULL) == TL_NOT_FOUND);
    CHECK(objects_remove(req, t->store, "not/there") == TL_OK);
}

static void what_is_not_there_is_not_found(void **state)
{
    storage_run(*state, ask_for_nothing);
}

static void remove_one(tl_request *req, storage *t)
{
    tl_object about;
    CHECK(put_text(req, t, "a/b/c", "x"));
    CHECK(put_text(req, t, "a/b/d", "y"));
    CHECK(objects_remove(req, t->store, "a/b/c") == TL_OK);
    CHECK(objects_head(req, t->store, "a/b/c", &about) == TL_NOT_FOUND);
    CHECK(has_text(req, t, "a/b/d", "y"));
    CHECK(objects_remove(req, t->store, "a/b/d") == TL_OK);
    CHECK(put_text(req, t, "a/b", "z"));
    CHECK(has_text(req, t, "a/b", "z"));
}

static void deleting_takes_one_object(void **state)
{
    storage_run(*state, remove_one);
}

static void put_empty(tl_request *req, storage *t)
{
    const void *bytes;
    size_t length;
    int error;
    tl_object about;
    CHECK(objects_put(req, t->store, "empty", NULL, 0, NULL) == TL_OK);
    CHECK(objects_get(req, t->store, "empty", 0, &bytes, &about) == TL_OK && about.size == 0);
    tl_download *d = objects_download_begin(req, t->store, "empty", 0, -1, &about, &error);
    CHECK(d && objects_download_read(req, d, &bytes, &length) == TL_OK && length == 0);
}

static void an_object_may_be_empty(void **state)
{
    storage_run(*state, put_empty);
}

/* In the order of their bytes. */
static const char *const odd_keys[] = {
    " ",
    " leading",
    "!",
    "#",
    "%2e%2e/x",
    "%41",
    "&amp;<>\"'",
    "+",
    "-",
    ".hidden",
    "/",
    "//",
    "/absolute/path",
    "=",
    "?a=b&c",
    "A",
    "\\back\\slash",
    "a",
    "a b+c",
    "a-b",
    "a.b",
    "a/",
    "a//b",
    "a/b",
    "a/b/",
    "a/b/...",
    "a/b/..c",
    "a/b=",
    "a0",
    "dir/a b+c \xc3\xa9 (1)'!*@=&$,:;#?%~.png",
    "trailing ",
    "~",
    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x91\x8d",
};

enum { ODD_KEYS = sizeof odd_keys / sizeof *odd_keys };

static void use_odd_keys(tl_request *req, storage *t)
{
    tl_object_list found;
    for (size_t i = 0; i < ODD_KEYS; i++)
        CHECK(put_text(req, t, odd_keys[i], odd_keys[i]));
    for (size_t i = 0; i < ODD_KEYS; i++)
        CHECK(has_text(req, t, odd_keys[i], odd_keys[i]));
    CHECK(objects_list(req, t->store, "", NULL, 1000, &found) == TL_OK);
    CHECK(found.count == ODD_KEYS && !found.next);
    for (size_t i = 0; i < ODD_KEYS; i++) {
        CHECK(strcmp(found.items[i].key, odd_keys[i]) == 0);
        CHECK(found.items[i].size == (int64_t)strlen(odd_keys[i]));
    }
    for (size_t i = 0; i < ODD_KEYS; i++) {
        CHECK(objects_list(req, t->store, odd_keys[i], NULL, 1, &found) == TL_OK);
        CHECK(found.count == 1 && strcmp(found.items[0].key, odd_keys[i]) == 0);
        CHECK(objects_copy(req, t->store, odd_keys[i], "copy", NULL) == TL_OK);
        CHECK(has_text(req, t, "copy", odd_keys[i]));
        CHECK(objects_remove(req, t->store, odd_keys[i]) == TL_OK);
    }
    CHECK(objects_remove(req, t->store, "copy") == TL_OK);
    CHECK(objects_list(req, t->store, "", NULL, 1000, &found) == TL_OK && found.count == 0);
}

static void keys_have_any_characters(void **state)
{
    storage_run(*state, use_odd_keys);
}

static void use_long_keys(tl_request *req, storage *t)
{
    static const size_t lengths[] = {79, 80, 81, 159, 160, 161, 255, 256, 800, 1024};
    char key[1025];
    tl_object_list found;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memset(key, 0, sizeof key);
        memset(key, '%', lengths[i]);
        CHECK(put_text(req, t, key, "long"));
        CHECK(has_text(req, t, key, "long"));
        if (lengths[i] < 1000) {
            strcat(key, "/x");
            CHECK(put_text(req, t, key, "below"));
            CHECK(has_text(req, t, key, "below"));
        }
    }
    memset(key, '/', 1024);
    CHECK(put_text(req, t, key, "slashes"));
    CHECK(has_text(req, t, key, "slashes"));
    CHECK(objects_list(req, t->store, "", NULL, 1000, &found) == TL_OK);
    CHECK(found.count == 20);
    for (size_t i = 1; i < found.count; i++)
        CHECK(strcmp(found.items[i - 1].key, found.items[i].key) < 0);
}

static void keys_may_have_1024_bytes(void **state)
{
    storage_run(*state, use_long_keys);
}

static void use_bad_keys(tl_request *req, storage *t)
{
    static const char *const bad[] = {"",          ".",    "..",    "a/..", "../a",
                                      "a/../../b", "./a",  "a/./b", "a\nb", "a\x7f",
                                      "\x1f",      "\xff", "a\xc3", "/..",  "../../../../etc/passwd"};
    char key[1026];
    const void *bytes;
    memset(key, 'a', 1025);
    key[1025] = '\0';
    CHECK(objects_put(req, t->store, key, "x", 1, NULL) == TL_ERROR);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(objects_put(req, t->store, bad[i], "x", 1, NULL) == TL_ERROR);
        CHECK(objects_get(req, t->store, bad[i], 10, &bytes, NULL) == TL_ERROR);
        CHECK(objects_remove(req, t->store, bad[i]) == TL_ERROR);
        CHECK(objects_copy(req, t->store, "a", bad[i], NULL) == TL_ERROR);
        CHECK(!objects_presign(req, t->store, TL_GET, bad[i], 60));
    }
}

static void keys_that_are_none_are_refused(void **state)
{
    storage_run(*state, use_bad_keys);
}

static void list_pages(tl_request *req, storage *t)
{
    tl_object_list found;
    char key[32];
    for (int i = 0; i < 25; i++) {
        snprintf(key, sizeof key, "list/%d/%02d", i % 3, i);
        CHECK(put_text(req, t, key, "x"));
    }
    CHECK(put_text(req, t, "list", "not in it") && put_text(req, t, "lisu", "nor this"));
    size_t seen = 0;
    const char *after = NULL, *last = "";
    for (int page = 0; page < 3; page++) {
        CHECK(objects_list(req, t->store, "list/", after, 10, &found) == TL_OK);
        CHECK(found.count == (page < 2 ? 10 : 5));
        CHECK((page < 2) == (found.next != NULL));
        for (size_t i = 0; i < found.count; i++) {
            CHECK(strcmp(found.items[i].key, last) > 0 && strncmp(found.items[i].key, "list/", 5) == 0);
            CHECK(!found.items[i].content_type && found.items[i].etag[0] == '"' && found.items[i].modified > 0);
            last = found.items[i].key;
            seen++;
        }
        after = found.next;
    }
    CHECK(seen == 25);
    CHECK(objects_list(req, t->store, "list/1/", "list/1/10", 2, &found) == TL_OK);
    CHECK(found.count == 2 && strcmp(found.items[0].key, "list/1/13") == 0);
    CHECK(objects_list(req, t->store, "nothing", NULL, 10, &found) == TL_OK && found.count == 0 && !found.next);
    CHECK(objects_list(req, t->store, "", "zzz", 10, &found) == TL_OK && found.count == 0);
    CHECK(objects_list(req, t->store, "", "list/2", 100, &found) == TL_OK);
    CHECK(found.count == 9 && strcmp(found.items[0].key, "list/2/02") == 0);
}

static void lists_come_in_pages_and_in_order(void **state)
{
    storage_run(*state, list_pages);
}

static void list_many(tl_request *req, storage *t)
{
    tl_object_list found;
    char key[32];
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "many/%03d", (i * 271) % 300);
        CHECK(put_text(req, t, key, ""));
    }
    CHECK(objects_list(req, t->store, "many/", NULL, 1000, &found) == TL_OK && found.count == 300 && !found.next);
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "many/%03d", i);
        CHECK(strcmp(found.items[i].key, key) == 0);
    }
    CHECK(objects_list(req, t->store, "many/", NULL, 300, &found) == TL_OK && found.count == 300 && !found.next);
    CHECK(objects_list(req, t->store, "many/", "many/099", 100, &found) == TL_OK && found.count == 100);
    CHECK(strcmp(found.items[0].key, "many/100") == 0 && strcmp(found.next, "many/199") == 0);
}

static void a_full_folder_is_listed_in_order(void **state)
{
    storage_run(*state, list_many);
}

static bool range_is(tl_request *req, storage *t, int64_t offset, int64_t length, const char *text)
{
    int error;
    const void *bytes;
    size_t count;
    tl_object about;
    char all[32] = "";
    tl_download *d = objects_download_begin(req, t->store, "digits", offset, length, &about, &error);
    if (!d || about.size != 10)
        return false;
    while ((error = objects_download_read(req, d, &bytes, &count)) == TL_OK && count > 0)
        strncat(all, bytes, count);
    return error == TL_OK && strcmp(all, text) == 0;
}

static bool has_no_range(tl_request *req, storage *t, int64_t offset, int64_t length)
{
    int error = TL_OK;
    return !objects_download_begin(req, t->store, "digits", offset, length, NULL, &error) && error == TL_ERROR;
}

static void read_ranges(tl_request *req, storage *t)
{
    CHECK(put_text(req, t, "digits", "0123456789"));
    CHECK(range_is(req, t, 0, -1, "0123456789"));
    CHECK(range_is(req, t, 0, 10, "0123456789"));
    CHECK(range_is(req, t, 0, 1, "0"));
    CHECK(range_is(req, t, 3, 4, "3456"));
    CHECK(range_is(req, t, 7, -1, "789"));
    CHECK(range_is(req, t, 9, 1, "9"));
    CHECK(range_is(req, t, 5, 0, ""));
    CHECK(range_is(req, t, 10, 0, ""));
    CHECK(has_no_range(req, t, 10, 1));
    CHECK(has_no_range(req, t, 8, 3));
    CHECK(has_no_range(req, t, 11, 0));
    CHECK(has_no_range(req, t, -1, 3));
}

static void ranges_are_exact(void **state)
{
    storage_run(*state, read_ranges);
}

static void get_limited(tl_request *req, storage *t)
{
    const void *bytes;
    CHECK(put_text(req, t, "ten", "0123456789"));
    CHECK(objects_get(req, t->store, "ten", 9, &bytes, NULL) == TL_ERROR && !bytes);
    CHECK(objects_get(req, t->store, "ten", 10, &bytes, NULL) == TL_OK && bytes);
}

static void what_is_larger_than_the_limit_is_not_read(void **state)
{
    storage_run(*state, get_limited);
}

static void copy_object(tl_request *req, storage *t)
{
    const tl_object_options options = {.content_type = "text/plain"};
    tl_object about;
    CHECK(put_text(req, t, "from", "text"));
    CHECK(put_text(req, t, "to/x", "old"));
    CHECK(objects_copy(req, t->store, "from", "to/x", &options) == TL_OK);
    CHECK(has_text(req, t, "to/x", "text") && has_text(req, t, "from", "text"));
    CHECK(objects_head(req, t->store, "to/x", &about) == TL_OK && strcmp(about.content_type, "text/plain") == 0);
    CHECK(objects_head(req, t->store, "from", &about) == TL_OK);
    CHECK(strcmp(about.content_type, "application/octet-stream") == 0);
    CHECK(objects_copy(req, t->store, "from", "from", &options) == TL_OK && has_text(req, t, "from", "text"));
}

static void copies_have_options_of_their_own(void **state)
{
    storage_run(*state, copy_object);
}

static void put_with_bad_options(tl_request *req, storage *t)
{
    char long_type[300];
    memset(long_type, 'a', sizeof long_type);
    long_type[sizeof long_type - 1] = '\0';
    const char *const bad[] = {"text/plain\r\nX-Other: 1", " text", "text\xc3\xa4", long_type};
    tl_object about;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(objects_put(req, t->store, "k", "x", 1, &(tl_object_options){.content_type = bad[i]}) == TL_ERROR);
        CHECK(objects_put(req, t->store, "k", "x", 1, &(tl_object_options){.cache_control = bad[i]}) == TL_ERROR);
    }
    CHECK(objects_head(req, t->store, "k", &about) == TL_NOT_FOUND);
}

static void options_that_are_no_headers_are_refused(void **state)
{
    storage_run(*state, put_with_bad_options);
}

static void check_store(tl_request *req, storage *t)
{
    CHECK(objects_check(req, t->store) == TL_OK);
}

static void a_store_that_works_is_healthy(void **state)
{
    storage *t = *state;
    storage_run(t, check_store);
    assert_int_equal(storage_open_uploads(t), 0);
}

#define BOTH(test)                                                                                                     \
    {"dir: " #test, test, open_storage, close_storage, NULL},                                                          \
    {                                                                                                                  \
        "s3: " #test, test, open_storage, close_storage, "s3"                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(what_is_put_is_read_back),
        BOTH(putting_again_replaces),
        BOTH(what_is_not_there_is_not_found),
        BOTH(deleting_takes_one_object),
        BOTH(an_object_may_be_empty),
        BOTH(keys_have_any_characters),
        BOTH(keys_may_have_1024_bytes),
        BOTH(keys_that_are_none_are_refused),
        BOTH(lists_come_in_pages_and_in_order),
        BOTH(a_full_folder_is_listed_in_order),
        BOTH(ranges_are_exact),
        BOTH(what_is_larger_than_the_limit_is_not_read),
        BOTH(copies_have_options_of_their_own),
        BOTH(options_that_are_no_headers_are_refused),
        BOTH(a_store_that_works_is_healthy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
