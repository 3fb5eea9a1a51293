/*
 * What the files of core/db share: the pool, its connections, and the statements that travel on them.
 *
 * A `call` lives on the stack of the fiber that waits, a `statement` in the pool, because a statement that has been
 * sent must stay in its place on the connection after its caller has gone.
 */
#ifndef CORE_DB_PRIVATE_H
#define CORE_DB_PRIVATE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "core/db/db.h"
#include "core/log/log.h"
#include "core/request/request.h"
#include "core/worker.h"

/* Times are in milliseconds. */
enum {
    CONNECTION_DEPTH = 64,    /* statements under way on one shared connection */
    CONNECTION_STUCK = 50,    /* a connection whose oldest statement runs longer takes no more for now */
    CONNECT_TIMEOUT = 5000,   /* from the first packet until the schema check has passed */
    RECONNECT_GRACE = 500,    /* after a loss, statements wait this long for the first attempt to reconnect */
    RETRY_FIRST = 50,         /* before the second attempt to connect, doubled for each one after */
    RETRY_LAST = 1000,        /* at most; also between attempts while the database refuses */
    LEASE_IDLE = 60000,       /* an unused connection for transactions is closed */
    LEASE_GRACE = 1000,       /* for what an ended request left running, before the connection is closed */
    ANSWER_GRACE = 1000,      /* beyond the server's own statement_timeout, before it counts as hung */
    TRANSACTION_IDLE = 60000, /* the server ends transactions in which nothing happens */
    TICK = 50,                /* how often time limits are looked at while anything is under way */
    SAME_LOG_LINE = 10000,    /* the same trouble is logged again only after this time */
    TEXTS_MAX = 500,          /* statements that are prepared; more are sent unprepared */
    REASON_MAX = 1024,
};

typedef struct connection connection;
typedef struct statement statement;
typedef struct texts texts;
typedef struct address address;

typedef enum transaction_state {
    TRANSACTION_NONE,
    TRANSACTION_OPEN,
    TRANSACTION_LOST, /* its connection has broken: nothing may run until the handler has ended it */
} transaction_state;

/* What a request keeps here; lives in its arena. */
struct db_session {
    tl_db_error error;
    const char *constraint;
    transaction_state transaction;
    bool begun;             /* BEGIN has been sent */
    connection *connection; /* leased; NULL unless TRANSACTION_OPEN */
};

/* Somebody who waits, for the result of a statement or for a connection of his own. */
typedef struct call {
    waiter wait;
    TAILQ_ENTRY(call) in_leases;
    statement *statement; /* NULL once it is over */
    struct db_session *session;
    PGresult *result;  /* the caller's to clear; NULL on failure without an answer */
    tl_db_error error; /* when there is no result */
    int64_t since;
} call;

typedef enum statement_kind {
    STATEMENT_QUERY,
    STATEMENT_OPTIONAL, /* sets up a connection; may fail */
    STATEMENT_SETUP,    /* sets up a connection; must not fail */
    STATEMENT_CHECK,    /* the schema check */
    STATEMENT_ROLLBACK, /* cleans a leased connection */
} statement_kind;

struct statement {
    TAILQ_ENTRY(statement) next; /* in the pool's queue, or on its connection */
    call *call;                  /* NULL: nobody waits for it any more, and sql and params may be gone */
    const char *sql;
    const char *const *params;
    int count;
    int text;            /* its number among the prepared texts, -1: unprepared */
    uint16_t generation; /* of the prepared statement it used */
    statement_kind kind;
    connection *on; /* NULL while it queues */
    int64_t since;  /* in the queue: when it came; on a connection: when it became the oldest */
    bool beginning; /* the answer to BEGIN is still to come */
    bool preparing; /* the answer to Parse is still to come */
    bool retried;
    PGresult *result;
};

TAILQ_HEAD(statement_list, statement);
TAILQ_HEAD(call_list, call);

