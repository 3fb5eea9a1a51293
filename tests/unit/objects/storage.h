/*
 * What the tests of object storage stand on: a store of either driver that is empty and goes away with the test, bodies
 * that run on a fiber, and a plain HTTP client to look at S3 from outside. The S3 server is the one of scripts/test.
 */
#ifndef TESTS_UNIT_OBJECTS_STORAGE_H
#define TESTS_UNIT_OBJECTS_STORAGE_H

#include "core/http/buffer.h"
#include "core/log/log.h"
#include "core/objects/dir.h"
#include "core/objects/objects.h"
#include "core/objects/s3.h"
#include "tests/unit/support/fixture.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct storage {
    bool is_s3;
    store_settings settings;
    worker *worker;
    tl_store *store;
    char folder[64];
    char bucket[48];
    char failure[256]; /* of a CHECK, told outside of the fiber */
} storage;

/* On a fiber, in functions with (tl_request *req, storage *t): notes what is wrong and leaves. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            snprintf(t->failure, sizeof t->failure, "line %d: %s", __LINE__, #condition);                              \
            return;                                                                                                    \
        }                                                                                                              \
    } while (0)

static inline const char *storage_needed(const char *name)
{
    const char *value = getenv(name);
    if (!value || !*value)
        fail_msg("%s is not set: run the tests through scripts/test, which starts the servers", name);
    return value;
}

typedef struct http_answer {
    long status;
    char *body; /* NUL behind it */
    size_t length;
    char headers[4096];
} http_answer;

static inline size_t http_keep(char *bytes, size_t size, size_t count, void *arg)
{
    buffer_add(arg, bytes, size * count);
    return size * count;
}

static inline size_t http_keep_header(char *bytes, size_t size, size_t count, void *arg)
{
    http_answer *a = arg;
    size_t used = strlen(a->headers);
    if (used + size * count < sizeof a->headers)
        strncat(a->headers, bytes, size * count);
    return size * count;
}

/* One request, blocking. The answer's body goes to free. */
static inline http_answer http_ask(const char *method, const char *url, const char *const *headers, const char *body)
{
    http_answer a = {0};
    buffer kept = {0};
    struct curl_slist *list = NULL;
    CURL *curl = curl_easy_init();
    for (; headers && *headers; headers++)
        list = curl_slist_append(list, *headers);
    list = curl_slist_append(list, "Content-Type:");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
    if (body)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, http_keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &kept);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, http_keep_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &a);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a.status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    a.length = kept.length;
    a.body = buffer_take(&kept);
    return a;
}

/* The same, signed with the keys of the buckets' owner. `path` is encoded: "/bucket". */
static inline http_answer s3_ask(const char *method, const char *path, const char *parameter, const char *body)
{
    arena *a = arena_new(NULL);
    const char *endpoint = storage_needed("TALELIO_TEST_S3");
    const sigv4_keys keys = {storage_needed("TALELIO_TEST_S3_ACCESS_KEY"), storage_needed("TALELIO_TEST_S3_SECRET_KEY"),
                             NULL};
    char hash[SIGV4_HASH], when[SIGV4_TIME];
    sigv4_hash(body ? body : "", body ? strlen(body) : 0, hash);
    sigv4_time(time(NULL), when);
    const sigv4_pair query = {parameter, ""};
    const sigv4_pair pairs[] = {
        {"host", strstr(endpoint, "://") + 3}, {"x-amz-date", when}, {"x-amz-content-sha256", hash}};
    const sigv4_request r = {method, path, &query, parameter ? 1 : 0, pairs, 3, hash, "us-east-1", "s3", time(NULL)};
    const char *headers[] = {arena_format(a, "x-amz-date: %s", when), arena_format(a, "x-amz-content-sha256: %s", hash),
                             arena_format(a, "Authorization: %s", sigv4_authorization(a, &r, &keys)), NULL};
    http_answer answer = http_ask(
        method,
        arena_format(a, "%s%s%s%s", endpoint, path, parameter ? "?" : "", sigv4_query(a, &query, r.query_count)),
        headers, body);
    arena_free(a);
    return answer;
}

static inline void expect_s3(long status, const char *method, const char *path, const char *parameter, const char *body)
{
    http_answer a = s3_ask(method, path, parameter, body);
    if (a.status != status)
        fail_msg("%s %s: status %ld: %s", method, path, a.status, a.body);
    free(a.body);
}

static inline int storage_remove_one(const char *path, const struct stat *s, int kind, struct FTW *ftw)
{
    (void)s, (void)kind, (void)ftw;
    return remove(path);
}

