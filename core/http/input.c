/*
 * What a handler reads of its request. Without a visitor there is nothing to read.
 */
#include <string.h>
#include <strings.h>

#include "core/http/private.h"

tl_method http_method(const tl_request *req)
{
    return req->http ? req->http->method : 0;
}

const char *http_path(const tl_request *req)
{
    http_exchange *x = req->http;
    if (!x)
        return "";
    return x->frame.path.length > 0 ? exchange_text(x, x->frame.path) : "/";
}

const char *http_path_param(const tl_request *req, const char *name)
{
    const http_exchange *x = req->http;
    if (!x || !x->route)
        return NULL;
    size_t length = strlen(name), index = 0;
    for (const char *at = strchr(x->route->path, ':'); at; at = strchr(at + 1, ':'), index++) {
        if (strncmp(at + 1, name, length) == 0 && (at[length + 1] == '/' || at[length + 1] == '\0'))
            return x->parameters[index];
    }
    return NULL;
}

/* The decoded text, in the arena; it has been found valid before the handler was started. */
static const char *decode(tl_request *req, const char *text, size_t length, size_t *decoded)
{
    char *to = arena_alloc_raw(req->arena, length + 1);
    long n = percent_decode(text, length, true, to);
    *decoded = n > 0 ? (size_t)n : 0;
    to[*decoded] = '\0';
    return to;
}

static bool is_plain(const char *text, size_t length)
{
    return !memchr(text, '%', length) && !memchr(text, '+', length);
}

const char *http_query_param(tl_request *req, const char *name)
{
    const http_exchange *x = req->http;
    if (!x || !x->frame.has_query)
        return NULL;
    const char *query = x->head.data + x->frame.query.at;
    size_t left = x->frame.query.length, wanted = strlen(name), length;
    query_pair pair;
    while (query_next(&query, &left, &pair)) {
        const char *pair_name = pair.name;
        length = pair.name_length;
        if (!is_plain(pair_name, length))
            pair_name = decode(req, pair_name, length, &length);
        if (length == wanted && memcmp(pair_name, name, wanted) == 0)
            return decode(req, pair.value, pair.value_length, &length);
    }
    return NULL;
}

const char *http_header(const tl_request *req, const char *name)
{
    http_exchange *x = req->http;
    /* Ranges are defined for GET alone (RFC 9110, 14.2), and handlers do not see the difference to HEAD. */
    if (!x || (x->is_head && strcasecmp(name, "Range") == 0))
        return NULL;
    int line = frame_find(&x->frame, x->head.data, name, 0);
    if (line < 0)
        return NULL;
    const char *value = exchange_text(x, x->frame.lines[line].value);
    /* Cookie is the one header whose lines are not joined by commas (RFC 6265, RFC 9113). */
    const char *comma = strcasecmp(name, "Cookie") == 0 ? "; " : ", ";
    while ((line = frame_find(&x->frame, x->head.data, name, (size_t)line + 1)) >= 0)
        value = arena_format(req->arena, "%s%s%s", value, comma, exchange_text(x, x->frame.lines[line].value));
    return value;
}

const char *http_remote_address(const tl_request *req)
{
    return req->http ? remote_address(req->http) : "";
}

const char *http_request_id(const tl_request *req)
{
    return req->id;
}

const void *http_body(tl_request *req, size_t *length)
{
    const http_exchange *x = req->http;
    *length = x ? x->body.length : 0;
    return *length > 0 ? x->body.data : "";
}

const tl_identity *http_identity(const tl_request *req)
{
    return req->has_identity ? &req->identity : NULL;
}
