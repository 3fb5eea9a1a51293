/*
 * Commands: sent for a fiber, which waits for the answer. Many fibers share the connection, so what would change it for
 * the others, or hold it, is refused here.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/redis/connection.h"

/* On the stack of the fiber that waits. */
typedef struct call {
    waiter wait;
    flight *flight;
    tl_redis_value *value;
    int error;
} call;

const char *redis_key(tl_request *req, const char *kind, const char *name)
{
    return arena_format(req->arena, "%s%s:%s", req->worker->settings->redis_prefix, kind, name);
}

int redis_error(const tl_request *req)
{
    return req->redis_error;
}

/* Why a command cannot go over a connection that everybody shares, or NULL. */
static const char *unfit(size_t count, const char *const *words)
{
    static const char *const changing[] = {
        "ASKING",     "AUTH",      "CLIENT",       "DISCARD", "EXEC",        "HELLO",     "MONITOR", "MULTI",
        "PSUBSCRIBE", "PSYNC",     "PUNSUBSCRIBE", "QUIT",    "READONLY",    "READWRITE", "RESET",   "SELECT",
        "SSUBSCRIBE", "SUBSCRIBE", "SUNSUBSCRIBE", "SYNC",    "UNSUBSCRIBE", "UNWATCH",   "WATCH",
    };
    static const char *const holding[] = {
        "BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN", "WAIT", "WAITAOF",
    };
    if (count == 0)
        return "has no words";
    for (size_t i = 0; i < count; i++)
        if (!words[i])
            return "has a word that is NULL";
    for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++)
        if (strcasecmp(words[0], changing[i]) == 0)
            return "would change the connection that all requests share";
    for (size_t i = 0; i < sizeof(holding) / sizeof(holding[0]); i++)
        if (strcasecmp(words[0], holding[i]) == 0)
            return "would hold the connection that all requests share";
    if (strcasecmp(words[0], "XREAD") == 0 || strcasecmp(words[0], "XREADGROUP") == 0)
        for (size_t i = 1; i < count && strcasecmp(words[i], "STREAMS") != 0; i++)
            if (strcasecmp(words[i], "BLOCK") == 0)
                return "would hold the connection that all requests share";
    return NULL;
}

bool redis_is_state_error(const char *text)
{
    static const char *const states[] = {
        "LOADING ", "READONLY ", "MASTERDOWN ", "OOM ",         "NOAUTH ",   "WRONGPASS ",
        "BUSY ",    "MISCONF ",  "NOREPLICAS ", "CLUSTERDOWN ", "TRYAGAIN ",
    };
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strncmp(text, states[i], strlen(states[i])) == 0)
            return true;
    return false;
}

void redis_safe_error(const char *text, char *out, size_t size)
{
    /* Redis quotes the words of a command that it does not understand. */
    size_t length = strcspn(text, "'\"`");
    while (length > 0 && text[length - 1] == ' ')
        length--;
    if (length >= size)
        length = size - 1;
    memcpy(out, text, length);
    out[length] = '\0';
}

static void take(call *c, const redisReply *reply)
{
    tl_request *req = c->wait.req;
    if (!reply) {
        c->error = TL_UNAVAILABLE;
        return;
    }
    if (reply->type != REDIS_REPLY_ERROR) {
        c->value = redis_value_copy(req->arena, reply);
        c->error = TL_OK;
        return;
    }
    bool state = redis_is_state_error(reply->str);
    c->error = state ? TL_UNAVAILABLE : TL_ERROR;
    redis *r = c->flight->redis;
    int64_t now = loop_now(req->worker);
    /* A server in a bad state says so to every command; the log needs it once a second. */
    if (state && r->state_told != 0 && now - r->state_told < 1000)
        return;
    if (state)
        r->state_told = now;
    char safe[200];
    redis_safe_error(reply->str, safe, sizeof(safe));
    log_error(req->worker, req, "Redis answers: %s", safe);
}

static void on_answer(redisAsyncContext *context, void *answer, void *arg)
{
    (void)context;
    flight *f = arg;
    TAILQ_REMOVE(&f->redis->flights, f, entry);
    f->redis->flight_count--;
    if (f->call) {
        take(f->call, answer);
        wait_finish(&f->call->wait);
    }
    free(f);
}

static void forget_call(waiter *w)
{
    call *c = w->owner;
    c->flight->call = NULL;
}

static void forget_start(waiter *w)
{
    starter *s = w->owner;
    TAILQ_REMOVE(&s->redis->starters, s, entry);
}

/* Waits while the first connect of the process is going on. */
static int await_start(redis *r, tl_request *req)
{
    starter s = {.redis = r};
    wait_init(&s.wait, req, forget_start, &s);
    TAILQ_INSERT_TAIL(&r->starters, &s, entry);
    int result = request_wait(req, &s.wait);
    if (result != TL_OK)
        return result;
    return s.ready ? TL_OK : TL_UNAVAILABLE;
}

static bool has_room(redis *r, tl_request *req)
{
    size_t limit = (size_t)r->worker->settings->redis_queue;
    bool room = r->flight_count < limit;
    if (!room && !r->told_full)
        log_warning(r->worker, req, "Redis: %zu commands are under way, the limit of [redis] queue", limit);
    /* Said again only after the queue has been half empty. */
    r->told_full = !room || (r->told_full && r->flight_count > limit / 2);
    return room;
}

static int send_command(redis *r, call *c, size_t count, const char *const *words)
{
    flight *f = calloc(1, sizeof(*f));
    size_t *lengths = malloc(count * sizeof(*lengths));
    if (!f || !lengths)
        goto failed;
    for (size_t i = 0; i < count; i++)
        lengths[i] = strlen(words[i]);
    *f = (flight){.redis = r, .sent = loop_now(r->worker), .call = c};
    if (redisAsyncCommandArgv(r->context, on_answer, f, (int)count, (const char **)words, lengths) != REDIS_OK)
        goto failed;
    free(lengths);
    c->flight = f;
    TAILQ_INSERT_TAIL(&r->flights, f, entry);
    r->flight_count++;
    redis_watch(r);
    return TL_OK;
failed:
    free(lengths);
    free(f);
    return TL_UNAVAILABLE;
}

static int run(tl_request *req, size_t count, const char *const *words, tl_redis_value **value)
{
    if (req->cancelled)
        return TL_CANCELLED;
    redis *r = req->worker->redis;
    const char *problem = unfit(count, words);
    if (problem) {
        log_error(req->worker, req, "Redis: a command %s", problem);
        return TL_ERROR;
    }
    if (!r)
        return TL_UNAVAILABLE;
    if (!r->ready && r->starting) {
        int started = await_start(r, req);
        if (started != TL_OK)
            return started;
    }
    /* Between the end of the wait and this line the connection may have gone again. */
    if (!r->ready || !has_room(r, req))
        return TL_UNAVAILABLE;
    call c = {.error = TL_UNAVAILABLE};
    wait_init(&c.wait, req, forget_call, &c);
    int result = send_command(r, &c, count, words);
    if (result == TL_OK)
        result = request_wait(req, &c.wait);
    if (result != TL_OK)
        return result;
    *value = c.value;
    return c.error;
}

tl_redis_value *redis_command(tl_request *req, size_t count, const char *const *words)
{
    tl_redis_value *value = NULL;
    req->redis_error = run(req, count, words, &value);
    metrics_count_redis(req->worker, req->redis_error == TL_ERROR || req->redis_error == TL_UNAVAILABLE);
    return req->redis_error == TL_OK ? value : NULL;
}
