/*
 * What every other header builds on: versions, opaque types and the host table. Include <talelio/talelio.h>, not this.
 */
#ifndef TALELIO_BASE_H
#define TALELIO_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The binary interface. A plugin loads when its major equals the host's and its minor is not above the host's.
 * A field or a function is only ever appended (next minor); anything else is a new major.
 *
 *   1.0  first version
 *   1.1  tl_isolated, TL_EXCEEDED; tl_cookie_values; tl_route.secret; conditional requests: tl_etag, tl_check_read,
 *        tl_check_write
 */
#define TL_ABI_MAJOR 1
#define TL_ABI_MINOR 1

#if !defined(__GNUC__)
#error "talelio plugins are built with gcc or clang"
#endif
#define TL_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define TL_HIDDEN __attribute__((visibility("hidden")))
#define TL_EXPORT __attribute__((visibility("default")))

/*
 * One piece of work on a fiber: a visitor's request, or (in a plugin's `start` and in commands) work of the same kind
 * without a visitor, on which the HTTP calls find nothing to read and reply to nobody.
 *
 * A call documented as "may wait" suspends this fiber only. Other requests run meanwhile, so a plugin's globals may
 * have changed after it. A call documented as "does not wait" never lets anything else run.
 */
typedef struct tl_request tl_request;

/* A loaded plugin as the host sees it. */
typedef struct tl_module tl_module;

/* Results of calls that can fail. Zero is success, everything else is below zero. */
enum {
    TL_OK = 0,
    TL_ERROR = -1,       /* failed; the log says why */
    TL_CANCELLED = -2,   /* the client has gone, or the request's deadline has passed: return from the handler */
    TL_UNAVAILABLE = -3, /* a server that is needed (database, Redis, mail, storage) cannot be reached now */
    TL_REPLIED = -4,     /* the call has already answered the request: return from the handler */
    TL_NOT_FOUND = -5,   /* there is no such object */
    TL_DENIED = -6,      /* refused by the other side: rights are missing, or a secret is wrong */
    TL_EXCEEDED = -7,    /* it has taken more time or memory than it may */
};

/*
 * The host's functions, in groups. Each group starts with its own size and only ever grows at its end. Plugins use the
 * documented functions of the other headers, which call through this table; nothing is linked.
 */
typedef struct tl_host {
    size_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;
    const struct tl_module_api *module;
    const struct tl_log_api *log;
    const struct tl_task_api *task;
    const struct tl_http_api *http;
    const struct tl_json_api *json;
    const struct tl_db_api *db;
    const struct tl_redis_api *redis;
    const struct tl_mail_api *mail;
    const struct tl_health_api *health;
    const struct tl_objects_api *objects;
    const struct tl_metrics_api *metrics;
} tl_host;

/* Both are defined by TL_PLUGIN and set before any other code of the plugin runs. */
extern TL_HIDDEN const tl_host *tl_the_host;
extern TL_HIDDEN tl_module *tl_self;

#endif
