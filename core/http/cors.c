/*
 * CORS with credentials, for configured origins only. A page of any other origin gets no header that lets it read.
 */
#include <string.h>

#include "core/http/private.h"

/* The Origin header when it is one of the configured ones, as sent; else NULL. */
static const char *known_origin(http_exchange *x)
{
    const tl_list *origins = &x->server->settings->cors_origins;
    const char *origin = origins->count > 0 ? exchange_header(x, "Origin") : NULL;
    for (size_t i = 0; origin && i < origins->count; i++) {
        if (strcmp(origins->items[i], origin) == 0)
            return origin;
    }
    return NULL;
}

void cors_headers(http_exchange *x, buffer *to)
{
    if (x->server->settings->cors_origins.count == 0)
        return;
    /* Always, or a cache would hand one origin's answer to another. */
    buffer_add_text(to, "\r\nVary: Origin");
    const char *origin = known_origin(x);
    if (!origin)
        return;
    buffer_add_text(to, "\r\nAccess-Control-Allow-Origin: ");
    buffer_add_text(to, origin);
    buffer_add_text(
        to, "\r\nAccess-Control-Allow-Credentials: true"
            "\r\nAccess-Control-Expose-Headers: Link, X-Total-Count, ETag, Location, Retry-After, X-Request-Id");
}

void cors_preflight(http_exchange *x, const char *allow)
{
    if (!known_origin(x) || !exchange_header(x, "Access-Control-Request-Method"))
        return;
    reply_header(x, "Access-Control-Allow-Methods", allow);
    reply_header(x, "Access-Control-Allow-Headers",
                 "Authorization, Content-Type, X-Request-Id, If-None-Match, If-Match, If-Modified-Since, Range");
    reply_header(x, "Access-Control-Max-Age", "600");
}
