/* Connecting blocks, so it is done on a thread of the pool; everything after that is waited for by sleeping. */
#include "plugins/backup/session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* "tlbk": the first half of the advisory locks' keys. */
enum { LOCK_CLASS = 0x746c626b };

typedef struct connecting {
    const conninfo *address;
    PGconn *connection;
} connecting;

static void connect_now(void *arg)
{
    connecting *c = arg;
    const char *keywords[CONNINFO_MOST + 4] = {NULL}, *values[CONNINFO_MOST + 4] = {NULL};
    size_t count = 0;

    for (size_t i = 0; i < c->address->count; i++, count++) {
        keywords[count] = c->address->keywords[i];
        values[count] = c->address->values[i];
    }
    keywords[count] = "fallback_application_name";
    values[count++] = "talelio backup";
    keywords[count] = "client_encoding";
    values[count++] = "UTF8";
    c->connection = PQconnectdbParams(keywords, values, 0);
}

static void release(void *arg)
{
    session_close(arg);
}

void session_close(session *s)
{
    if (s->connection)
        PQfinish(s->connection);
    s->connection = NULL;
}

/*
 * How values look as text, and so the sums over tables, must not depend on the server's settings. The last statement
 * ends what runs there when this process has gone; where a platform cannot, it fails, and that is no matter.
 */
static int prepare(task *t, session *s)
{
    static const char settings[] =
        "SELECT set_config('search_path', 'pg_catalog', false), set_config('statement_timeout', '0', false),"
        " set_config('idle_in_transaction_session_timeout', '0', false), set_config('lock_timeout', '60s', false),"
        " set_config('DateStyle', 'ISO, YMD', false), set_config('IntervalStyle', 'postgres', false),"
        " set_config('TimeZone', 'UTC', false), set_config('extra_float_digits', '3', false),"
        " set_config('bytea_output', 'hex', false), set_config('lc_monetary', 'C', false),"
        " set_config('xmlbinary', 'base64', false), set_config('row_security', 'off', false),"
        " set_config('quote_all_identifiers', 'off', false), set_config('max_parallel_workers_per_gather', '0', false)";
    task ignored;

    if (session_run(t, s, "preparing the connection", settings) != TL_OK)
        return TL_ERROR;
    task_init(&ignored, t->req, PROGRESS_NONE);
    session_run(&ignored, s, "", "SET client_connection_check_interval = '5s'");
    return TL_OK;
}

int session_open(task *t, const conninfo *a, session **made)
{
    connecting c = {.address = a};
    session *s = tl_alloc(t->req, sizeof *s);

    *made = s;
    tl_defer(t->req, release, s);
    int result = task_blocking(t, connect_now, &c);
    s->connection = c.connection;
    if (result != TL_OK)
        return result;
    if (!s->connection)
        return task_fail(t, "out of memory");
    if (PQstatus(s->connection) != CONNECTION_OK)
        return task_fail(t, "the database cannot be reached: %s", PQerrorMessage(s->connection));
    PQsetnonblocking(s->connection, 1);
    return prepare(t, s);
}

/* Waits until there is a result to take. */
static int await(task *t, session *s)
{
    s->pause = 0;
    while (PQflush(s->connection) == 1 || PQisBusy(s->connection)) {
        if (task_pause(t, &s->pause) != TL_OK)
            return TL_CANCELLED;
        if (!PQconsumeInput(s->connection))
            return TL_ERROR;
    }
    return TL_OK;
}

static const char *message_of(const session *s, const PGresult *result)
{
    const char *message = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    return message ? message : PQerrorMessage(s->connection);
}

PGresult *session_query(task *t, session *s, const char *what, const char *sql, int count, const char *const *values)
{
    PGresult *result = NULL, *more;
    int waited = TL_ERROR;

    if (!s->connection || !PQsendQueryParams(s->connection, sql, count, NULL, values, NULL, NULL, 0)) {
        task_fail(t, "%s: %s", what, s->connection ? PQerrorMessage(s->connection) : "there is no connection");
        return NULL;
    }
    while ((waited = await(t, s)) == TL_OK && (more = PQgetResult(s->connection))) {
        PQclear(result);
        result = more;
    }
    if (waited == TL_OK && (PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK))
        return result;
    if (waited != TL_CANCELLED)
        task_fail(t, "%s: %s", what, message_of(s, result));
    PQclear(result);
    return NULL;
}

int session_run(task *t, session *s, const char *what, const char *sql)
{
    PGresult *result = session_query(t, s, what, sql, 0, NULL);

    PQclear(result);
    return result ? TL_OK : TL_ERROR;
}

const char *session_text(task *t, session *s, const char *what, const char *sql)
{
    PGresult *result = session_query(t, s, what, sql, 0, NULL);
    const char *text = NULL;

    if (result)
        text = PQntuples(result) > 0 ? tl_copy(t->req, PQgetvalue(result, 0, 0)) : "";
    PQclear(result);
    return text;
}

int session_major(const session *s)
{
    return PQserverVersion(s->connection) / 10000;
}

const char *session_version(task *t, const session *s)
{
    const char *version = PQparameterStatus(s->connection, "server_version");

    return tl_copy(t->req, version ? version : "");
}

int session_lock(task *t, session *s, const char *what, int number)
{
    const char *got = session_text(t, s, "asking for the lock",
                                   tl_format(t->req, "SELECT pg_try_advisory_lock(%d, %d)", LOCK_CLASS, number));

    if (!got)
        return TL_ERROR;
    return *got == 't' ? TL_OK : task_fail(t, "another %s is running", what);
}

const char *session_quote(task *t, const char *name)
{
    char *quoted = tl_alloc(t->req, 2 * strlen(name) + 3), *to = quoted;

    *to++ = '"';
    for (; *name; name++) {
        if (*name == '"')
            *to++ = '"';
        *to++ = *name;
    }
    *to++ = '"';
    return quoted;
}
