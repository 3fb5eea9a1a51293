/*
 * Reading a request and answering it. Strings handed out live as long as the request. Nothing here waits.
 */
#ifndef TALELIO_HTTP_H
#define TALELIO_HTTP_H

#include <stdarg.h>

#include "base.h"
#include "json.h"

typedef enum tl_method { TL_GET = 1, TL_POST, TL_PUT, TL_PATCH, TL_DELETE } tl_method;

/* What a member of a JSON body must be. The end of a table is an entry without a name. */
typedef struct tl_field {
    const char *name;
    tl_json_type type; /* TL_JSON_STRING, TL_JSON_INT, TL_JSON_BOOL … */
    bool optional;     /* may be missing */
    bool nullable;     /* may be null */
    size_t max_length; /* of a string, in characters (Unicode code points); 0: no limit of its own */
    bool not_blank;    /* a string needs a character that can be seen: no white space, no control or format character */
} tl_field;

/* Who asks, as the provider of the service "auth.v1" has established it. */
typedef struct tl_identity {
    int64_t user_id;
    const char *username;
} tl_identity;

typedef struct tl_cookie {
    const char *name;
    const char *value;
    const char *path;   /* NULL: "/" */
    const char *domain; /* NULL or "": of this host only */
    int64_t max_age;    /* seconds; 0 or less expires the cookie at once */
    bool secure;        /* HttpOnly and SameSite=Lax are always set */
} tl_cookie;

typedef struct tl_http_api {
    size_t struct_size;
    tl_method (*method)(const tl_request *req);
    const char *(*path)(const tl_request *req);
    const char *(*path_param)(const tl_request *req, const char *name);
    const char *(*query_param)(tl_request *req, const char *name);
    const char *(*header)(const tl_request *req, const char *name);
    const char *(*cookie)(tl_request *req, const char *name);
    const char *(*remote_address)(const tl_request *req);
    const char *(*request_id)(const tl_request *req);
    const void *(*body)(tl_request *req, size_t *length);
    tl_json *(*json_body)(tl_request *req, const tl_field *fields);
    const tl_identity *(*identity)(const tl_request *req);
    void (*set_header)(tl_request *req, const char *name, const char *value);
    void (*set_cookie)(tl_request *req, const tl_cookie *cookie);
    int (*reply)(tl_request *req, int status, const char *content_type, const void *bytes, size_t length);
    int (*reply_json)(tl_request *req, int status, const tl_json *value);
    int (*vfail)(tl_request *req, int status, const char *format, va_list args);
    int (*fail_service)(tl_request *req, const char *service, int error);
    int (*stream_begin)(tl_request *req, int status, const char *content_type, int64_t length);
    int (*stream_write)(tl_request *req, const void *bytes, size_t length);
    int (*stream_drain)(tl_request *req);
    size_t (*cookies)(tl_request *req, const char *name, const char **values, size_t max);
    const char *(*etag)(tl_request *req, const char *version, const void *bytes, size_t length);
    int (*check_read)(tl_request *req, const char *etag);
    int (*check_write)(tl_request *req, const char *version);
} tl_http_api;

/* What tl_check_read may return. */
enum { TL_NOT_MODIFIED = 304 };

/* How many bytes a stream takes without waiting after tl_stream_drain. */
#define TL_STREAM_ROOM (384 * 1024)

static inline tl_method tl_method_of(const tl_request *req)
{
    return tl_the_host->http->method(req);
}

/* The path as it was sent, without the query. */
static inline const char *tl_path(const tl_request *req)
{
    return tl_the_host->http->path(req);
}

/* The decoded value of ":name" in the route's path; never NULL for a name that the route has. */
static inline const char *tl_path_param(const tl_request *req, const char *name)
{
    return tl_the_host->http->path_param(req, name);
}

/* The decoded value of the first "name=" in the query ('+' is a space), or NULL when there is none. */
static inline const char *tl_query_param(tl_request *req, const char *name)
{
    return tl_the_host->http->query_param(req, name);
}

/*
 * A header's value, or NULL. The name is compared without regard to case. Several lines of one name are joined with
 * commas, as lists are (RFC 9110, 5.3), so a header that may come only once is not well-formed when it comes twice.
 * A HEAD has no Range, which is for GET alone.
 */
