/*
 * Connections for transactions: opened when somebody needs one, handed out first come, first served, taken back clean,
 * closed after idling.
 */
#include "core/db/private.h"

static bool is_free(const connection *c)
{
    return c->state == LINK_READY && !c->session && c->depth == 0 && !c->cleaning;
}

static void hand_over(connection *c, call *to)
{
    db *d = c->db;
    TAILQ_REMOVE(&d->leases, to, in_leases);
    d->outstanding--;
    event_del(c->timer);
    c->session = to->session;
    c->session->connection = c;
    c->session->transaction = TRANSACTION_OPEN;
    c->session->begun = false;
    wait_finish(&to->wait);
}

/* A connection for everybody who waits, but no further attempt while one waits to be repeated. */
static void open_more(db *d)
{
    const call *waiting = TAILQ_FIRST(&d->leases);
    for (size_t i = 0; i < d->leased_count; i++) {
        if (d->leased[i].state == LINK_DOWN && event_pending(d->leased[i].timer, EV_TIMEOUT, NULL))
            return;
        if (waiting && d->leased[i].state != LINK_DOWN && d->leased[i].state != LINK_READY)
            waiting = TAILQ_NEXT(waiting, in_leases);
    }
    for (size_t i = 0; i < d->leased_count && waiting; i++) {
        if (d->leased[i].state != LINK_DOWN)
            continue;
        waiting = TAILQ_NEXT(waiting, in_leases);
        connection_open(&d->leased[i]);
        if (d->leased[i].state == LINK_DOWN)
            return; /* failed at once, and those who waited may be gone */
    }
}

void lease_serve(db *d)
{
    for (size_t i = 0; i < d->leased_count && !TAILQ_EMPTY(&d->leases); i++) {
        if (is_free(&d->leased[i]))
            hand_over(&d->leased[i], TAILQ_FIRST(&d->leases));
    }
    if (d->state == DB_READY && !TAILQ_EMPTY(&d->leases))
        open_more(d);
}

void lease_settle(connection *c)
{
    db *d = c->db;
    if (PQtransactionStatus(c->pq) != PQTRANS_IDLE) {
        if (!c->cleaning)
            c->cleaning_since = loop_now(d->worker);
        c->cleaning = true;
        connection_send(c, statement_new(d, STATEMENT_ROLLBACK, "ROLLBACK", 0, NULL), false);
        return;
    }
    c->cleaning = false;
    connection_set_timer(c, LEASE_IDLE);
    lease_serve(d);
}

void lease_release(connection *c)
{
    c->session->connection = NULL;
    c->session = NULL;
    if (c->depth == 0) {
        lease_settle(c);
        return;
    }
    /* Its request has ended in the middle of a statement. Most are over soon. */
    c->cleaning = true;
    c->cleaning_since = loop_now(c->db->worker);
    db_tick_soon(c->db);
}

static bool any_alive(const db *d)
{
    for (size_t i = 0; i < d->leased_count; i++) {
        if (d->leased[i].state != LINK_DOWN)
            return true;
    }
    return false;
}

void lease_lost(connection *c)
{
    if (!TAILQ_EMPTY(&c->db->leases))
        connection_set_timer(c, c->attempts > 1 ? RETRY_LAST : RETRY_FIRST);
}

static void end(db *d, call *c)
{
    TAILQ_REMOVE(&d->leases, c, in_leases);
    d->outstanding--;
    c->error = TL_DB_UNAVAILABLE;
    wait_finish(&c->wait);
}

void lease_expire(db *d, bool away)
{
    const settings *s = d->worker->settings;
    int64_t now = loop_now(d->worker);
    for (call *c = TAILQ_FIRST(&d->leases), *next; c; c = next) {
        next = TAILQ_NEXT(c, in_leases);
        /* The database may be there and still refuse one more connection. */
        bool in_vain = away || (d->state == DB_READY && !any_alive(d));
        if (now < db_limit_of(d, c->since, in_vain))
            continue;
        if (!in_vain)
            db_tell_busy(d, c->wait.req, "connections for transactions are in use", "transactions", s->db_transactions);
        end(d, c);
    }
}

void lease_end_all(db *d)
{
    call *c;
    while ((c = TAILQ_FIRST(&d->leases)))
        end(d, c);
}
