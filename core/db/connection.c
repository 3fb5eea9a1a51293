/*
 * One connection: address, libpq's connecting, settings, the schema check, and its end. Never blocks. What it is used
 * for, and whether it is opened again, is the pool's affair.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/private.h"

static void on_timer(evutil_socket_t fd, short what, void *arg);

void connection_set_timer(connection *c, int64_t milliseconds)
{
    struct timeval pause = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    event_add(c->timer, &pause);
}

void connection_init(connection *c, db *d, bool shared)
{
    c->db = d;
    c->shared = shared;
    TAILQ_INIT(&c->under_way);
    c->read = event_new(d->worker->base, -1, 0, on_timer, c);
    c->write = event_new(d->worker->base, -1, 0, on_timer, c);
    c->timer = event_new(d->worker->base, -1, 0, on_timer, c);
    if (!c->read || !c->write || !c->timer) {
        fputs("talelio: out of memory\n", stderr);
        abort();
    }
}

void connection_free(connection *c)
{
    connection_drop(c);
    event_free(c->read);
    event_free(c->write);
    event_free(c->timer);
}

/* Set-up statements have no caller; those of callers end as unavailable. */
static void end_statements(connection *c)
{
    db *d = c->db;
    statement *s;
    while ((s = TAILQ_FIRST(&c->under_way))) {
        TAILQ_REMOVE(&c->under_way, s, next);
        if (s->kind == STATEMENT_QUERY && c->shared)
            d->outstanding--;
        statement_finish(d, s, NULL, TL_DB_UNAVAILABLE);
    }
    c->depth = 0;
}

void connection_drop(connection *c)
{
    event_del(c->read);
    event_del(c->write);
    event_del(c->timer);
    PGconn *pq = c->pq;
    c->pq = NULL;
    c->state = LINK_DOWN;
    c->blocked = false;
    c->partial = false;
    c->setup_left = 0;
    c->cleaning = false;
    memset(c->prepared, 0, sizeof c->prepared);
    if (c->session) {
        c->session->connection = NULL;
        c->session->transaction = TRANSACTION_LOST;
        c->session = NULL;
    }
    end_statements(c);
    PQfinish(pq);
}

void connection_fail(connection *c, bool refused, const char *reason)
{
    link_state was = c->state;
    char copy[REASON_MAX];
    snprintf(copy, sizeof copy, "%s", reason);
    connection_drop(c);
    c->attempts++;
    db_link_failed(c, was, refused, copy);
}

/*
 * libpq has the SQLSTATE of a refused connection only in its verbose message: "FATAL:  28P01: password …". Refused is
 * what waiting does not mend: authorization, a database that does not exist, a certificate that does not fit.
 */
static bool is_refusal(const char *message)
{
    static const char *const states[] = {":  28000: ", ":  28P01: ", ":  3D000: ", ":  42501: ", NULL};
    for (const char *const *state = states; *state; state++) {
        if (strstr(message, *state))
            return true;
    }
    return strstr(message, "no password supplied") || strstr(message, "certificate");
}

static void fail_connecting(connection *c, bool silent)
{
    address_failed(c->db->address, c->pq, silent);
    if (silent)
        connection_fail(c, false, "no answer while connecting");
    else
        connection_fail(c, is_refusal(PQerrorMessage(c->pq)), PQerrorMessage(c->pq));
}

static void ready(connection *c)
{
    event_del(c->timer);
    c->state = LINK_READY;
    c->attempts = 0;
    db_link_up(c);
}

static void set_up(connection *c, statement_kind kind, const char *sql)
{
    c->setup_left++;
    connection_send(c, statement_new(c->db, kind, sql, 0, NULL), false);
}

/* Connected: one round trip for settings and the schema check. */
static void begin_set_up(connection *c)
{
    static const struct {
        bool pooler;
        statement_kind kind;
        const char *sql;
    } settings_sql[] = {
        /* Long statements end soon after their client has gone; not every server's system can. */
        {false, STATEMENT_OPTIONAL, "SET client_connection_check_interval = '1s'"},
        /* A pooler refuses startup parameters, but follows these two. */
        {true, STATEMENT_SETUP, "SET TimeZone = 'UTC'"},
        {true, STATEMENT_SETUP, "SET DateStyle = 'ISO'"},
    };
    db *d = c->db;
    c->state = LINK_SETUP;
    if (PQsetnonblocking(c->pq, 1) != 0 || !PQenterPipelineMode(c->pq)) {
        connection_fail(c, false, PQerrorMessage(c->pq));
        return;
    }
    event_assign(c->read, d->worker->base, PQsocket(c->pq), EV_READ | EV_PERSIST, connection_on_readable, c);
    event_assign(c->write, d->worker->base, PQsocket(c->pq), EV_WRITE, connection_on_writable, c);
    event_add(c->read, NULL);
    for (size_t i = 0; i < sizeof settings_sql / sizeof *settings_sql && c->pq; i++) {
        if (settings_sql[i].pooler == !d->worker->settings->db_prepare)
            set_up(c, settings_sql[i].kind, settings_sql[i].sql);
    }
    if (d->check && c->pq)
        set_up(c, STATEMENT_CHECK, d->check);
}