static inline const char *tl_header(const tl_request *req, const char *name)
{
    return tl_the_host->http->header(req, name);
}

/* The value of a cookie (RFC 6265), or NULL. Of several cookies of one name the first. */
static inline const char *tl_cookie_value(tl_request *req, const char *name)
{
    return tl_the_host->http->cookie(req, name);
}

/*
 * The values of all cookies of one name, at most `max`, in the order in which they were sent: returns how many. A
 * browser sends several when they were set with different domains or paths, and none of them says which it is.
 */
static inline size_t tl_cookie_values(tl_request *req, const char *name, const char **values, size_t max)
{
    return tl_the_host->http->cookies(req, name, values, max);
}

/* The address the request came from: of the socket, or what a trusted proxy says. An IPv4 address that
 * came as an IPv6 one (::ffff:192.0.2.1) is written as IPv4; "unix" for a unix socket. */
static inline const char *tl_remote_address(const tl_request *req)
{
    return tl_the_host->http->remote_address(req);
}

/* What X-Request-Id of the response says. */
static inline const char *tl_request_id(const tl_request *req)
{
    return tl_the_host->http->request_id(req);
}

/*
 * The body as it was sent, NUL behind it. Never NULL; empty when there is none, and for GET. It has no content coding:
 * the host has answered a body with Content-Encoding (other than identity) with 415.
 */
static inline const void *tl_body(tl_request *req, size_t *length)
{
    return tl_the_host->http->body(req, length);
}

/*
 * The body as a JSON object that holds exactly what the table allows. When it does not, the request has been answered
 * with the error that says what was expected (400, or 415 for another Content-Type) and the result is NULL: return
 * TL_REPLIED. An object without members counts as no body (400), also where all of them are optional.
 */
static inline tl_json *tl_json_body(tl_request *req, const tl_field *fields)
{
    return tl_the_host->http->json_body(req, fields);
}

/* Who asks, on routes with `.auth`. NULL on others, and on TL_AUTH_OPTIONAL when nobody has said. */
static inline const tl_identity *tl_identity_of(const tl_request *req)
{
    return tl_the_host->http->identity(req);
}

/* Sets a header of the response, in the place of an earlier one of this name. A value with control characters is
 * refused and logged. */
static inline void tl_set_header(tl_request *req, const char *name, const char *value)
{
    tl_the_host->http->set_header(req, name, value);
}

/* Adds a Set-Cookie header (RFC 6265): HttpOnly, SameSite=Lax. */
static inline void tl_set_cookie(tl_request *req, const tl_cookie *cookie)
{
    tl_the_host->http->set_cookie(req, cookie);
}

/*
 * The replies. Each answers the request and returns what the handler returns in turn. The first reply counts, a second
 * one is logged and dropped. The response is sent when the handler has returned; bytes and values are copied. An open
 * transaction that was not committed is rolled back before.
 */

/* Answers with bytes. `content_type` NULL: no body at all (204). */
static inline int tl_reply(tl_request *req, int status, const char *content_type, const void *bytes, size_t length)
{
    return tl_the_host->http->reply(req, status, content_type, bytes, length);
}

/*
 * Answers with a stream of exactly `length` bytes, whose head goes out now. TL_OK: write them with tl_stream_write and
 * return TL_REPLIED. TL_REPLIED: none are wanted (HEAD, or nobody is there any more). From here on the request has no
 * deadline but [http] write_timeout for a client that takes nothing. Returning before the last byte breaks the
 * connection, so that no client takes a part for the whole.
 */
static inline int tl_stream_begin(tl_request *req, int status, const char *content_type, int64_t length)
{
    return tl_the_host->http->stream_begin(req, status, content_type, length);
}

/* Sends bytes (copied) and waits while the client is slow. May wait. TL_OK, or TL_CANCELLED when it has gone. */
static inline int tl_stream_write(tl_request *req, const void *bytes, size_t length)
{
    return tl_the_host->http->stream_write(req, bytes, length);
}

/*
 * Waits until the client has taken nearly all that was written. Whoever gives back a connection to a storage before,
 * and writes at most TL_STREAM_ROOM bytes after it, never holds that connection for a slow client. May wait. TL_OK, or
 * TL_CANCELLED.
 */
