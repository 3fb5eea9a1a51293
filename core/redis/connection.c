/*
 * One connection to Redis: connect, log in, watch, lose, try again. Knows nothing of what the commands mean.
 *
 * hiredis frees its context by itself when a connection fails or ends, after telling the callbacks; so `context` is
 * cleared in those, and `data` of a context that is dropped from here is cleared first, to keep its callbacks silent.
 */
#include "core/redis/connection.h"

#include <hiredis/adapters/libevent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log/log.h"

enum { BACKOFF_FIRST = 100, BACKOFF_MOST = 1000, START_WAIT = 1000 };

static void attempt(redis *r);

static void set_timer(struct event *timer, int64_t milliseconds)
{
    struct timeval tv = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    evtimer_add(timer, &tv);
}

/* The first connect has come to an end, one way or the other. */
static void end_start(redis *r)
{
    r->starting = false;
    evtimer_del(r->start);
    starter *s;
    while ((s = TAILQ_FIRST(&r->starters))) {
        TAILQ_REMOVE(&r->starters, s, entry);
        s->ready = r->ready;
        wait_finish(&s->wait);
    }
}

/* The connection, or the attempt at one, is over. */
static void lost(redis *r, const char *why)
{
    r->context = NULL;
    r->ready = false;
    evtimer_del(r->watch);
    /* Another address of the same name gets its chance at once. */
    if (r->address.next < r->address.count) {
        set_timer(r->retry, 0);
        return;
    }
    if (!r->told_away)
        log_warning(r->worker, NULL, "Redis is away: %s", why);
    r->told_away = true;
    /* Jitter keeps workers that lost the same server from coming back all together. */
    set_timer(r->retry, r->backoff / 2 + arc4random_uniform((uint32_t)(r->backoff / 2) + 1));
    r->backoff = r->backoff * 2 > BACKOFF_MOST ? BACKOFF_MOST : r->backoff * 2;
    end_start(r);
}

static void drop(redis *r, const char *why)
{
    redisAsyncContext *context = r->context;
    redis_lookup_stop(r->lookup);
    lost(r, why);
    if (context) {
        context->data = NULL;
        redisAsyncFree(context);
    }
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    redis *r = context->data;
    if (r)
        lost(r, status == REDIS_OK || !context->errstr ? "the connection was closed" : context->errstr);
}

static void refused(redis *r, const char *what, const char *text)
{
    char safe[128], why[256];
    redis_safe_error(text, safe, sizeof(safe));
    snprintf(why, sizeof(why), "it refuses %s: %s", what, safe);
    drop(r, why);
}

static void is_ready(redis *r)
{
    r->ready = true;
    r->backoff = BACKOFF_FIRST;
    r->address.count = r->address.next = 0;
    evtimer_del(r->watch);
    log_info(r->worker, NULL, r->told_away ? "Redis is back" : "Redis is connected");
    r->told_away = false;
    end_start(r);
}

/* A NULL answer means that the connection has gone: on_disconnect follows. */
static void on_auth(redisAsyncContext *context, void *answer, void *arg)
{
    const redisReply *reply = answer;
    (void)arg;
    if (context->data && reply && reply->type == REDIS_REPLY_ERROR)
        refused(context->data, "the password", reply->str);
}

static void on_select(redisAsyncContext *context, void *answer, void *arg)
{
    const redisReply *reply = answer;
    (void)arg;
    if (context->data && reply && reply->type == REDIS_REPLY_ERROR)
        refused(context->data, "the database", reply->str);
}

static void on_name(redisAsyncContext *context, void *answer, void *arg)
{
    const redisReply *reply = answer;
    (void)arg;
    if (!context->data || !reply)
        return;
    /* A user who may not set a name can still do all else. */
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOPERM", 6) != 0)
        refused(context->data, "the connection", reply->str);
    else
        is_ready(context->data);
}

static void send_words(redisAsyncContext *context, redisCallbackFn *answer, int count, const char **words)
{
    redisAsyncCommandArgv(context, answer, NULL, count, words, NULL);
}

