/*
 * An exchange: one request from its first byte until its answer is out. Exchanges are reused, so that a request costs
 * no malloc here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/http/private.h"
#include "core/log/log.h"

http_exchange *exchange_new(connection *c)
{
    struct http_server *h = c->server;
    http_exchange *x = TAILQ_FIRST(&h->spare);
    if (x) {
        TAILQ_REMOVE(&h->spare, x, link);
        h->spare_count--;
    } else if (!(x = calloc(1, sizeof *x))) {
        fputs("talelio: out of memory\n", stderr);
        abort();
    }
    frame_reset(&x->frame);
    x->id[0] = '\0';
    x->server = h;
    x->conn = c;
    TAILQ_INSERT_TAIL(&h->live, x, link);
    return x;
}

void exchange_destroy(http_exchange *x)
{
    if (x->server && !x->conn)
        TAILQ_REMOVE(&x->server->spare, x, link);
    buffer_free(&x->head);
    buffer_free(&x->body);
    buffer_free(&x->scratch);
    buffer_free(&x->own);
    buffer_free(&x->early);
    free(x);
}

void exchange_drop_body(http_exchange *x)
{
    struct http_server *h = x->server;
    h->held[x->known] -= x->body.length;
    h->freed += x->body.length;
    buffer_clear(&x->body, KEEP_BODY);
}

void exchange_free(http_exchange *x)
{
    struct http_server *h = x->server;
    if (!h) {
        exchange_destroy(x);
        return;
    }
    exchange_drop_body(x);
    TAILQ_REMOVE(x->queued ? &h->answered : &h->live, x, link);
    x->queued = false;
    x->conn = NULL;
    x->reply = NULL;
    x->req = NULL;
    x->route = NULL;
    x->parameters = NULL;
    x->refusal = (frame_refusal){0};
    x->known = false;
    x->whole = NULL;
    x->replied = x->gone = x->is_head = x->streaming = x->broken = false;
    x->method = 0;
    x->status = 0;
    x->length = x->sent = 0;
    x->remote[0] = '\0';
    buffer_clear(&x->head, KEEP_HEAD);
    buffer_clear(&x->own, KEEP_HEAD);
    buffer_clear(&x->early, 0);
    buffer_clear(&x->scratch, KEEP_HEAD);
    TAILQ_INSERT_HEAD(&h->spare, x, link);
    if (++h->spare_count > KEEP_EXCHANGES) {
        h->spare_count--;
        exchange_destroy(TAILQ_LAST(&h->spare, exchange_list));
    }
}

const char *exchange_text(http_exchange *x, frame_span span)
{
    if (span.at + span.length >= x->head.length)
        return "";
    x->head.data[span.at + span.length] = '\0';
    return x->head.data + span.at;
}

const char *exchange_header(http_exchange *x, const char *name)
{
    int line = frame_find(&x->frame, x->head.data, name, 0);
    bool once = line >= 0 && frame_find(&x->frame, x->head.data, name, (size_t)line + 1) < 0;
    return once ? exchange_text(x, x->frame.lines[line].value) : NULL;
}

static bool is_sane_id(const char *id)
{
    size_t length = strlen(id);
    return length > 0 && length < sizeof((http_exchange *)0)->id &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

static void set_id(http_exchange *x)
{
    static const char digits[] = "0123456789abcdef";
    struct http_server *h = x->server;
    const char *given = exchange_header(x, "X-Request-Id");
    if (given && is_sane_id(given)) {
        memcpy(x->id, given, strlen(given) + 1);
        return;
    }
    memcpy(x->id, h->id_prefix, 16);
    uint64_t number = ++h->id_counter;
    for (int i = 31; i >= 16; i--, number >>= 4)
        x->id[i] = digits[number & 15];
    x->id[32] = '\0';
}

static tl_method method_of(frame_method method)
{
    switch (method) {
    case FRAME_GET:
    case FRAME_HEAD:
        return TL_GET;
    case FRAME_POST:
        return TL_POST;
    case FRAME_PUT:
        return TL_PUT;
    case FRAME_PATCH:
        return TL_PATCH;
    case FRAME_DELETE:
        return TL_DELETE;
    default: /* OPTIONS has no handlers */
        return 0;
    }
}

void exchange_identify(http_exchange *x)
{
    if (x->id[0])
        return;
    x->method = method_of(x->frame.method);
    x->is_head = x->frame.method == FRAME_HEAD;
    set_id(x);
}

void exchange_start(struct evhttp_request *reply, void *server)
{
    struct http_server *h = server;
    connection *c = connection_of(h, reply);
    if (!c || c->phase != PHASE_RUNNING || !c->exchange || c->exchange->reply) {
        /* Something has reached evhttp around the gate. It gets no answer. */
        log_error(h->worker, NULL, "a request came without the gate's leave");
        evhttp_connection_free(evhttp_request_get_connection(reply));
        return;
    }
    http_exchange *x = c->exchange;
    x->reply = reply;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    x->began = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    exchange_identify(x);
    exchange_dispatch(x);
}
