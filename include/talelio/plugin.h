/*
 * What a plugin is: one file with one exported function, which TL_PLUGIN defines.
 *
 *     static const tl_route routes[] = {
 *         {TL_GET, "/v1/notes/:id", show_note},
 *         {TL_POST, "/v1/notes", create_note, .auth = TL_AUTH_REQUIRED},
 *         {0},
 *     };
 *
 *     TL_PLUGIN(.name = "notes", .version = "1.0.0", .routes = routes);
 *
 * Plugins are loaded with RTLD_NOW | RTLD_LOCAL and built with hidden visibility: two of them may use the same names.
 * All code of all plugins runs on one thread of a process, one fiber at a time: no locks.
 */
#ifndef TALELIO_PLUGIN_H
#define TALELIO_PLUGIN_H

#include <stdarg.h>

#include "base.h"
#include "http.h"
#include "metrics.h"

/*
 * Answers one request. Returns what tl_reply… or tl_fail… returned, or TL_REPLIED where a call has answered already.
 * A handler that returns without a reply is answered with 500 and named in the log.
 */
typedef int tl_handler(tl_request *req);

/* Who may call a route. With no provider of "auth.v1" loaded, routes with TL_AUTH_REQUIRED are left out, and the log
 * says so. */
typedef enum tl_auth {
    TL_AUTH_NONE,
    TL_AUTH_REQUIRED, /* refused by the provider unless it knows who asks */
    TL_AUTH_OPTIONAL, /* without an Authorization header nobody is refused */
} tl_auth;

/*
 * GET also serves HEAD, by the same handler: what that changes in the database is answered as for GET and rolled back.
 * Redis and the object store know no such thing, so a GET changes nothing there. Segments of `path` that start with ':'
 * are parameters. Two routes that match the same paths clash.
 */
typedef struct tl_route {
    tl_method method;
    const char *path;
    tl_handler *handler;
    tl_auth auth;
    size_t max_body; /* bytes; 0: the server's own limit */
    bool
        secret; /* the first parameter, or without one the query, is a secret: no log shows what stands from there on */
} tl_route;

typedef enum tl_option_type {
    TL_OPTION_STRING = 1, /* const char * */
    TL_OPTION_SECRET,     /* const char *, never shown or logged */
    TL_OPTION_INT,        /* int64_t, within min and max */
    TL_OPTION_BOOL,       /* bool; yes or no */
    TL_OPTION_DURATION,   /* int64_t milliseconds; written 250ms, 30s, 15m, 12h, 7d; min and max in milliseconds */
    TL_OPTION_SIZE,       /* int64_t bytes; written 512, 64K, 2M, 1G; min and max in bytes */
    TL_OPTION_CHOICE,     /* const char *, one of the words of `choices` */
    TL_OPTION_LIST,       /* tl_list; written with commas */
} tl_option_type;

typedef struct tl_list {
    const char *const *items;
    size_t count;
} tl_list;

/*
 * A key of the plugin's section in the ini file. The host checks the value and stores it at `target` before `init`.
 * `fallback` is written as in the file; without one the key must be set. Stored strings live as long as the process.
 */
typedef struct tl_option {
    const char *name;
    tl_option_type type;
    void *target;
    const char *fallback;
    int64_t min, max;    /* for numbers; both 0: no limits */
    const char *choices; /* "a|b|c" */
    const char *help;    /* one line */
} tl_option;

/* A service that this plugin offers to others: a struct of functions, known by name and version ("auth.v1"). */
typedef struct tl_service {
    const char *name;
    const void *functions;
} tl_service;

/* A service of another plugin. `*target` is set before `init`; to NULL when it is optional and not there. */
typedef struct tl_need {
    const char *name;
    const void **target;
    bool optional;
} tl_need;

/* `talelio NAME …`: runs on a fiber of a process of its own, without HTTP. Returns the exit code. */
typedef struct tl_command {
    const char *name;
    const char *usage;                                  /* "add EMAIL USERNAME" */
    const char *help;                                   /* one line */
    int (*run)(tl_request *req, int argc, char **argv); /* argv[0] is the command's name */
    bool offline; /* runs right behind `init`: no plugin's `start`, and neither database nor Redis */
} tl_command;

