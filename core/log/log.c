/*
 * The log's buffer and its two formats. Lines are made in place at the buffer's end; a line for which there is no room,
 * because nothing can be written at the moment, is counted and lost.
 */
#include "core/log/log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/http/http.h"
#include "core/log/line.h"
#include "core/log/sink.h"
#include "core/request/request.h"

enum {
    BUFFER_SIZE = 65536,
    LONGEST_LINE = 16384,
    LONGEST_MESSAGE = 8192,
    LONGEST_TARGET = 2048,
    LONGEST_FIELD = 256,
    SECONDS_LENGTH = sizeof "2026-11-22T20:01:30" - 1,
};

struct logger {
    sink out;
    char *path;
    tl_level level;
    bool json;
    bool access;
    struct event *flush; /* NULL: every line is written at once */
    bool is_flush_due;
    char name[32];
    time_t second; /* what `second_text` says */
    char second_text[SECONDS_LENGTH + 1];
    uint64_t lost; /* lines since the last one that could be written */
    int lost_errno;
    size_t used;
    char message[LONGEST_MESSAGE + 16]; /* so much more that a longer one is seen to be cut */
    char buffer[BUFFER_SIZE];
};

static const struct {
    char text[6];
    const char *json;
} level_names[] = {
    [TL_DEBUG] = {"DEBUG", "debug"},
    [TL_INFO] = {"INFO ", "info"},
    [TL_WARNING] = {"WARN ", "warning"},
    [TL_LOG_ERROR] = {"ERROR", "error"},
};

static void put_number(char *at, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
}

static void put_time(logger *l, line *to)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != l->second) {
        struct tm utc;
        gmtime_r(&now.tv_sec, &utc);
        strftime(l->second_text, sizeof l->second_text, "%Y-%m-%dT%H:%M:%S", &utc);
        l->second = now.tv_sec;
    }
    line_put(to, l->second_text, SECONDS_LENGTH);
    char rest[5] = ".000Z";
    put_number(rest + 1, (int)(now.tv_nsec / 1000000), 3);
    line_put(to, rest, sizeof rest);
}

static void put_field(line *to, const char *name, const char *value, size_t limit)
{
    if (!value)
        return;
    if (to->json)
        line_put_literal(to, ",\"");
    else
        line_put_literal(to, " ");
    line_put(to, name, strlen(name));
    if (to->json)
        line_put_literal(to, "\":\"");
    else
        line_put_literal(to, "=");
    line_put_escaped(to, value, strlen(value), limit);
    if (to->json)
        line_put_literal(to, "\"");
}

static void put_head(logger *l, line *to, tl_level level, const char *plugin)
{
    if (to->json) {
        line_put_literal(to, "{\"time\":\"");
        put_time(l, to);
        line_put_literal(to, "\"");
        put_field(to, "level", level_names[level].json, LONGEST_FIELD);
        put_field(to, "process", l->name, LONGEST_FIELD);
        put_field(to, "plugin", plugin, LONGEST_FIELD);
        return;
    }
    put_time(l, to);
    line_put_literal(to, " ");
    line_put(to, level_names[level].text, 5);
    line_put_literal(to, " ");
    line_put(to, l->name, strlen(l->name));
    line_put_literal(to, " ");
    if (plugin) {
        line_put_literal(to, "[");
        line_put_escaped(to, plugin, strlen(plugin), LONGEST_FIELD);
        line_put_literal(to, "] ");
    }
}

static void put_end(line *to)
{
    if (to->json)
        line_put_literal(to, "}\n");
    else
        line_put_literal(to, "\n");
}

/* Room for one line at the end of the buffer; false when there is none. */
static bool begin_line(logger *l, line *to)
{
    if (sizeof l->buffer - l->used < LONGEST_LINE)
        logger_flush(l);
    if (sizeof l->buffer - l->used < LONGEST_LINE) {
        l->lost++;
        return false;
    }
    char *start = l->buffer + l->used;
    *to = (line){.at = start, .end = start + LONGEST_LINE - 2, .json = l->json};
    return true;
}

static void end_line(logger *l, line *to, tl_level level)
{
    to->end += 2; /* kept free by begin_line for the end */
    put_end(to);
    l->used = (size_t)(to->at - l->buffer);
    if (!l->flush || level >= TL_WARNING) {
        logger_flush(l);
    } else if (!l->is_flush_due) {
        l->is_flush_due = true;
        event_active(l->flush, EV_TIMEOUT, 0);
    }
}

static void on_turn(int fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    logger *l = arg;
    l->is_flush_due = false;
    logger_flush(l);
}

static tl_level level_of(const char *name)
{
    for (int i = TL_DEBUG; i <= TL_LOG_ERROR; i++)
        if (name && strcmp(name, level_names[i].json) == 0)
            return (tl_level)i;
    return TL_INFO;
}

logger *logger_new(const settings *s, struct event_base *base, const char *name)
{
    logger *l = malloc(sizeof *l);
    if (!l)
        abort();
    memset(l, 0, offsetof(logger, message));
    l->path = strdup(s->log_file ? s->log_file : "");
    if (!l->path)
        abort();
    l->level = level_of(s->log_level);
    l->json = s->log_format && strcmp(s->log_format, "json") == 0;
    l->access = s->log_access;
    l->second = -1;
    snprintf(l->name, sizeof l->name, "%s", name);
    bool is_open = sink_open(&l->out, l->path);
    int reason = errno;
    if (!is_open)
        sink_open(&l->out, "");
    if (base && !(l->flush = event_new(base, -1, 0, on_turn, l)))
        abort();
    if (!is_open)
        logger_write(l, TL_LOG_ERROR, NULL, NULL, "cannot write to the log file %s: %s; logging to stderr", l->path,
                     strerror(reason));
    return l;
}

