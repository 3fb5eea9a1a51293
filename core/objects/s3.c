/*
 * The driver `s3`: a bucket at AWS, or at anything that speaks its protocol.
 */
#include "core/objects/s3.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log/log.h"

enum { PART = 8 << 20 };

#define PROBE ".talelio-probe"

static bool is_default_port(const char *endpoint, const char *host)
{
    const char *port = strrchr(host, ':');
    if (!port || strchr(port, ']'))
        return false;
    return strcmp(port, strncmp(endpoint, "https:", 6) == 0 ? ":443" : ":80") == 0;
}

/* The parts of every URL. The Host header leaves out the scheme's own port, as libcurl does. */
static void set_place(s3 *s, const store_settings *from)
{
    const char *host = strstr(from->endpoint, "://") + 3;
    size_t scheme = (size_t)(host - from->endpoint), length = strlen(host);
    if (is_default_port(from->endpoint, host))
        length = (size_t)(strrchr(host, ':') - host);
    const char *plain = arena_copy_bytes(s->memory, host, length);
    s->host = from->path_style ? plain : arena_format(s->memory, "%s.%s", from->bucket, plain);
    s->path = from->path_style ? arena_format(s->memory, "/%s/", from->bucket) : "/";
    s->base = arena_format(s->memory, "%.*s%s", (int)scheme, from->endpoint, s->host);
}

static void s3_close(tl_store *store)
{
    s3 *s = store->state;
    if (!s)
        return;
    credentials_free(s->credentials);
    transfers_free(s->transfers);
    slots_close(&s->slots);
    arena_free(s->memory);
    free(s);
    store->state = NULL;
}

static bool s3_open(tl_store *store)
{
    s3 *s = calloc(1, sizeof *s);
    if (!s || sodium_init() < 0) {
        free(s);
        return false;
    }
    store->state = s;
    s->store = store;
    s->memory = arena_new(NULL);
    set_place(s, store->settings);
    s->transfers = transfers_new(store->worker);
    s->credentials = s->transfers ? credentials_new(store, s->transfers) : NULL;
    return s->credentials &&
           slots_open(&s->slots, store->worker, (size_t)store->settings->connections, store->settings->connect_timeout);
}

static int s3_check(tl_request *req, tl_store *store)
{
    s3_call c = {.method = "GET", .is_once = true};
    s3_parameter(&c, "list-type", "2");
    s3_parameter(&c, "max-keys", "1");
    s3_parameter(&c, "prefix", PROBE);
    return s3_do(req, store, &c);
}

static int s3_put(tl_request *req, tl_store *store, const char *key, const void *bytes, size_t length,
                  const tl_object_options *options)
{
    s3_call c = {.method = "PUT", .key = key, .body = bytes, .length = length};
    int result = s3_run_described(req, store, &c, options);
    s3_end(&c);
    return result;
}

static int s3_head_object(tl_request *req, tl_store *store, const char *key, tl_object *about)
{
    return s3_head(req, store, key, about, NULL);
}

static int s3_remove(tl_request *req, tl_store *store, const char *key)
{
    s3_call c = {.method = "DELETE", .key = key};
    int result = s3_do(req, store, &c);
    return result == TL_NOT_FOUND ? TL_OK : result;
}

static void fill_list(tl_request *req, const s3_answer *answer, tl_object_list *found)
{
    tl_object *items = arena_alloc(req->arena, (answer->count + 1) * sizeof *items);
    for (size_t i = 0; i < answer->count; i++) {
        const s3_item *from = &answer->items[i];
        items[i].key = arena_copy(req->arena, from->key);
        items[i].size = from->size;
        items[i].modified = from->modified < 0 ? 0 : from->modified;
        items[i].etag =
            *from->etag == '"' ? arena_copy(req->arena, from->etag) : arena_format(req->arena, "\"%s\"", from->etag);
    }
    *found = (tl_object_list){.items = items, .count = answer->count};
    if (answer->is_truncated && answer->count > 0)
        found->next = items[answer->count - 1].key;
}