/*
 * Work on a schedule, in the jobs process: at most once at a time and once a due moment across all servers that share
 * the database, and caught up after an outage (once, however many moments were missed). A stop or a reload cancels what
 * still runs when its time is over; such a run, and one whose process died, is started again.
 */
typedef struct tl_job {
    const char *name;            /* a-z, 0-9, '_'; unique in the plugin */
    const char *const *schedule; /* where an option keeps five fields of cron; "" switches the job off */
    const char *const *zone;     /* where an option keeps an IANA time zone; NULL: UTC */
    int (*run)(tl_request *req); /* TL_OK, or below zero: failed, the log has said why; may wait for hours */
    const char *help;            /* one line */
} tl_job;

#define TL_PLUGIN_MAGIC UINT32_C(0x544c5047)

typedef struct tl_plugin {
    /* Filled in by TL_PLUGIN. */
    uint32_t magic;
    uint16_t abi_major;
    uint16_t abi_minor;
    size_t struct_size;
    size_t route_size;
    size_t option_size;
    size_t command_size;
    size_t job_size;
    size_t metric_size;
    /* The plugin's own. Tables end with a zeroed entry; NULL is an empty table. */
    const char *name;    /* a-z, 0-9, '_'; the section is [plugin:name] */
    const char *version; /* shown, not compared */
    const char *summary; /* one line */
    const tl_route *routes;
    const tl_option *options;
    const tl_service *provides;
    const tl_need *needs;
    const tl_command *commands;
    const tl_job *jobs;
    const tl_metric *metrics;
    int (*init)(void);             /* options and needs are set; may not wait. TL_OK, or `return tl_refuse(…)` */
    int (*start)(tl_request *req); /* on a fiber, before the first request; may wait. As init */
    void (*stop)(void);            /* after the last request */
} tl_plugin;

typedef const tl_plugin *tl_plugin_entry(const tl_host *host, tl_module *self);

/* The one symbol that a plugin exports. */
#define TL_PLUGIN_ENTRY "talelio_plugin"

#define TL_PLUGIN(...)                                                                                                 \
    TL_HIDDEN const tl_host *tl_the_host;                                                                              \
    TL_HIDDEN tl_module *tl_self;                                                                                      \
    TL_EXPORT tl_plugin_entry talelio_plugin;                                                                          \
    const tl_plugin *talelio_plugin(const tl_host *host, tl_module *self)                                              \
    {                                                                                                                  \
        static const tl_plugin plugin = {.magic = TL_PLUGIN_MAGIC,                                                     \
                                         .abi_major = TL_ABI_MAJOR,                                                    \
                                         .abi_minor = TL_ABI_MINOR,                                                    \
                                         .struct_size = sizeof(tl_plugin),                                             \
                                         .route_size = sizeof(tl_route),                                               \
                                         .option_size = sizeof(tl_option),                                             \
                                         .command_size = sizeof(tl_command),                                           \
                                         .job_size = sizeof(tl_job),                                                   \
                                         .metric_size = sizeof(tl_metric),                                             \
                                         __VA_ARGS__};                                                                 \
        tl_the_host = host;                                                                                            \
        tl_self = self;                                                                                                \
        return &plugin;                                                                                                \
    }                                                                                                                  \
    struct tl_plugin_needs_a_semicolon_

typedef struct tl_module_api {
    size_t struct_size;
    bool (*is_production)(void);
    int (*vrefuse)(tl_module *module, const char *format, va_list args);
} tl_module_api;

/* True when the ini file says `mode = production`. Does not wait. */
static inline bool tl_is_production(void)
{
    return tl_the_host->module->is_production();
}

/* In `init` and `start`: says why the plugin cannot run, in a line for the operator. Returns TL_ERROR. Does not wait.
 */
TL_PRINTF(1, 2) static inline int tl_refuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = tl_the_host->module->vrefuse(tl_self, format, args);
    va_end(args);
    return result;
}

#endif