void logger_free(logger *l)
{
    if (!l)
        return;
    logger_flush(l);
    if (l->flush)
        event_free(l->flush);
    sink_close(&l->out);
    free(l->path);
    free(l);
}

bool logger_enabled(const logger *l, tl_level level)
{
    return level >= l->level;
}

void logger_vwrite(logger *l, tl_level level, const char *plugin, const tl_request *req, const char *format,
                   va_list args)
{
    line to;
    if (level > TL_LOG_ERROR)
        level = TL_LOG_ERROR;
    if (!logger_enabled(l, level) || !begin_line(l, &to))
        return;
    int wanted = vsnprintf(l->message, sizeof l->message, format, args);
    size_t length = wanted < 0 ? 0 : (size_t)wanted < sizeof l->message ? (size_t)wanted : sizeof l->message - 1;
    put_head(l, &to, level, plugin);
    if (to.json)
        line_put_literal(&to, ",\"message\":\"");
    line_put_escaped(&to, l->message, length, LONGEST_MESSAGE);
    if (to.json)
        line_put_literal(&to, "\"");
    if (req) {
        put_field(&to, "route", req->route ? req->route->path : NULL, LONGEST_FIELD);
        put_field(&to, "request", *req->id ? req->id : NULL, LONGEST_FIELD);
    }
    end_line(l, &to, level);
}

void logger_write(logger *l, tl_level level, const char *plugin, const tl_request *req, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    logger_vwrite(l, level, plugin, req, format, args);
    va_end(args);
}

static void put_access_text(line *to, const access_entry *entry)
{
    line_put_escaped(to, entry->method, strlen(entry->method), LONGEST_FIELD);
    line_put_literal(to, " ");
    line_put_escaped(to, entry->target, strlen(entry->target), LONGEST_TARGET);
    line_put_literal(to, " ");
    line_put_int(to, entry->status);
    line_put_literal(to, " ");
    line_put_int(to, entry->bytes);
    line_put_literal(to, " bytes ");
    line_put_int(to, entry->microseconds / 1000);
    char rest[4] = ".000";
    put_number(rest + 1, (int)(entry->microseconds % 1000), 3);
    line_put(to, rest, sizeof rest);
    line_put_literal(to, " ms");
}

static void put_access_json(line *to, const access_entry *entry)
{
    line_put_literal(to, ",\"message\":\"request\"");
    put_field(to, "method", entry->method, LONGEST_FIELD);
    put_field(to, "target", entry->target, LONGEST_TARGET);
    line_put_literal(to, ",\"status\":");
    line_put_int(to, entry->status);
    line_put_literal(to, ",\"bytes\":");
    line_put_int(to, entry->bytes);
    line_put_literal(to, ",\"microseconds\":");
    line_put_int(to, entry->microseconds);
}

void logger_access(logger *l, const access_entry *entry)
{
    line to;
    if (!l->access || !begin_line(l, &to))
        return;
    access_entry e = *entry;
    e.method = e.method ? e.method : "-";
    e.target = e.target ? e.target : "-";
    e.microseconds = e.microseconds < 0 ? 0 : e.microseconds;
    put_head(l, &to, TL_INFO, e.plugin);
    if (to.json)
        put_access_json(&to, &e);
    else
        put_access_text(&to, &e);
    put_field(&to, "route", e.route, LONGEST_FIELD);
    put_field(&to, "remote", e.remote, LONGEST_FIELD);
    put_field(&to, "request", e.request_id, LONGEST_FIELD);
    end_line(l, &to, TL_INFO);
}

/* Writes what is in the buffer. False when some of it has to stay. */
static bool write_buffer(logger *l)
{
    size_t done = 0;
    while (done < l->used) {
        ssize_t written = sink_write(&l->out, l->buffer + done, l->used - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            l->lost_errno = written < 0 ? errno : ENOSPC;
            break;
        }
        done += (size_t)written;
    }
    memmove(l->buffer, l->buffer + done, l->used - done);
    l->used -= done;
    return l->used == 0;
}

void logger_flush(logger *l)
{
    if (!write_buffer(l) || l->lost == 0)
        return;
    line to = {.at = l->buffer, .end = l->buffer + LONGEST_LINE - 2, .json = l->json};
    int length = snprintf(l->message, sizeof l->message, "%llu lines of the log were lost: %s",
                          (unsigned long long)l->lost, strerror(l->lost_errno));
    l->lost = 0;
    put_head(l, &to, TL_LOG_ERROR, NULL);
    if (to.json)
        line_put_literal(&to, ",\"message\":\"");
    line_put_escaped(&to, l->message, (size_t)length, LONGEST_MESSAGE);
    if (to.json)
        line_put_literal(&to, "\"");
    to.end += 2;
    put_end(&to);
    l->used = (size_t)(to.at - l->buffer);
    write_buffer(l);
}

void logger_reopen(logger *l)
{
    logger_flush(l);
    sink fresh;
    if (!sink_open(&fresh, l->path)) {
        logger_write(l, TL_LOG_ERROR, NULL, NULL, "cannot open the log file %s again: %s; going on with the old one",
                     l->path, strerror(errno));
        return;
    }
    sink_close(&l->out);
    l->out = fresh;
}