/* NULL when the answer lets the connection go on. */
static const char *objection(const statement *s)
{
    ExecStatusType status = s->result ? PQresultStatus(s->result) : PGRES_FATAL_ERROR;
    if (s->kind == STATEMENT_OPTIONAL)
        return NULL;
    if (status == PGRES_FATAL_ERROR) {
        const char *message = PQresultErrorField(s->result, PG_DIAG_MESSAGE_PRIMARY);
        return message ? message : "the connection cannot be set up";
    }
    if (s->kind == STATEMENT_SETUP)
        return NULL;
    if (PQntuples(s->result) != 1 || PQgetisnull(s->result, 0, 0))
        return "the schema check has no answer";
    const char *text = PQgetvalue(s->result, 0, 0);
    return *text ? text : NULL;
}

void connection_setup_answer(connection *c, statement *s)
{
    const char *why = objection(s);
    c->setup_left--;
    if (why) {
        const char *state = PQresultErrorField(s->result, PG_DIAG_SQLSTATE);
        connection_fail(c, !state || error_of(s->result) != TL_DB_UNAVAILABLE, why);
    } else if (c->setup_left == 0) {
        ready(c);
    }
    statement_free(c->db, s);
}

static void on_progress(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    connection *c = arg;
    /* libpq may close its socket and try the next host inside. */
    event_del(c->read);
    PostgresPollingStatusType next = PQconnectPoll(c->pq);
    if (next == PGRES_POLLING_OK) {
        begin_set_up(c);
    } else if (next == PGRES_POLLING_FAILED) {
        fail_connecting(c, false);
    } else {
        event_assign(c->read, c->db->worker->base, PQsocket(c->pq), next == PGRES_POLLING_READING ? EV_READ : EV_WRITE,
                     on_progress, c);
        event_add(c->read, NULL);
    }
}

/* A notice's text is the server's own, its DETAIL may quote rows. */
static void on_notice(void *arg, const PGresult *result)
{
    const connection *c = arg;
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (message)
        log_debug(c->db->worker, NULL, "database: %s", message);
}

static void start(connection *c)
{
    c->state = LINK_CONNECT;
    c->pq = address_connect(c->db->address);
    if (!c->pq) {
        connection_fail(c, false, "out of memory");
        return;
    }
    if (PQstatus(c->pq) == CONNECTION_BAD) {
        fail_connecting(c, false);
        return;
    }
    PQsetErrorVerbosity(c->pq, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(c->pq, on_notice, c);
    event_assign(c->read, c->db->worker->base, PQsocket(c->pq), EV_WRITE, on_progress, c);
    event_add(c->read, NULL);
}

void connection_go_on(connection *c)
{
    if (c->state != LINK_LOOKUP)
        return;
    const char *error = address_lookup_error(c->db->address);
    if (error) {
        address_failed(c->db->address, NULL, false);
        connection_fail(c, false, error);
    } else {
        start(c);
    }
}

void connection_open(connection *c)
{
    const char *problem = address_problem(c->db->address);
    if (problem) {
        connection_fail(c, true, problem);
        return;
    }
    connection_set_timer(c, CONNECT_TIMEOUT);
    c->state = LINK_LOOKUP;
    if (address_ready(c->db->address))
        start(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    connection *c = arg;
    switch (c->state) {
    case LINK_DOWN:
        if (c->shared)
            connection_open(c);
        else
            lease_serve(c->db);
        break;
    case LINK_LOOKUP:
        connection_fail(c, false, "the address of the database's host is not found in time");
        break;
    case LINK_CONNECT:
    case LINK_SETUP:
        fail_connecting(c, true);
        break;
    case LINK_READY: /* a connection for transactions that nobody has needed for long */
        connection_drop(c);
        break;
    }
}
