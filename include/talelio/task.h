/*
 * The request as a piece of work: its memory, its end, sleeping, and work that would block the loop.
 */
#ifndef TALELIO_TASK_H
#define TALELIO_TASK_H

#include <stdarg.h>
#include <string.h>

#include "base.h"

/*
 * Work for tl_isolated: bytes in, bytes out. The result comes from malloc, its length goes to `*output_length`; NULL:
 * there was not enough memory. `input` has a NUL behind it.
 */
typedef void *tl_isolated_run(const void *input, size_t length, size_t *output_length);

typedef struct tl_task_api {
    size_t struct_size;
    void *(*alloc)(tl_request *req, size_t size);
    char *(*vformat)(tl_request *req, const char *format, va_list args);
    void (*defer)(tl_request *req, void (*run)(void *arg), void *arg);
    int (*sleep)(tl_request *req, int64_t milliseconds);
    int (*blocking)(tl_request *req, void (*run)(void *arg), void *arg);
    bool (*is_cancelled)(const tl_request *req);
    int64_t (*now)(void);
    char *(*time_text)(tl_request *req, int64_t microseconds);
    int (*scoped)(tl_request *req, int (*run)(tl_request *req, void *arg), void *arg);
    int (*isolated)(tl_request *req, tl_isolated_run *run, const void *input, size_t length, int64_t cpu_milliseconds,
                    const void **output, size_t *output_length);
} tl_task_api;

/*
 * Zeroed memory, aligned for any type, freed when the request ends. Never NULL: out of memory ends the worker, and the
 * master starts another. Does not wait.
 *
 * A request or a job that takes more than [server] request_memory, in this and in what other calls give it, is ended:
 * the call does not return, the clean-ups of tl_defer run, the visitor gets 500, and the log names plugin and route. So
 * what a handler holds beside this memory belongs to tl_defer.
 */
static inline void *tl_alloc(tl_request *req, size_t size)
{
    return tl_the_host->task->alloc(req, size);
}

/* A copy of the first `length` bytes of `text`, with a NUL behind them. Lives as long as the request. Does not wait. */
static inline char *tl_copy_bytes(tl_request *req, const void *bytes, size_t length)
{
    char *copy = tl_alloc(req, length + 1);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

/* A copy of a string; NULL gives NULL. Lives as long as the request. Does not wait. */
static inline char *tl_copy(tl_request *req, const char *text)
{
    return text ? tl_copy_bytes(req, text, strlen(text)) : NULL;
}

/* printf into memory of the request. Does not wait. */
TL_PRINTF(2, 3) static inline char *tl_format(tl_request *req, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = tl_the_host->task->vformat(req, format, args);
    va_end(args);
    return text;
}

/*
 * Runs `run(arg)` when the request ends, last deferred first, before its memory goes. It must not wait. For what the
 * arena does not own: a handle of another library, a file.
 */
static inline void tl_defer(tl_request *req, void (*run)(void *arg), void *arg)
{
    tl_the_host->task->defer(req, run, arg);
}

/*
 * Calls `run(req, arg)` and frees what it has allocated and was given, with its clean-ups, when it returns instead of
 * when the request ends: for each page of something that does not fit into memory. Returns what `run` returned; nothing
 * else of it may be kept. A transaction stays as it is. May wait as `run` does.
 */
static inline int tl_scoped(tl_request *req, int (*run)(tl_request *req, void *arg), void *arg)
{
    return tl_the_host->task->scoped(req, run, arg);
}

/* Suspends the request. May wait. TL_OK, or TL_CANCELLED. */
static inline int tl_sleep(tl_request *req, int64_t milliseconds)
{
    return tl_the_host->task->sleep(req, milliseconds);
}

/*
 * Runs `run(arg)` on a blocking thread of the plugin and waits for it: for what takes more than a millisecond of CPU
 * or blocks in the kernel. `run` may touch only what `arg` points to, and may call nothing of the host. A plugin's
 * threads and their queue are its own, and bounded. May wait. TL_OK (it has run), TL_UNAVAILABLE (queue full: it has
 * not run), or TL_CANCELLED (it may have run, and is certainly not running any more).
 */
static inline int tl_blocking(tl_request *req, void (*run)(void *arg), void *arg)
{
    return tl_the_host->task->blocking(req, run, arg);
}

/*
 * Runs `run` in a process of its own and waits for what it returns: for code that may never end, or crash, on some
 * input. The process is killed when it has used `cpu_milliseconds`, when the request is cancelled, and when it takes
 * more than [server] request_memory. It has a copy of the plugin's globals as they were when the plugin had started; it
 * may call nothing of the host, and what it changes is lost. It costs about a millisecond. As many run at once as a
 * plugin has blocking threads; more wait in a bounded queue.
 *
 * May wait. TL_OK: `*made` lives as long as the request, with a NUL behind it. TL_EXCEEDED: too much time, memory or
 * output. TL_ERROR: it crashed, which the log tells. TL_UNAVAILABLE (queue full, or no process to be had) or
 * TL_CANCELLED.
 */
static inline int tl_isolated(tl_request *req, tl_isolated_run *run, const void *input, size_t length,
                              int64_t cpu_milliseconds, const void **made, size_t *made_length)
{
    return tl_the_host->task->isolated(req, run, input, length, cpu_milliseconds, made, made_length);
}

/* True once the client has gone or the deadline has passed; from then on calls that may wait return at once. */
static inline bool tl_is_cancelled(const tl_request *req)
{
    return tl_the_host->task->is_cancelled(req);
}

/* Microseconds since 1970-01-01 UTC. Does not wait. */
static inline int64_t tl_now(void)
{
    return tl_the_host->task->now();
}

/* RFC 3339 in UTC with microseconds: "1986-06-05T00:00:00.000000Z". Does not wait. */
static inline char *tl_time_text(tl_request *req, int64_t microseconds)
{
    return tl_the_host->task->time_text(req, microseconds);
}

#endif