static void on_connect(const redisAsyncContext *context, int status)
{
    redis *r = context->data;
    if (!r)
        return;
    if (status != REDIS_OK) {
        lost(r, context->errstr ? context->errstr : "cannot connect");
        return;
    }
    const settings *s = r->worker->settings;
    if (!r->address.is_path)
        redisEnableKeepAlive(&r->context->c);
    if (s->redis_password && s->redis_password[0] && s->redis_username && s->redis_username[0])
        send_words(r->context, on_auth, 3, (const char *[]){"AUTH", s->redis_username, s->redis_password});
    else if (s->redis_password && s->redis_password[0])
        send_words(r->context, on_auth, 2, (const char *[]){"AUTH", s->redis_password});
    if (s->redis_database != 0) {
        char number[24];
        snprintf(number, sizeof(number), "%lld", (long long)s->redis_database);
        send_words(r->context, on_select, 2, (const char *[]){"SELECT", number});
    }
    send_words(r->context, on_name, 3, (const char *[]){"CLIENT", "SETNAME", "talelio"});
}

static void connect_to(redis *r, const char *host)
{
    redisAsyncContext *context =
        r->address.is_path ? redisAsyncConnectUnix(host) : redisAsyncConnect(host, r->address.port);
    if (!context) {
        lost(r, "out of memory");
        return;
    }
    if (context->err || redisLibeventAttach(context, r->worker->base) != REDIS_OK) {
        lost(r, context->err ? context->errstr : "the loop refuses");
        redisAsyncFree(context);
        return;
    }
    context->data = r;
    r->context = context;
    redisAsyncSetConnectCallback(context, on_connect);
    redisAsyncSetDisconnectCallback(context, on_disconnect);
}

static void on_found(void *arg)
{
    redis *r = arg;
    if (r->address.count == 0)
        lost(r, "its name cannot be looked up");
    else
        connect_to(r, r->address.found[r->address.next++]);
}

static void attempt(redis *r)
{
    int64_t timeout = r->worker->settings->redis_timeout;
    r->connect_deadline = loop_now(r->worker) + timeout;
    set_timer(r->watch, timeout);
    if (!r->address.is_name)
        connect_to(r, r->address.host);
    else if (r->address.next < r->address.count)
        connect_to(r, r->address.found[r->address.next++]);
    else
        redis_lookup_start(r->lookup, &r->address, on_found, r);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    attempt(arg);
}

static void on_start_end(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    end_start(arg);
}

/* Answers come in order, so the oldest command tells whether the server still works. */
static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    redis *r = arg;
    int64_t deadline = r->connect_deadline;
    if (r->ready) {
        if (TAILQ_EMPTY(&r->flights))
            return;
        deadline = TAILQ_FIRST(&r->flights)->sent + r->worker->settings->redis_timeout;
    }
    int64_t left = deadline - loop_now(r->worker);
    if (left > 0)
        set_timer(r->watch, left);
    else
        drop(r, r->ready ? "no answer in time" : "no connection in time");
}

void redis_watch(redis *r)
{
    if (!evtimer_pending(r->watch, NULL))
        set_timer(r->watch, r->worker->settings->redis_timeout);
}

redis *redis_new(struct worker *w)
{
    redis *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->worker = w;
    r->backoff = BACKOFF_FIRST;
    TAILQ_INIT(&r->flights);
    TAILQ_INIT(&r->starters);
    if (!redis_address_parse(w->settings->redis_address, &r->address)) {
        log_error(w, NULL, "[redis] address: expected host:port, [v6]:port or the path of a socket");
        goto failed;
    }
    r->retry = evtimer_new(w->base, on_retry, r);
    r->watch = evtimer_new(w->base, on_watch, r);
    r->start = evtimer_new(w->base, on_start_end, r);
    if (r->address.is_name)
        r->lookup = redis_lookup_new(w->base);
    if (!r->retry || !r->watch || !r->start || (r->address.is_name && !r->lookup)) {
        log_error(w, NULL, "Redis: the loop has no room");
        goto failed;
    }
    r->starting = true;
    set_timer(r->start, START_WAIT);
    attempt(r);
    return r;
failed:
    redis_free(r);
    return NULL;
}

void redis_free(redis *r)
{
    if (!r)
        return;
    r->ready = false;
    if (r->context) {
        redisAsyncContext *context = r->context;
        r->context = NULL;
        context->data = NULL;
        redisAsyncFree(context);
    }
    if (r->start)
        end_start(r);
    redis_lookup_free(r->lookup);
    struct event *timers[] = {r->retry, r->watch, r->start};
    for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
        if (timers[i])
            event_free(timers[i]);
    free(r);
}
