/*
 * HTTP: bytes → gate → evhttp → router → handler → response.
 */
#ifndef CORE_HTTP_HTTP_H
#define CORE_HTTP_HTTP_H

#include <stdarg.h>
#include <talelio/http.h>
#include <talelio/plugin.h>

#include "core/config/problems.h"

struct worker;
typedef struct http_server http_server;
typedef struct router router;

/* One route of a plugin, as the router keeps it. */
typedef struct route {
    tl_method method;
    const char *path;
    tl_handler *handler;
    tl_auth auth;
    size_t max_body;
    bool secret;
    tl_module *module;
} route;

router *router_new(void);
void router_free(router *r);
/* Clashes and malformed paths go to `found`, naming both plugins. The route is copied. */
void router_add(router *r, const route *what, problems *found);
/* Every route, in order of path and method, for `talelio routes`. */
void router_each(const router *r, void (*visit)(const route *what, void *arg), void *arg);

/* The server takes the router. Listening starts with http_server_listen. */
http_server *http_server_new(struct worker *w, router *r);
/*
 * `fd`: a bound, listening, non-blocking socket. `nudge`: an eventfd that all workers share who accept from it; -1 when
 * there are no others. Both stay the caller's to close.
 */
bool http_server_listen(http_server *h, int fd, int nudge);
/* No new connections, no keep-alive; calls `done(arg)` once the last connection has ended. */
void http_server_drain(http_server *h, void (*done)(void *arg), void *arg);
/* How long a drain leaves a connection between two requests open, so that its client may hear with its next answer that
 * it is the last one. A client that asks just when its connection closes gets no answer. */
void http_server_be_patient(http_server *h, int64_t milliseconds);
void http_server_free(http_server *h);
uint64_t http_request_count(const http_server *h);
size_t http_connection_count(const http_server *h);

/* As documented in talelio/http.h. */
tl_method http_method(const tl_request *req);
const char *http_path(const tl_request *req);
const char *http_path_param(const tl_request *req, const char *name);
const char *http_query_param(tl_request *req, const char *name);
const char *http_header(const tl_request *req, const char *name);
const char *http_cookie(tl_request *req, const char *name);
size_t http_cookies(tl_request *req, const char *name, const char **values, size_t max);
const char *http_remote_address(const tl_request *req);
const char *http_request_id(const tl_request *req);
const void *http_body(tl_request *req, size_t *length);
tl_json *http_json_body(tl_request *req, const tl_field *fields);
const tl_identity *http_identity(const tl_request *req);
void http_set_header(tl_request *req, const char *name, const char *value);
void http_set_cookie(tl_request *req, const tl_cookie *cookie);
const char *http_etag(tl_request *req, const char *version, const void *bytes, size_t length);
int http_check_read(tl_request *req, const char *etag);
int http_check_write(tl_request *req, const char *version);
int http_reply(tl_request *req, int status, const char *content_type, const void *bytes, size_t length);
int http_reply_json(tl_request *req, int status, const tl_json *value);
int http_vfail(tl_request *req, int status, const char *format, va_list args);
int http_fail(tl_request *req, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
int http_stream_begin(tl_request *req, int status, const char *content_type, int64_t length);
int http_stream_write(tl_request *req, const void *bytes, size_t length);
int http_stream_drain(tl_request *req);
int http_fail_service(tl_request *req, const char *service, int error);

#endif
