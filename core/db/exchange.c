/*
 * Statements out, results in, over one connection in pipeline mode. Every statement has a Sync of its own, so that an
 * error touches only itself. (Before libpq 17 each Sync is also a send() of its own.)
 */
#include <string.h>
#include <sys/ioctl.h>

#include "core/db/private.h"

static void choose_text(db *d, statement *s)
{
    bool full;
    s->text = texts_number(d->texts, s->sql, &full);
    if (full)
        log_warning(d->worker, NULL,
                    "more than %d different statements: further ones are not prepared; a plugin seems to put values "
                    "into the text of statements: %.200s",
                    TEXTS_MAX, s->sql);
}

static bool send_query(connection *c, statement *s)
{
    if (s->kind == STATEMENT_QUERY && c->db->worker->settings->db_prepare)
        choose_text(c->db, s);
    prepared *p = s->text < 0 ? NULL : &c->prepared[s->text];
    if (!p || p->is_sent) {
        s->text = -1;
        return PQsendQueryParams(c->pq, s->sql, s->count, NULL, s->params, NULL, NULL, 0);
    }
    char name[16];
    texts_name(s->text, p->generation, name);
    s->generation = p->generation;
    if (!p->is_known) {
        p->is_sent = true;
        s->preparing = true;
        if (!PQsendPrepare(c->pq, name, s->sql, 0, NULL))
            return false;
    }
    return PQsendQueryPrepared(c->pq, name, s->count, s->params, NULL, NULL, 0);
}

static bool send_begin(connection *c, statement *s)
{
    s->beginning = true;
    return PQsendQueryParams(c->pq, "BEGIN ISOLATION LEVEL READ COMMITTED", 0, NULL, NULL, NULL, NULL, 0);
}

/* libpq keeps what the kernel does not take; until that has drained, no more is put on top of it. */
static bool flush(connection *c)
{
    int left = PQflush(c->pq);
    c->blocked = left == 1;
    if (c->blocked)
        event_add(c->write, NULL);
    return left >= 0;
}

void connection_send(connection *c, statement *s, bool begin)
{
    s->on = c;
    s->since = loop_now(c->db->worker);
    TAILQ_INSERT_TAIL(&c->under_way, s, next);
    c->depth++;
    db_tick_soon(c->db);
    if ((begin && !send_begin(c, s)) || !send_query(c, s) || !PQpipelineSync(c->pq) || !flush(c))
        connection_fail(c, false, PQerrorMessage(c->pq));
}

static void prepared_answered(connection *c, statement *s, bool is_known)
{
    prepared *p = &c->prepared[s->text];
    s->preparing = false;
    p->is_sent = false;
    p->is_known = is_known;
}

/* The server has lost it, or it fits the tables no more. Others may have told already. */
static void forget_prepared(connection *c, const statement *s)
{
    prepared *p = &c->prepared[s->text];
    if (!p->is_known || p->generation != s->generation)
        return;
    p->is_known = false;
    p->generation++;
}

static void answer_query(connection *c, statement *s)
{
    db *d = c->db;
    if (s->preparing)
        prepared_answered(c, s, false);
    bool stale = s->result && s->text >= 0 && error_is_stale(s->result);
    if (stale)
        forget_prepared(c, s);
    if (stale && c->shared && s->call && !s->retried) {
        PQclear(s->result);
        s->result = NULL;
        s->retried = true;
        s->on = NULL;
        TAILQ_INSERT_HEAD(&d->queue, s, next);
        event_active(d->dispatch, EV_TIMEOUT, 0);
        return;
    }
    if (c->shared)
        d->outstanding--;
    PGresult *result = s->result;
    s->result = NULL;
    statement_finish(d, s, result, TL_DB_FAILED);
}

/* The oldest statement is complete. */
static void answer(connection *c)
{
    db *d = c->db;
    statement *s = TAILQ_FIRST(&c->under_way);
    TAILQ_REMOVE(&c->under_way, s, next);
    c->depth--;
    statement *oldest = TAILQ_FIRST(&c->under_way);
    if (oldest)
        oldest->since = loop_now(d->worker);
    if (s->kind == STATEMENT_QUERY) {
        answer_query(c, s);
    } else if (s->kind == STATEMENT_ROLLBACK) {
        statement_free(d, s);
        if (PQtransactionStatus(c->pq) != PQTRANS_IDLE) {
            connection_fail(c, false, "its transaction cannot be rolled back");
            return;
        }
    } else {
        connection_setup_answer(c, s);
        return;
    }
    if (!c->shared && !c->session && c->depth == 0)
        lease_settle(c);
}

static void take(connection *c, PGresult *result)
{
    statement *s = TAILQ_FIRST(&c->under_way);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        answer(c);
        return;
    }
    bool copy = status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
    bool prelude = status == PGRES_COMMAND_OK && (s->beginning || s->preparing);
    if (copy || prelude || s->result) {
        PQclear(result);
        if (copy) {
            connection_fail(c, false, "COPY was begun on it");
        } else if (prelude && s->beginning) {
            s->beginning = false;
        } else if (prelude) {
            prepared_answered(c, s, true);
        }
        return;
    }
    /* The first error counts; what follows it up to the Sync only says that it was skipped. */
    s->result = result;
}

/* libpq collects a result whole, however large, so what comes of one is counted while it arrives. */
static bool is_too_large(connection *c)
{
    int waiting = 0;
    if (!c->partial)
        c->arrived = 0;
    else if (ioctl(PQsocket(c->pq), FIONREAD, &waiting) == 0)
        c->arrived += (size_t)waiting;
    return c->arrived > (size_t)c->db->worker->settings->request_memory;
}

/* The connection goes with the rest of the result. What else is under way on it is answered as if the database were
 * away. */
static void refuse_result(connection *c)
{
    db *d = c->db;
    statement *s = TAILQ_FIRST(&c->under_way);
    if (s && s->call) {
        log_error(d->worker, s->call->wait.req,
                  "a statement's result is larger than %lld MiB ([server] request_memory): %.1000s",
                  (long long)(d->worker->settings->request_memory >> 20), s->sql);
        TAILQ_REMOVE(&c->under_way, s, next);
        c->depth--;
        if (c->shared)
            d->outstanding--;
        statement_finish(d, s, NULL, TL_DB_FAILED);
    }
    connection_fail(c, false, "a result was too large");
}

void connection_read(connection *c)
{
    if (is_too_large(c)) {
        refuse_result(c);
        return;
    }
    if (!PQconsumeInput(c->pq)) {
        connection_fail(c, false, PQerrorMessage(c->pq));
        return;
    }
    /* libpq puts one NULL behind the results of each statement. */
    int nulls = 0;
    c->partial = true;
    while (c->pq && !TAILQ_EMPTY(&c->under_way) && nulls < 2 && !PQisBusy(c->pq)) {
        PGresult *result = PQgetResult(c->pq);
        c->partial = false;
        nulls = result ? 0 : nulls + 1;
        if (result)
            take(c, result);
    }
}

void connection_on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    connection *c = arg;
    connection_read(c);
    if (!TAILQ_EMPTY(&c->db->queue))
        db_dispatch(c->db);
}

void connection_on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    connection *c = arg;
    if (!flush(c))
        connection_fail(c, false, PQerrorMessage(c->pq));
    else if (!c->blocked)
        db_dispatch(c->db);
}
