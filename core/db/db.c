/*
 * The pool: single statements, their queue, and their way onto the shared connections. Also the limits in time of
 * everything that waits here.
 */
#include "core/db/db.h"

#include <stdlib.h>
#include <string.h>

#include "core/db/private.h"
#include "core/metrics/metrics.h"

enum { PARAMS_MAX = 65535 }; /* of the protocol */

void db_tick_soon(db *d)
{
    static const struct timeval pause = {.tv_usec = TICK * 1000};
    if (!d->ticking)
        d->ticking = event_add(d->tick, &pause) == 0;
}

bool db_is_hopeless(const db *d)
{
    return (d->state == DB_AWAY || d->state == DB_REFUSED) && d->worker->settings->db_wait == 0;
}

bool db_has_room(db *d, tl_request *req)
{
    int64_t limit = d->worker->settings->db_queue;
    if (d->outstanding < (size_t)limit)
        return true;
    db_tell_busy(d, req, "statements that may wait for the database do so", "queue", limit);
    return false;
}

/* The connection for the next statement, NULL when all are busy: then it stays in the queue for the first that is
 * not. */
static connection *least_loaded(db *d)
{
    connection *best = NULL;
    int64_t now = loop_now(d->worker);
    for (size_t i = 0; i < d->shared_count; i++) {
        connection *c = &d->shared[i];
        if (c->state != LINK_READY || c->blocked || c->depth >= CONNECTION_DEPTH)
            continue;
        const statement *oldest = TAILQ_FIRST(&c->under_way);
        if (oldest && now - oldest->since > CONNECTION_STUCK)
            continue;
        if (!best || c->depth < best->depth)
            best = c;
    }
    return best;
}

void db_dispatch(db *d)
{
    statement *s;
    while ((s = TAILQ_FIRST(&d->queue))) {
        connection *c = least_loaded(d);
        if (!c)
            return;
        TAILQ_REMOVE(&d->queue, s, next);
        connection_send(c, s, false);
    }
}

static void on_dispatch(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    db_dispatch(arg);
}

int64_t db_limit_of(const db *d, int64_t since, bool in_vain)
{
    const settings *s = d->worker->settings;
    if (!in_vain)
        return since + s->db_query_timeout;
    return (since > d->state_since ? since : d->state_since) + s->db_wait;
}

void db_expire(db *d)
{
    int64_t now = loop_now(d->worker);
    if (d->state == DB_CONNECTING && d->was_ready && now - d->state_since >= RECONNECT_GRACE)
        db_give_up_connecting(d, "no answer while connecting");
    bool away = d->state == DB_AWAY || d->state == DB_REFUSED;
    for (statement *s = TAILQ_FIRST(&d->queue), *next; s; s = next) {
        next = TAILQ_NEXT(s, next);
        if (now < db_limit_of(d, s->since, away))
            continue;
        TAILQ_REMOVE(&d->queue, s, next);
        d->outstanding--;
        statement_finish(d, s, NULL, TL_DB_UNAVAILABLE);
    }
    lease_expire(d, away);
}

/* A server that has stopped answering altogether, although it should have ended the statement itself. */
static void check_silence(connection *c, int64_t now)
{
    const settings *s = c->db->worker->settings;
    int64_t limit = s->db_query_timeout + ANSWER_GRACE;
    statement *oldest = TAILQ_FIRST(&c->under_way);
    if (c->state != LINK_READY || !oldest || now - oldest->since <= limit)
        return;
    /* The loop itself may have been held for so long. */
    connection_read(c);
    oldest = TAILQ_FIRST(&c->under_way);
    if (c->state == LINK_READY && oldest && now - oldest->since > limit)
        connection_fail(c, false, "no answer to a statement in time");
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    db *d = arg;
    int64_t now = loop_now(d->worker);
    bool busy = false;
    d->ticking = false;
    for (size_t i = 0; i < d->shared_count; i++)
        check_silence(&d->shared[i], now);
    for (size_t i = 0; i < d->leased_count; i++) {
        connection *c = &d->leased[i];
        check_silence(c, now);
        if (c->cleaning && now - c->cleaning_since > LEASE_GRACE) {
            connection_drop(c);
            lease_serve(d);
        }
        busy = busy || c->depth > 0;
    }
    db_expire(d);
    db_dispatch(d);
    if (busy || d->outstanding > 0 || (d->state == DB_CONNECTING && d->was_ready))
        db_tick_soon(d);
}

