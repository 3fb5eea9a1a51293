/*
 * Cookies (RFC 6265): reading those of the request, writing one of the response's.
 */
#include <string.h>

#include "core/http/private.h"
#include "core/log/log.h"
#include "core/plugin/plugin.h"

/*
 * Looks through "a=b; c=d" from `pairs` on: the value of the next pair of that name, and where to look further. NULL:
 * there is none.
 */
static const char *find(const char **pairs, const char *name, size_t *length)
{
    size_t name_length = strlen(name);
    while (**pairs) {
        const char *pair = *pairs + strspn(*pairs, " \t;");
        size_t pair_length = strcspn(pair, ";");
        *pairs = pair + pair_length;
        if (pair_length <= name_length || strncmp(pair, name, name_length) != 0 || pair[name_length] != '=')
            continue;
        const char *value = pair + name_length + 1;
        *length = pair_length - name_length - 1;
        while (*length > 0 && (value[*length - 1] == ' ' || value[*length - 1] == '\t'))
            --*length;
        if (*length >= 2 && value[0] == '"' && value[*length - 1] == '"') {
            value++;
            *length -= 2;
        }
        return value;
    }
    return NULL;
}

size_t http_cookies(tl_request *req, const char *name, const char **values, size_t max)
{
    http_exchange *x = req->http;
    if (!x || !frame_is_token(name, strlen(name)))
        return 0;
    size_t count = 0;
    int line = -1;
    while ((line = frame_find(&x->frame, x->head.data, "Cookie", (size_t)line + 1)) >= 0) {
        const char *pairs = exchange_text(x, x->frame.lines[line].value), *value;
        size_t length;
        while (count < max && (value = find(&pairs, name, &length)))
            values[count++] = arena_copy_bytes(req->arena, value, length);
    }
    return count;
}

const char *http_cookie(tl_request *req, const char *name)
{
    const char *value;
    return http_cookies(req, name, &value, 1) == 1 ? value : NULL;
}

static bool is_value(const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\')
            return false;
    }
    return true;
}

static bool is_attribute(const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c <= ' ' || c >= 0x7f || c == ';' || c == ',')
            return false;
    }
    return true;
}

void http_set_cookie(tl_request *req, const tl_cookie *cookie)
{
    http_exchange *x = req->http;
    if (!x)
        return;
    const char *path = cookie->path ? cookie->path : "/", *domain = cookie->domain ? cookie->domain : "";
    bool sound = cookie->name && frame_is_token(cookie->name, strlen(cookie->name)) && cookie->value &&
                 is_value(cookie->value) && is_attribute(path) && is_attribute(domain);
    if (!sound || x->own.length + strlen(cookie->value) > MAX_OWN_HEADERS) {
        logger_write(req->worker->log, TL_LOG_ERROR, request_plugin(req), req,
                     "a cookie has characters that no cookie may have, or is too large, and is dropped");
        return;
    }
    buffer_printf(&x->own, "\r\nSet-Cookie: %s=%s; Path=%s", cookie->name, cookie->value, path);
    if (*domain)
        buffer_printf(&x->own, "; Domain=%s", domain);
    if (cookie->max_age > 0)
        buffer_printf(&x->own, "; Max-Age=%lld", (long long)cookie->max_age);
    else
        buffer_add_text(&x->own, "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    buffer_add_text(&x->own, cookie->secure ? "; HttpOnly; SameSite=Lax; Secure" : "; HttpOnly; SameSite=Lax");
}
