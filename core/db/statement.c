/*
 * Records of statements, and waiting for them. A record is reused; it outlives a caller that stops waiting.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/private.h"

statement *statement_new(db *d, statement_kind kind, const char *sql, size_t count, const char *const *params)
{
    statement *s = TAILQ_FIRST(&d->free);
    if (s) {
        TAILQ_REMOVE(&d->free, s, next);
    } else {
        s = malloc(sizeof *s);
        if (!s) {
            fputs("talelio: out of memory\n", stderr);
            abort();
        }
    }
    *s = (statement){
        .kind = kind, .sql = sql, .count = (int)count, .params = params, .text = -1, .since = loop_now(d->worker)};
    return s;
}

void statement_free(db *d, statement *s)
{
    PQclear(s->result);
    TAILQ_INSERT_HEAD(&d->free, s, next);
}

void statement_finish(db *d, statement *s, PGresult *result, tl_db_error error)
{
    call *c = s->call;
    if (c) {
        c->statement = NULL;
        c->result = result;
        c->error = error;
    } else {
        PQclear(result);
    }
    statement_free(d, s);
    if (c)
        wait_finish(&c->wait);
}

/* A queued statement is taken back; one under way keeps its place, and its answer is thrown away. */
static void forget(waiter *w)
{
    call *c = w->owner;
    statement *s = c->statement;
    if (!s)
        return;
    c->statement = NULL;
    s->call = NULL;
    if (s->on)
        return;
    db *d = w->req->worker->db;
    TAILQ_REMOVE(&d->queue, s, next);
    d->outstanding--;
    statement_free(d, s);
}

void call_init(call *c, tl_request *req, statement *s)
{
    *c = (call){.statement = s};
    wait_init(&c->wait, req, forget, c);
    s->call = c;
}

PGresult *call_wait(call *c)
{
    if (request_wait(c->wait.req, &c->wait) == TL_OK)
        return c->result;
    PQclear(c->result);
    c->result = NULL;
    c->error = TL_DB_CANCELLED;
    return NULL;
}
