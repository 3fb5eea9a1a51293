/*
 * One call to a bucket: signed anew for every attempt, repeated with growing, jittered pauses where that may help.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log/log.h"
#include "core/objects/s3.h"
#include "core/pool/pool.h"

enum {
    ATTEMPTS = 4,
    FIRST_PAUSE = 100, /* milliseconds, doubled each time */
    LONG_PAUSE = 2000,
    HASHED_HERE = 64 * 1024, /* what the loop can hash without anybody noticing */
};

void s3_parameter(s3_call *c, const char *name, const char *value)
{
    if (c->query_count == S3_PARAMETERS)
        abort();
    c->query[c->query_count++] = (sigv4_pair){name, value};
}

void s3_header(s3_call *c, const char *name, const char *value)
{
    if (c->header_count == S3_HEADERS)
        abort();
    c->headers[c->header_count++] = (sigv4_pair){name, value};
}

const char *s3_path(arena *a, const s3 *s, const char *key)
{
    return arena_format(a, "%s%s", s->path, key ? sigv4_encode(a, key, true) : "");
}

static void hash_body(void *arg)
{
    s3_call *c = arg;
    sigv4_hash(c->body, c->length, c->payload);
}

/* Once for all attempts. */
static int hash(tl_request *req, s3_call *c)
{
    if (c->length > HASHED_HERE)
        return pool_run(req->worker->pool, req, hash_body, c);
    sigv4_hash(c->length > 0 ? c->body : "", c->length, c->payload);
    return TL_OK;
}

/* The request as it goes out, in the scratch arena. */
static void sign(s3_call *c, transfer_plan *plan)
{
    arena *a = c->scratch;
    const s3 *s = c->s3;
    char when[SIGV4_TIME];
    int64_t now = (int64_t)time(NULL);
    sigv4_time(now, when);
    sigv4_pair headers[S3_HEADERS + 4];
    size_t count = c->header_count;
    memcpy(headers, c->headers, count * sizeof *headers);
    headers[count++] = (sigv4_pair){"host", s->host};
    headers[count++] = (sigv4_pair){"x-amz-date", when};
    headers[count++] = (sigv4_pair){"x-amz-content-sha256", c->payload};
    if (*c->keys.token)
        headers[count++] = (sigv4_pair){"x-amz-security-token", c->keys.token};
    const sigv4_request r = {.method = c->method,
                             .path = s3_path(a, s, c->key),
                             .query = c->query,
                             .query_count = c->query_count,
                             .headers = headers,
                             .header_count = count,
                             .payload = c->payload,
                             .region = s->store->settings->region,
                             .service = "s3",
                             .seconds = now};
    const char **lines = arena_alloc(a, (count + 2) * sizeof *lines);
    for (size_t i = 0; i < count; i++)
        lines[i] = arena_format(a, "%s: %s", headers[i].name, headers[i].value);
    lines[count] = arena_format(a, "authorization: %s", sigv4_authorization(a, &r, &c->keys));
    plan->headers = lines;
    plan->url = arena_format(a, "%s%s%s%s", s->base, r.path, c->query_count > 0 ? "?" : "",
                             sigv4_query(a, c->query, c->query_count));
}

static void drop_transfer(s3_call *c)
{
    transfer_free(c->transfer);
    c->transfer = NULL;
    if (c->has_slot)
        slots_give(&c->s3->slots);
    c->has_slot = false;
    if (c->scratch)
        arena_free(c->scratch);
    c->scratch = NULL;
    c->status = 0;
    c->code = "";
    c->answer = NULL;
}

static void read_answer(s3_call *c)
{
    size_t length;
    const char *text = transfer_answer(c->transfer, &length);
    c->status = transfer_status(c->transfer);
    c->answer = length > 0 ? s3_xml_read(c->scratch, text, length) : NULL;
    c->code = c->answer ? c->answer->code : "";
}

static int attempt(tl_request *req, s3_call *c, bool *again)
{
    const store_settings *s = c->s3->store->settings;
    *again = false;
    c->scratch = arena_new(req->worker->arenas);
    int result = credentials_get(req, c->s3->credentials, c->scratch, c->insists, &c->keys);
    if (result != TL_OK)
        return result;
    result = slots_take(req, &c->s3->slots, c->insists);
    if (result == TL_UNAVAILABLE)
        store_tell(c->s3->store, req, "slots", "%lld transfers are under way, the limit of [store:%s] connections",
                   (long long)s->connections, s->name);
    if (result != TL_OK)
        return result;
    c->has_slot = true;
    transfer_plan plan = {.method = c->method,
                          .body = c->body,
                          .length = c->length,
                          .ca_file = s->ca_file,
                          .connect_timeout = s->connect_timeout,
                          .stall_timeout = s->stall_timeout,
                          .answer_limit = c->answer_limit ? c->answer_limit : S3_ERROR_LIMIT,
                          .is_stream = c->is_stream};
    sign(c, &plan);
    c->transfer = transfer_start(c->s3->transfers, &plan);
    if (!c->transfer)
        return TL_UNAVAILABLE;
    transfer_end end = transfer_wait(c->transfer, req, c->insists);
    if (end == TRANSFER_CANCELLED)
        return TL_CANCELLED;
    /* Of a failure the status is enough: a proxy's page about it may be long. */
    if (end == TRANSFER_TOO_LARGE && transfer_status(c->transfer) / 100 != 2)
        end = TRANSFER_DONE;
    if (end == TRANSFER_DONE)
        read_answer(c);
    return s3_judge(c, end, again);
}

/* False when there is no time left, or nobody who waits. */
static bool pause_before(tl_request *req, int attempts)
{
    int64_t most = (int64_t)FIRST_PAUSE << attempts;
    if (most > LONG_PAUSE)
        most = LONG_PAUSE;
    /* Jitter: those who failed together do not come back together. */
    int64_t pause = most / 2 + arc4random_uniform((uint32_t)(most / 2));
    if (req->deadline > 0 && loop_now(req->worker) + pause >= req->deadline)
        return false;
    return request_sleep(req, pause) == TL_OK;
}

int s3_run(tl_request *req, tl_store *store, s3_call *c)
{
    c->s3 = store->state;
    c->req = req;
    int result = hash(req, c);
    if (result != TL_OK)
        return result;
    for (c->attempts = 1;; c->attempts++) {
        bool again;
        result = attempt(req, c, &again);
        if (result == TL_OK || !again || c->is_once || c->attempts == ATTEMPTS || req->cancelled)
            return req->cancelled && result != TL_OK && !c->insists ? TL_CANCELLED : result;
        drop_transfer(c);
        if (!pause_before(req, c->attempts - 1))
            return req->cancelled ? TL_CANCELLED : result;
    }
}

void s3_end(s3_call *c)
{
    drop_transfer(c);
}

int s3_do(tl_request *req, tl_store *store, s3_call *c)
{
    int result = s3_run(req, store, c);
    s3_end(c);
    return result;
}
