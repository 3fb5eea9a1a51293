/*
 * What a handler answers. Nothing is sent before the handler has returned. Without a visitor nobody is answered.
 */
#include <string.h>
#include <strings.h>

#include "core/http/private.h"
#include "core/json/json.h"
#include "core/log/log.h"
#include "core/plugin/plugin.h"

int http_reply(tl_request *req, int status, const char *content_type, const void *bytes, size_t length)
{
    http_exchange *x = req->http;
    if (!x)
        return TL_REPLIED;
    request_check_memory(req, length); /* the reply is a copy */
    bool sound =
        status >= 200 && status <= 599 && (!content_type || frame_is_value(content_type, strlen(content_type)));
    if (!sound) {
        logger_write(req->worker->log, TL_LOG_ERROR, request_plugin(req), req, "no reply can have status %d, type '%s'",
                     status, content_type ? content_type : "none");
        reply_error(x, 500, "Internal server error");
    } else if (!reply_keep(x, status, content_type, bytes, length)) {
        logger_write(req->worker->log, TL_LOG_ERROR, request_plugin(req), req,
                     "a second reply (status %d) to one request is dropped", status);
    }
    return TL_REPLIED;
}

int http_reply_json(tl_request *req, int status, const tl_json *value)
{
    size_t length;
    const char *text = json_text(req, value, &length);
    return http_reply(req, status, "application/json", text, length);
}

int http_vfail(tl_request *req, int status, const char *format, va_list args)
{
    if (!req->http)
        return TL_REPLIED;
    buffer body = {0};
    error_body(&body, status, arena_vformat(req->arena, format, args));
    int result = http_reply(req, status, "application/json", body.data, body.length);
    buffer_free(&body);
    return result;
}

int http_fail(tl_request *req, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = http_vfail(req, status, format, args);
    va_end(args);
    return result;
}

int http_fail_service(tl_request *req, const char *service, int error)
{
    bool late = error == TL_CANCELLED && req->timed_out;
    if (error == TL_UNAVAILABLE || error == TL_CANCELLED) {
        /* Nobody reads the answer when the client has gone; it is no failure of ours. */
        if (error == TL_UNAVAILABLE || late)
            logger_write(req->worker->log, TL_WARNING, request_plugin(req), req, "%s: %s", service,
                         late ? "the request took too long" : "unavailable");
        http_set_header(req, "Retry-After", "1");
        return http_fail(req, 503, late ? "The request took too long" : "The service is temporarily unavailable");
    }
    logger_write(req->worker->log, TL_LOG_ERROR, request_plugin(req), req, "%s failed (%d)", service, error);
    return http_fail(req, 500, "Internal server error");
}

/* What the server says by itself. */
static bool is_reserved(const char *name)
{
    static const char *const reserved[] = {"Connection",
                                           "Content-Length",
                                           "Content-Type",
                                           "Date",
                                           "Keep-Alive",
                                           "Set-Cookie",
                                           "Trailer",
                                           "Transfer-Encoding",
                                           "X-Request-Id",
                                           "Upgrade",
                                           "X-Content-Type-Options",
                                           "Server"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strcasecmp(name, reserved[i]) == 0)
            return true;
    }
    return false;
}

/* Takes out the line of an earlier header of this name. */
static void remove_header(buffer *own, const char *name)
{
    size_t name_length = strlen(name);
    for (char *line = own->data; line && line < own->data + own->length;) {
        char *next = strstr(line + 2, "\r\n");
        char *end = next ? next : own->data + own->length;
        if (strncasecmp(line + 2, name, name_length) == 0 && line[2 + name_length] == ':') {
            memmove(line, end, (size_t)(own->data + own->length - end) + 1);
            own->length -= (size_t)(end - line);
            return;
        }
        line = end;
    }
}

void http_set_header(tl_request *req, const char *name, const char *value)
{
    http_exchange *x = req->http;
    if (!x)
        return;
    const char *wrong = NULL;
    if (!frame_is_token(name, strlen(name)) || !frame_is_value(value, strlen(value)))
        wrong = "has characters that no header may have";
    else if (is_reserved(name))
        wrong = "is not a handler's to set";
    else if (x->streaming)
        wrong = "comes after the head";
    else if (x->own.length + strlen(name) + strlen(value) > MAX_OWN_HEADERS)
        wrong = "is too much";
    if (wrong) {
        logger_write(req->worker->log, TL_LOG_ERROR, request_plugin(req), req, "a header %s, and is dropped: %.40s",
                     wrong, name);
        return;
    }
    remove_header(&x->own, name);
    reply_header(x, name, value);
}