static inline void storage_remove_folder(const char *folder)
{
    nftw(folder, storage_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Settings that work; change them before storage_start. */
static inline void storage_prepare(storage *t, bool is_s3)
{
    memset(t, 0, sizeof *t);
    t->is_s3 = is_s3;
    t->settings = (store_settings){.name = "test",
                                   .driver = is_s3 ? "s3" : "dir",
                                   .folder = t->folder,
                                   .endpoint = "",
                                   .region = "us-east-1",
                                   .bucket = t->bucket,
                                   .path_style = true,
                                   .access_key = "",
                                   .secret_key = "",
                                   .ca_file = "",
                                   .connections = 8,
                                   .connect_timeout = 5000,
                                   .stall_timeout = 20000,
                                   .public_url = ""};
    strcpy(t->folder, "/tmp/talelio-objects-XXXXXX");
    if (!is_s3) {
        assert_non_null(mkdtemp(t->folder));
        return;
    }
    t->settings.endpoint = storage_needed("TALELIO_TEST_S3");
    t->settings.access_key = storage_needed("TALELIO_TEST_S3_ACCESS_KEY");
    t->settings.secret_key = storage_needed("TALELIO_TEST_S3_SECRET_KEY");
    unsigned char random[8];
    char digits[17];
    randombytes_buf(random, sizeof random);
    snprintf(t->bucket, sizeof t->bucket, "test-%s", sodium_bin2hex(digits, sizeof digits, random, sizeof random));
}

static inline void storage_make_bucket(storage *t)
{
    char path[64];
    snprintf(path, sizeof path, "/%s", t->bucket);
    expect_s3(200, "PUT", path, NULL, "");
}

static inline void storage_start(storage *t)
{
    settings *s = fixture_settings();
    s->stores = &t->settings;
    s->store_count = 1;
    assert_int_equal(truncate(fixture_log_path(), 0), 0);
    t->worker = fixture_worker_new(s);
    t->worker->objects = objects_new(t->worker);
    assert_non_null(t->worker->objects);
    objects_recover(t->worker->objects);
    t->store = objects_store("test");
    assert_non_null(t->store);
}

/* Turns the loop until all that goes on behind has ended. */
static inline void storage_settle(storage *t)
{
    for (int i = 0; i < 2000 && request_count(t->worker->requests) > 0; i++) {
        event_base_loop(t->worker->base, EVLOOP_NONBLOCK);
        usleep(5000);
    }
    assert_int_equal(request_count(t->worker->requests), 0);
}

static inline void storage_stop(storage *t)
{
    storage_settle(t);
    objects_free(t->worker->objects);
    t->worker->objects = NULL;
    fixture_worker_free(t->worker);
    t->worker = NULL;
    if (!t->is_s3)
        storage_remove_folder(t->folder);
}

typedef struct storage_body {
    storage *storage;
    void (*body)(tl_request *req, storage *t);
} storage_body;

static inline void storage_run_body(tl_request *req, void *arg)
{
    storage_body *b = arg;
    b->body(req, b->storage);
}

/* Runs the body on a fiber; a CHECK in it fails the test here. */
static inline void storage_run(storage *t, void (*body)(tl_request *req, storage *t))
{
    storage_body b = {t, body};
    fixture_run(t->worker, storage_run_body, &b);
    logger_flush(t->worker->log);
    if (*t->failure)
        fail_msg("%s", t->failure);
}

/* Is the text in the log? */
static inline bool storage_logged(const char *text)
{
    static char content[1 << 20];
    FILE *file = fopen(fixture_log_path(), "r");
    assert_non_null(file);
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    return strstr(content, text) != NULL;
}

/* Multipart uploads that are open in the bucket, or temporary files in the folder. */
static inline size_t storage_open_uploads(storage *t)
{
    size_t count = 0;
    char path[128];
    if (t->is_s3) {
        snprintf(path, sizeof path, "/%s", t->bucket);
        http_answer a = s3_ask("GET", path, "uploads", NULL);
        assert_int_equal(a.status, 200);
        for (const char *at = a.body; (at = strstr(at, "<UploadId>")); at++)
            count++;
        free(a.body);
        return count;
    }
    snprintf(path, sizeof path, "%s/.drafts", t->folder);
    DIR *list = opendir(path);
    for (struct dirent *e = list ? readdir(list) : NULL; e; e = readdir(list))
        count += e->d_name[0] != '.';
    if (list)
        closedir(list);
    return count;
}

static inline bool put_text(tl_request *req, storage *t, const char *key, const char *text)
{
    return objects_put(req, t->store, key, text, strlen(text), NULL) == TL_OK;
}

/* Is this object there with this text? */
static inline bool has_text(tl_request *req, storage *t, const char *key, const char *text)
{
    const void *bytes;
    tl_object about;
    return objects_get(req, t->store, key, 1 << 20, &bytes, &about) == TL_OK && strcmp(bytes, text) == 0 &&
           about.size == (int64_t)strlen(text);
}

/* Bytes that tell at every place whether they are the right ones. */
static inline unsigned char pattern_at(size_t at)
{
    return (unsigned char)(at * 31 + (at >> 8) * 7 + (at >> 16) * 13);
}

static inline void pattern_fill(unsigned char *bytes, size_t from, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern_at(from + i);
}

static inline bool pattern_is(const unsigned char *bytes, size_t from, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != pattern_at(from + i))
            return false;
    return true;
}

#endif
