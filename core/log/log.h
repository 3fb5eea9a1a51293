/*
 * The log: text for people or JSON for machines, one line an event. Lines are collected and written once a turn of the
 * loop with one write(), so that lines of several processes never mix.
 */
#ifndef CORE_LOG_LOG_H
#define CORE_LOG_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <talelio/log.h>

#include "core/config/settings.h"

struct event_base;
typedef struct logger logger;

/* `base` may be NULL (master, commands): every line is written at once. `name` says which process: "master", "worker
 * 1", "jobs". */
logger *logger_new(const settings *s, struct event_base *base, const char *name);
void logger_free(logger *l); /* flushes */

/* Any pointer but l and format may be NULL. Errors and warnings are flushed at once. */
void logger_write(logger *l, tl_level level, const char *plugin, const tl_request *req, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void logger_vwrite(logger *l, tl_level level, const char *plugin, const tl_request *req, const char *format,
                   va_list args);
bool logger_enabled(const logger *l, tl_level level);

typedef struct access_entry {
    const char *request_id;
    const char *remote;
    const char *method;
    const char *target; /* as sent, with the query; the logger escapes it and cuts it at 2 KiB */
    const char *route;  /* "/v1/notes/:id", or NULL */
    const char *plugin; /* or NULL */
    int status;
    int64_t bytes;
    int64_t microseconds;
} access_entry;

void logger_access(logger *l, const access_entry *entry);

void logger_flush(logger *l);
/* SIGUSR1: the file may have been moved away. */
void logger_reopen(logger *l);

/* Shorthands for code that has a worker. */
#define log_debug(w, req, ...) logger_write((w)->log, TL_DEBUG, NULL, req, __VA_ARGS__)
#define log_info(w, req, ...) logger_write((w)->log, TL_INFO, NULL, req, __VA_ARGS__)
#define log_warning(w, req, ...) logger_write((w)->log, TL_WARNING, NULL, req, __VA_ARGS__)
#define log_error(w, req, ...) logger_write((w)->log, TL_LOG_ERROR, NULL, req, __VA_ARGS__)

#endif
