/* The whole of object storage over HTTP, as thin as can be: what comes out of it is looked at from outside. */
#include <stdlib.h>

#include <talelio/talelio.h>

static tl_store *store;

/* A status for each result, and nothing else: tests tell them apart by it. */
static int answer(tl_request *req, int result)
{
    switch (result) {
    case TL_OK:
        return tl_reply(req, 204, NULL, NULL, 0);
    case TL_NOT_FOUND:
        return tl_fail(req, 404, "not found");
    case TL_DENIED:
        return tl_fail(req, 403, "denied");
    case TL_UNAVAILABLE:
        return tl_fail(req, 503, "unavailable");
    default:
        return tl_fail(req, 500, "result %d", result);
    }
}

static const char *text(tl_request *req, const char *name)
{
    const char *value = tl_query_param(req, name);
    return value ? value : "";
}

static int64_t number(tl_request *req, const char *name, int64_t otherwise)
{
    const char *value = tl_query_param(req, name);
    return value ? strtoll(value, NULL, 10) : otherwise;
}

static tl_object_options options_of(tl_request *req)
{
    return (tl_object_options){.content_type = tl_query_param(req, "type"),
                               .cache_control = tl_query_param(req, "cache"),
                               .is_public = number(req, "public", 0) != 0};
}

static int put(tl_request *req)
{
    size_t length;
    const void *bytes = tl_body(req, &length);
    const tl_object_options options = options_of(req);
    return answer(req, tl_object_put(req, store, text(req, "key"), bytes, length, &options));
}

/* The body as often as asked for, as a stream whose length nobody knows. */
static int upload(tl_request *req)
{
    size_t length;
    int result;
    const void *bytes = tl_body(req, &length);
    const tl_object_options options = options_of(req);
    tl_upload *u = tl_upload_begin(req, store, text(req, "key"), &options, &result);
    for (int64_t i = 0; u && result == TL_OK && i < number(req, "times", 1); i++)
        result = tl_upload_write(req, u, bytes, length);
    return answer(req, result == TL_OK ? tl_upload_finish(req, u) : result);
}

static int get(tl_request *req)
{
    const void *bytes;
    tl_object about;
    int result = tl_object_get(req, store, text(req, "key"), 1 << 20, &bytes, &about);
    return result == TL_OK ? tl_reply(req, 200, about.content_type, bytes, (size_t)about.size) : answer(req, result);
}

static int download(tl_request *req)
{
    tl_object about;
    const void *bytes;
    size_t length;
    int result;
    int64_t offset = number(req, "offset", 0), count = number(req, "length", -1);
    tl_download *d = tl_download_begin(req, store, text(req, "key"), offset, count, &about, &result);
    if (!d)
        return answer(req, result);
    result = tl_stream_begin(req, 200, about.content_type, count < 0 ? about.size - offset : count);
    if (result != TL_OK)
        return result;
    while (tl_download_read(req, d, &bytes, &length) == TL_OK && length > 0)
        if (tl_stream_write(req, bytes, length) != TL_OK)
            break;
    return TL_REPLIED;
}

static tl_json *describe(tl_request *req, const tl_object *about)
{
    tl_json *o = tl_json_object(req);
    tl_json_set_string(o, "key", about->key);
    tl_json_set_int(o, "size", about->size);
    tl_json_set_int(o, "modified", about->modified);
    tl_json_set_string(o, "etag", about->etag);
    tl_json_set_string(o, "type", about->content_type);
    return o;
}

static int head(tl_request *req)
{
    tl_object about;
    int result = tl_object_head(req, store, text(req, "key"), &about);
    return result == TL_OK ? tl_reply_json(req, 200, describe(req, &about)) : answer(req, result);
}

static int drop(tl_request *req)
{
    return answer(req, tl_object_delete(req, store, text(req, "key")));
}

static int list(tl_request *req)
{
    tl_object_list found;
    int result = tl_object_list_keys(req, store, text(req, "prefix"), tl_query_param(req, "after"),
                                     (size_t)number(req, "limit", 1000), &found);
    if (result != TL_OK)
        return answer(req, result);
    tl_json *page = tl_json_object(req), *items = tl_json_array(req);
    for (size_t i = 0; i < found.count; i++)
        tl_json_append(items, describe(req, &found.items[i]));
    tl_json_set(page, "items", items);
    tl_json_set_string(page, "next", found.next);
    return tl_reply_json(req, 200, page);
}

static int copy(tl_request *req)
{
    const tl_object_options options = options_of(req);
    return answer(req, tl_object_copy(req, store, text(req, "key"), text(req, "to"), &options));
}

static int urls(tl_request *req)
{
    const char *key = text(req, "key");
    int64_t seconds = number(req, "seconds", 60);
    tl_json *found = tl_json_object(req);
    tl_json_set_string(found, "plain", tl_object_url(req, store, key));
    tl_json_set_string(found, "get", tl_object_presign(req, store, TL_GET, key, seconds));
    tl_json_set_string(found, "put", tl_object_presign(req, store, TL_PUT, key, seconds));
    return tl_reply_json(req, 200, found);
}

static int sweep(tl_request *req)
{
    return answer(req, tl_store_sweep(req, store, text(req, "prefix"), number(req, "seconds", 0)));
}

static int init(void)
{
    store = tl_store_named("shelf");
    return store ? TL_OK : tl_refuse("there is no section [store:shelf]");
}

static const tl_route routes[] = {
    {TL_PUT, "/shelf/object", put},
    {TL_GET, "/shelf/object", get},
    {TL_DELETE, "/shelf/object", drop},
    {TL_PUT, "/shelf/stream", upload},
    {TL_GET, "/shelf/stream", download},
    {TL_GET, "/shelf/head", head},
    {TL_GET, "/shelf/list", list},
    {TL_POST, "/shelf/copy", copy},
    {TL_GET, "/shelf/urls", urls},
    {TL_POST, "/shelf/sweep", sweep},
    {0},
};

TL_PLUGIN(.name = "shelf", .version = "1", .routes = routes, .init = init);