db *db_new(worker *w, const char *check_sql)
{
    db *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->worker = w;
    d->check = check_sql;
    TAILQ_INIT(&d->queue);
    TAILQ_INIT(&d->leases);
    TAILQ_INIT(&d->free);
    d->state_since = loop_now(w);
    d->busy_logged_at = d->state_since - SAME_LOG_LINE - 1;
    d->dispatch = event_new(w->base, -1, 0, on_dispatch, d);
    d->tick = event_new(w->base, -1, 0, on_tick, d);
    d->texts = texts_new();
    d->address = address_new(d, w->settings->postgres_url);
    d->shared = calloc((size_t)w->settings->db_pipelines, sizeof *d->shared);
    d->leased = calloc((size_t)w->settings->db_transactions, sizeof *d->leased);
    if (!d->dispatch || !d->tick || !d->texts || !d->address || !d->shared || !d->leased) {
        db_free(d);
        return NULL;
    }
    for (; d->shared_count < (size_t)w->settings->db_pipelines; d->shared_count++)
        connection_init(&d->shared[d->shared_count], d, true);
    for (; d->leased_count < (size_t)w->settings->db_transactions; d->leased_count++)
        connection_init(&d->leased[d->leased_count], d, false);
    /* From the loop, not from here: whoever makes the pool has not stored it yet. */
    for (size_t i = 0; i < d->shared_count; i++)
        connection_set_timer(&d->shared[i], 0);
    return d;
}

static void free_records(db *d)
{
    statement *s;
    while ((s = TAILQ_FIRST(&d->queue))) {
        TAILQ_REMOVE(&d->queue, s, next);
        statement_finish(d, s, NULL, TL_DB_UNAVAILABLE);
    }
    while ((s = TAILQ_FIRST(&d->free))) {
        TAILQ_REMOVE(&d->free, s, next);
        free(s);
    }
}

void db_free(db *d)
{
    if (!d)
        return;
    lease_end_all(d);
    for (size_t i = 0; i < d->shared_count; i++)
        connection_free(&d->shared[i]);
    for (size_t i = 0; i < d->leased_count; i++)
        connection_free(&d->leased[i]);
    free_records(d);
    free(d->shared);
    free(d->leased);
    address_free(d->address);
    texts_free(d->texts);
    if (d->dispatch)
        event_free(d->dispatch);
    if (d->tick)
        event_free(d->tick);
    free(d);
}

/* Ours to say before anything is sent. */
static bool is_acceptable(tl_request *req, const char *sql, size_t count)
{
    struct db_session *session = session_of(req);
    bool in_transaction = session->transaction != TRANSACTION_NONE;
    const char *refusal = count > PARAMS_MAX ? "it has too many parameters" : statement_refusal(sql, in_transaction);
    if (!refusal)
        return true;
    log_mistake(req, "statement refused, because %s: %.1000s", refusal, sql);
    session->error = TL_DB_FAILED;
    return false;
}

static tl_rows *query(tl_request *req, const char *sql, size_t count, const char *const *params)
{
    struct db_session *session = session_of(req);
    db *d = req->worker->db;
    session->error = req->cancelled ? TL_DB_CANCELLED : TL_DB_OK;
    session->constraint = "";
    if (req->cancelled || !is_acceptable(req, sql, count))
        return NULL;
    if (session->transaction == TRANSACTION_LOST || !d ||
        (session->transaction == TRANSACTION_NONE && (db_is_hopeless(d) || !db_has_room(d, req)))) {
        session->error = TL_DB_UNAVAILABLE;
        return NULL;
    }
    call c;
    statement *s = statement_new(d, STATEMENT_QUERY, sql, count, params);
    call_init(&c, req, s);
    if (session->transaction == TRANSACTION_OPEN) {
        bool begin = !session->begun;
        session->begun = true;
        connection_send(session->connection, s, begin);
    } else {
        /* Sent when this turn's other fibers have put theirs into the queue too. */
        TAILQ_INSERT_TAIL(&d->queue, s, next);
        d->outstanding++;
        db_tick_soon(d);
        event_active(d->dispatch, EV_TIMEOUT, 0);
    }
    tl_rows *rows = session_take(req, sql, &c, call_wait(&c));
    metrics_count_statement(req->worker, session->error == TL_DB_FAILED || session->error == TL_DB_UNAVAILABLE);
    return rows;
}

tl_rows *db_query(tl_request *req, const char *sql, size_t count, const char *const *params)
{
    struct db_session *session = session_of(req);
    bool alone = req->changes_nothing && session->transaction == TRANSACTION_NONE && !statement_only_reads(sql);
    if (alone && db_begin(req) != TL_OK)
        return NULL;
    tl_rows *rows = query(req, sql, count, params);
    if (alone)
        transaction_end(session);
    return rows;
}