typedef enum link_state {
    LINK_DOWN,
    LINK_LOOKUP,  /* waits for the address */
    LINK_CONNECT, /* libpq connects and authenticates */
    LINK_SETUP,   /* settings and schema check */
    LINK_READY,
} link_state;

typedef struct prepared {
    uint16_t generation; /* part of the name, so that a stale statement is simply left behind */
    bool is_sent;        /* Parse is on its way: until it is answered, others with this text go unprepared */
    bool is_known;       /* the server has it */
} prepared;

struct connection {
    db *db;
    bool shared; /* single statements of everybody; false: leased for transactions */
    link_state state;
    PGconn *pq;
    struct event *read;
    struct event *write;
    struct event *timer; /* the next attempt, the limit for connecting, or the end of idling */
    struct statement_list under_way;
    int depth;
    bool blocked;   /* the kernel takes no more bytes for now */
    bool partial;   /* the last bytes were part of a result that goes on */
    size_t arrived; /* bytes of that result */
    int setup_left;
    int attempts;               /* that have failed in a row */
    bool returning;             /* has broken; the attempt that follows at once has not ended */
    struct db_session *session; /* who has leased it */
    bool cleaning;              /* was leased, and is not clean yet */
    int64_t cleaning_since;
    prepared prepared[TEXTS_MAX];
};

struct db {
    worker *worker;
    const char *check;
    address *address;
    texts *texts;
    connection *shared;
    size_t shared_count;
    connection *leased;
    size_t leased_count;
    struct statement_list queue;
    struct call_list leases;    /* those who wait for a connection of their own, first come, first served */
    size_t outstanding;         /* single statements in the queue and under way, and waiting leases */
    struct statement_list free; /* records for reuse */
    struct event *dispatch;
    struct event *tick;
    bool ticking;
    db_state state;
    int64_t state_since;
    bool was_ready;
    char reason[REASON_MAX];
    char logged[REASON_MAX];
    int64_t logged_at;
    int64_t busy_logged_at;
};

/* db.c: the pool */
void db_tick_soon(db *d);
void db_dispatch(db *d);
/* Ends what has waited long enough. */
void db_expire(db *d);
/* When something that began to wait at `since` has waited enough. `in_vain`: for a database that is not there. */
int64_t db_limit_of(const db *d, int64_t since, bool in_vain);
bool db_has_room(db *d, tl_request *req);
/* True when nothing need wait, because it would end as unavailable at once. */
bool db_is_hopeless(const db *d);

/* state.c: what is known about the database, and telling the operator */
void db_link_up(connection *c);
void db_link_failed(connection *c, link_state was, bool refused, const char *reason);
/* DB_CONNECTING ends without a connection. */
void db_give_up_connecting(db *d, const char *reason);
/* Too much work for a limit of the settings, once in a while. */
void db_tell_busy(db *d, tl_request *req, const char *what, const char *setting, int64_t value);

/* connection.c: one libpq connection, from nothing to ready and back */
void connection_init(connection *c, db *d, bool shared);
void connection_free(connection *c);
void connection_open(connection *c);
/* Closes and tells nobody but those whose statements were under way. */
void connection_drop(connection *c);
/* Drops and says why; a shared connection is opened again later. `reason` may point into libpq's memory. */
void connection_fail(connection *c, bool refused, const char *reason);
/* Until the next attempt to connect, or until an idle connection is closed. */
void connection_set_timer(connection *c, int64_t milliseconds);
/* When it waits for the address: that has been looked up. */
void connection_go_on(connection *c);
/* A statement of the set-up has its answer in `s->result`. */
void connection_setup_answer(connection *c, statement *s);

/* exchange.c: statements out, results in */
/* Takes the statement over; when the connection breaks, it has ended. `begin`: in the same exchange as BEGIN. */
void connection_send(connection *c, statement *s, bool begin);
void connection_on_readable(evutil_socket_t fd, short what, void *arg);
void connection_on_writable(evutil_socket_t fd, short what, void *arg);
/* Reads what is there; the connection may be down afterwards. */
void connection_read(connection *c);