static inline int tl_stream_drain(tl_request *req)
{
    return tl_the_host->http->stream_drain(req);
}

/* Answers with JSON. */
static inline int tl_reply_json(tl_request *req, int status, const tl_json *value)
{
    return tl_the_host->http->reply_json(req, status, value);
}

/*
 * Conditional requests (RFC 9110, 13). An answer to GET has an entity tag, which is another one whenever the answer is;
 * a client that has it can read again, change or delete on a condition: If-None-Match, If-Match.
 *
 * What GET shows is often more than what PATCH and DELETE change: a page with an article shows its neighbours, too. So
 * a tag is "VERSION-HASH": the version names the state of what is written, the hash all that is shown. Reads compare
 * whole tags, writes the version: no change is refused because something next to it has changed. The version is
 * the plugin's to choose: any text without spaces and quotes that never comes back once it has changed.
 */

/*
 * The strong entity tag, with its quotes, of an answer with these bytes, which lives as long as the request. `version`
 * may be NULL where nothing is written, or name what the bytes do not show. The answer to a successful write may have
 * it as ETag, when the bytes are those that GET would answer with.
 */
static inline const char *tl_etag(tl_request *req, const char *version, const void *bytes, size_t length)
{
    return tl_the_host->http->etag(req, version, bytes, length);
}

/*
 * What the request's conditions say of an answer to GET with this entity tag (any, with its quotes):
 *
 *   TL_OK            it is wanted
 *   TL_NOT_MODIFIED  If-None-Match has the tag (weak comparison) or is "*": answer tl_reply(req, 304, NULL, NULL, 0),
 *                    with the headers that the whole answer would have, the ETag among them
 *   TL_REPLIED       If-Match has it not (strong comparison): the request has been answered with 412
 *
 * Sets no header: one that holds for a good answer only, as Cache-Control may, is set behind this. TL_OK for other
 * methods.
 */
static inline int tl_check_read(tl_request *req, const char *etag)
{
    return tl_the_host->http->check_read(req, etag);
}

/*
 * To be called before a PUT, PATCH or DELETE of something that exists, once it is known that the caller may: `version`
 * is its version as the database had it. TL_OK: go on. TL_REPLIED: the request has been answered with 412, as If-Match
 * has no strong tag of that version and is not "*", or If-None-Match has one. Whatever is malformed is 412, too.
 *
 * Others may write meanwhile, so with If-Match the statement that writes must ask for the same version (… WHERE version
 * = $1), or the row be locked since it was read; when the statement finds nothing, read and check again.
 */
static inline int tl_check_write(tl_request *req, const char *version)
{
    return tl_the_host->http->check_write(req, version);
}

/*
 * Answers with JSON that has a tag: tl_etag, tl_check_read and tl_reply_json in one. Also for the answer to a write,
 * when it is what GET would answer.
 */
static inline int tl_reply_json_tagged(tl_request *req, int status, const tl_json *value, const char *version)
{
    size_t length;
    const char *text = tl_json_text(req, value, &length);
    const char *etag = tl_etag(req, version, text, length);
    int wanted = tl_check_read(req, etag);

    if (wanted == TL_REPLIED)
        return TL_REPLIED;
    tl_set_header(req, "ETag", etag);
    if (wanted == TL_NOT_MODIFIED)
        return tl_reply(req, 304, NULL, NULL, 0);
    return tl_reply(req, status, "application/json", text, length);
}

/* Answers with the error object: {"error": {"message", "status", "type"}}. The message is shown to the client. */
TL_PRINTF(3, 4) static inline int tl_fail(tl_request *req, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = tl_the_host->http->vfail(req, status, format, args);
    va_end(args);
    return result;
}

/*
 * Answers for a host call that returned `error` below zero: 503 with Retry-After for TL_UNAVAILABLE and for a passed
 * deadline, 500 otherwise. `service` is for the log. Details go to the log, never to the client.
 */
static inline int tl_fail_service(tl_request *req, const char *service, int error)
{
    return tl_the_host->http->fail_service(req, service, error);
}

#endif
