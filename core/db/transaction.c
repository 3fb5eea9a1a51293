/*
 * Transactions of a request. BEGIN travels with the first statement, so a transaction in which nothing happens sends
 * nothing at all. A request that changes nothing (HEAD) has the same statements answered, and none of them kept: COMMIT
 * is not sent.
 */
#include <string.h>

#include "core/db/private.h"

static int mistake(tl_request *req, const char *what)
{
    log_mistake(req, "%s", what);
    return session_fail(req, TL_DB_FAILED);
}

/* The request goes on without a transaction; the pool cleans the connection, when there still is one. */
void transaction_end(struct db_session *session)
{
    session->transaction = TRANSACTION_NONE;
    if (session->connection)
        lease_release(session->connection);
}

static void forget_lease(waiter *w)
{
    call *c = w->owner;
    db *d = w->req->worker->db;
    TAILQ_REMOVE(&d->leases, c, in_leases);
    d->outstanding--;
}

int db_begin(tl_request *req)
{
    struct db_session *session = session_of(req);
    db *d = req->worker->db;
    session_fail(req, TL_DB_OK);
    session->constraint = "";
    if (req->cancelled)
        return session_fail(req, TL_DB_CANCELLED);
    if (session->transaction != TRANSACTION_NONE)
        return mistake(req, "tl_begin inside a transaction");
    if (!d || db_is_hopeless(d) || !db_has_room(d, req))
        return session_fail(req, TL_DB_UNAVAILABLE);
    call c = {.session = session, .since = loop_now(d->worker)};
    wait_init(&c.wait, req, forget_lease, &c);
    TAILQ_INSERT_TAIL(&d->leases, &c, in_leases);
    d->outstanding++;
    db_tick_soon(d);
    lease_serve(d);
    if (request_wait(req, &c.wait) != TL_OK)
        return session_fail(req, TL_DB_CANCELLED);
    if (session->transaction == TRANSACTION_OPEN)
        return TL_OK;
    /* Never leased, or broken between the lease and now. */
    session->transaction = TRANSACTION_NONE;
    return session_fail(req, TL_DB_UNAVAILABLE);
}

/* What the answer to COMMIT says. PostgreSQL answers ROLLBACK, without an error, when a statement had failed. */
static int commit_outcome(tl_request *req, const call *c, const PGresult *result)
{
    if (!result)
        return session_fail(req, c->error);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        error_report(req, "COMMIT", result, true);
        return session_fail(req, req->db->error);
    }
    bool committed = strcmp(PQcmdStatus((PGresult *)result), "COMMIT") == 0;
    return session_fail(req, committed ? TL_DB_OK : TL_DB_FAILED);
}

int db_commit(tl_request *req)
{
    struct db_session *session = session_of(req);
    session_fail(req, TL_DB_OK);
    session->constraint = "";
    if (session->transaction == TRANSACTION_NONE)
        return mistake(req, "tl_commit without a transaction");
    int outcome = TL_OK;
    if (req->cancelled) {
        outcome = session_fail(req, TL_DB_CANCELLED);
    } else if (session->transaction == TRANSACTION_LOST) {
        outcome = session_fail(req, TL_DB_UNAVAILABLE);
    } else if (session->begun && !req->changes_nothing) {
        call c;
        statement *s = statement_new(req->worker->db, STATEMENT_QUERY, "COMMIT", 0, NULL);
        call_init(&c, req, s);
        connection_send(session->connection, s, false);
        PGresult *result = call_wait(&c);
        outcome = commit_outcome(req, &c, result);
        PQclear(result);
    }
    transaction_end(session);
    return outcome;
}

int db_rollback(tl_request *req)
{
    struct db_session *session = session_of(req);
    session_fail(req, TL_DB_OK);
    session->constraint = "";
    /* ROLLBACK is sent by the pool: nothing of it can fail for the request. A broken connection has rolled back. */
    transaction_end(session);
    return TL_OK;
}

void db_request_end(tl_request *req)
{
    if (req->db)
        transaction_end(req->db);
}