/* statement.c: records, and waiting for them */
statement *statement_new(db *d, statement_kind kind, const char *sql, size_t count, const char *const *params);
void statement_free(db *d, statement *s);
/* Hands the outcome over and frees the record. `result` may be NULL, then `error` counts. */
void statement_finish(db *d, statement *s, PGresult *result, tl_db_error error);
void call_init(call *c, tl_request *req, statement *s);
/* Waits for a statement that has been queued or sent. NULL with `call.error` on failure. */
PGresult *call_wait(call *c);
/* NULL, or why this text may not run here. */
const char *statement_refusal(const char *sql, bool in_transaction);
/* True for a SELECT. False proves nothing: others may only read too. */
bool statement_only_reads(const char *sql);

/* transaction.c */
/* The request goes on without a transaction; what was not committed is rolled back. */
void transaction_end(struct db_session *session);

/* texts.c: the prepared statements */
texts *texts_new(void);
void texts_free(texts *t);
/* The number of this text, -1 when there are too many; `*full` then tells the first time. */
int texts_number(texts *t, const char *sql, bool *full);
void texts_name(int number, uint16_t generation, char name[static 16]);

/* lease.c: connections for transactions */
/* Serves those who wait: with free connections, and with new ones. */
void lease_serve(db *d);
void lease_release(connection *c);
/* A connection without statements: clean, or to be cleaned. */
void lease_settle(connection *c);
/* It has broken, or could not be opened. */
void lease_lost(connection *c);
void lease_expire(db *d, bool away);
void lease_end_all(db *d);

/* result.c, errors.c, session.c */
tl_rows *rows_new(tl_request *req, PGresult *result);
struct db_session *session_of(tl_request *req);
/* `is_fatal`: the session has ended with it. NULL: the connection has. */
tl_db_error error_of_state(const char *sqlstate, bool is_fatal);
tl_db_error error_of(const PGresult *result);
/* Why the statement failed, into the request's session and, when it matters, into the log. */
void error_report(tl_request *req, const char *sql, const PGresult *result, bool in_transaction);
/* True when only the prepared statement is out of date, so that nothing has run. */
bool error_is_stale(const PGresult *result);
int session_fail(tl_request *req, tl_db_error error);
/* For the log, with the plugin that has made it. */
#define log_mistake(req, ...)                                                                                          \
    logger_write((req)->worker->log, TL_LOG_ERROR, request_plugin(req), req, "mistake in the plugin: " __VA_ARGS__)
/* The rows of an answer, or NULL with the request's error set. */
tl_rows *session_take(tl_request *req, const char *sql, call *c, PGresult *result);

/* time.c */
/* PostgreSQL's "2026-11-22 20:01:30.5+00" as "2026-11-22T20:01:30.500000Z"; false for anything else. */
bool time_from_postgres(const char *text, char out[static 28]);

/* address.c: the connection string, and names resolved off the loop */
/* NULL is never returned; address_problem tells whether it can be used. */
address *address_new(db *d, const char *url);
void address_free(address *a);
/* What is wrong with the connection string, NULL when nothing. Quotes none of it: it may hold a password. */
const char *address_problem(const address *a);
/* True when a connection can be started now; otherwise a lookup is under way, and connections in LINK_LOOKUP are
 * woken when it has ended. */
bool address_ready(address *a);
/* Why the last lookup failed, NULL when it did not. */
const char *address_lookup_error(const address *a);
/* Starts connecting, as PQconnectStart. */
PGconn *address_connect(address *a);
/* An attempt has failed: look names up again, and after silence begin with the host behind the one that was silent. */
void address_failed(address *a, const PGconn *pq, bool silent);

#endif