static int s3_list(tl_request *req, tl_store *store, const char *prefix, const char *after, size_t limit,
                   tl_object_list *found)
{
    char most[24];
    snprintf(most, sizeof most, "%zu", limit);
    s3_call c = {.method = "GET", .answer_limit = S3_LIST_LIMIT};
    s3_parameter(&c, "list-type", "2");
    s3_parameter(&c, "encoding-type", "url");
    s3_parameter(&c, "max-keys", most);
    if (*prefix)
        s3_parameter(&c, "prefix", prefix);
    if (after)
        s3_parameter(&c, "start-after", after);
    int result = s3_run(req, store, &c);
    if (result == TL_OK && (!c.answer || strcmp(c.answer->root, "ListBucketResult") != 0)) {
        store_tell(store, req, "list", "GET: an answer that is no list");
        result = TL_ERROR;
    }
    if (result == TL_OK)
        fill_list(req, c.answer, found);
    s3_end(&c);
    return result;
}

static int s3_copy(tl_request *req, tl_store *store, const char *from, const char *to, const tl_object_options *options)
{
    s3_call c = {.method = "PUT", .key = to};
    s3_header(&c, "x-amz-copy-source",
              arena_format(req->arena, "/%s/%s", store->settings->bucket, sigv4_encode(req->arena, from, true)));
    s3_header(&c, "x-amz-metadata-directive", "REPLACE");
    int result = s3_run_described(req, store, &c, options);
    if (result == TL_OK && (!c.answer || strcmp(c.answer->root, "CopyObjectResult") != 0)) {
        store_tell(store, req, "copy", "PUT %.200s: no answer to copying", to);
        result = TL_UNAVAILABLE;
    }
    s3_end(&c);
    return result;
}

static const char *s3_presign(tl_request *req, tl_store *store, tl_method method, const char *key, int64_t seconds)
{
    s3 *s = store->state;
    sigv4_keys keys;
    if (!credentials_at_hand(s->credentials, req->arena, &keys)) {
        store_tell(store, req, "presign", "no URL can be signed while there are no keys");
        return NULL;
    }
    const sigv4_pair host = {"host", s->host};
    const sigv4_request r = {.method = method == TL_PUT ? "PUT" : "GET",
                             .path = s3_path(req->arena, s, key),
                             .headers = &host,
                             .header_count = 1,
                             .payload = "UNSIGNED-PAYLOAD",
                             .region = store->settings->region,
                             .service = "s3",
                             .seconds = (int64_t)time(NULL)};
    return arena_format(req->arena, "%s%s?%s", s->base, r.path, sigv4_presigned_query(req->arena, &r, &keys, seconds));
}

static const char *s3_url(tl_request *req, tl_store *store, const char *key)
{
    const s3 *s = store->state;
    const char *base = store->settings->public_url;
    if (!*base)
        return arena_format(req->arena, "%s%s", s->base, s3_path(req->arena, s, key));
    bool has_slash = base[strlen(base) - 1] == '/';
    return arena_format(req->arena, "%s%s%s", base, has_slash ? "" : "/", sigv4_encode(req->arena, key, true));
}

const store_driver s3_driver = {
    .part = PART,
    .open = s3_open,
    .close = s3_close,
    .check = s3_check,
    .put = s3_put,
    .upload_part = s3_upload_part,
    .upload_finish = s3_upload_finish,
    .upload_discard = s3_upload_discard,
    .upload_forget = s3_upload_forget,
    .download_begin = s3_download_begin,
    .download_read = s3_download_read,
    .download_end = s3_download_end,
    .head = s3_head_object,
    .remove = s3_remove,
    .list = s3_list,
    .copy = s3_copy,
    .sweep = s3_sweep,
    .presign = s3_presign,
    .url = s3_url,
};
