/*
 * What is known about the database, and what the operator is told: once when it goes away or refuses, once when it is
 * back. Never the connection string.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/db/private.h"

db_state db_state_of(const db *d)
{
    return d->state;
}

const char *db_reason(const db *d)
{
    return d->reason;
}

static void set_reason(db *d, const char *reason)
{
    db_message_in_one_line(reason, d->reason, sizeof d->reason);
    const char *hint = db_what_to_do(d->reason);
    size_t length = strlen(d->reason);
    if (hint)
        snprintf(d->reason + length, sizeof d->reason - length, ": %s", hint);
}

/* False when the same was said a moment ago. */
static bool is_news(db *d)
{
    int64_t now = loop_now(d->worker);
    if (strcmp(d->logged, d->reason) == 0 && now - d->logged_at < SAME_LOG_LINE)
        return false;
    memcpy(d->logged, d->reason, sizeof d->logged);
    d->logged_at = now;
    return true;
}

static void set_state(db *d, db_state state)
{
    bool was_away = d->state == DB_AWAY || d->state == DB_REFUSED;
    bool is_away = state == DB_AWAY || state == DB_REFUSED;
    if (d->state != state && !(was_away && is_away))
        d->state_since = loop_now(d->worker);
    d->state = state;
}

static bool any_ready(const db *d)
{
    for (size_t i = 0; i < d->shared_count; i++) {
        if (d->shared[i].state == LINK_READY)
            return true;
    }
    return false;
}

void db_link_up(connection *c)
{
    db *d = c->db;
    if (!c->shared) {
        lease_settle(c);
        return;
    }
    if (!d->was_ready)
        log_info(d->worker, NULL, "connected to the database");
    else if (d->state == DB_AWAY || d->state == DB_REFUSED)
        log_warning(d->worker, NULL, "the database is back after %lld ms",
                    (long long)(loop_now(d->worker) - d->state_since));
    c->returning = false;
    d->was_ready = true;
    set_state(d, DB_READY);
    d->reason[0] = '\0';
    d->logged[0] = '\0';
    db_dispatch(d);
    lease_serve(d);
}

void db_tell_busy(db *d, tl_request *req, const char *what, const char *setting, int64_t value)
{
    int64_t now = loop_now(d->worker);
    if (now - d->busy_logged_at <= SAME_LOG_LINE)
        return;
    d->busy_logged_at = now;
    log_warning(d->worker, req, "all %lld %s ([postgres] %s): requests are answered with 503", (long long)value, what,
                setting);
}

static void tell_away(db *d, db_state before)
{
    bool changed = before != d->state;
    /* A refusal is repeated only when the reason is another one. */
    if (d->state == before && strcmp(d->logged, d->reason) == 0)
        return;
    if (!is_news(d) && !changed)
        return;
    if (d->state == DB_REFUSED)
        log_error(d->worker, NULL, "the database cannot be used: %s; trying again every second", d->reason);
    else
        log_error(d->worker, NULL,
                  "the database is away: %s (requests that need it are answered with 503 until it is back; check that "
                  "it runs, and [postgres] url)",
                  d->reason);
}

void db_give_up_connecting(db *d, const char *reason)
{
    set_reason(d, reason);
    db_state before = d->state;
    set_state(d, DB_AWAY);
    tell_away(d, before);
}

static int64_t retry_delay(const connection *c, bool refused)
{
    if (refused)
        return RETRY_LAST;
    int64_t delay = RETRY_FIRST;
    for (int i = 2; i < c->attempts && delay < RETRY_LAST; i++)
        delay *= 2;
    if (delay > RETRY_LAST)
        delay = RETRY_LAST;
    /* Servers that lost the same database do not come back in step. */
    return delay / 2 + randombytes_uniform((uint32_t)(delay / 2));
}

/* A connection may break without the database being away: what is tried at once decides. */
static bool any_returning(const db *d)
{
    for (size_t i = 0; i < d->shared_count; i++) {
        if (d->shared[i].returning || d->shared[i].state != LINK_DOWN)
            return true;
    }
    return false;
}

static void shared_failed(connection *c, link_state was, bool refused)
{
    db *d = c->db;
    c->returning = was == LINK_READY;
    if (!any_ready(d)) {
        db_state before = d->state;
        if ((before == DB_READY || before == DB_CONNECTING) && any_returning(d)) {
            set_state(d, DB_CONNECTING);
        } else {
            set_state(d, refused ? DB_REFUSED : DB_AWAY);
            tell_away(d, before);
        }
    }
    connection_set_timer(c, c->returning ? 0 : retry_delay(c, refused));
}

void db_link_failed(connection *c, link_state was, bool refused, const char *reason)
{
    db *d = c->db;
    set_reason(d, reason);
    if (d->state == DB_READY && is_news(d))
        log_warning(d->worker, NULL, "%s: %s", //
                    was == LINK_READY ? "lost a connection to the database"
                                      : "one more connection to the database failed",
                    d->reason);
    if (c->shared)
        shared_failed(c, was, refused);
    else
        lease_lost(c);
    db_expire(d);
    db_tick_soon(d);
}
