/*
 * See source.h.
 */
#include "plugins/import/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct connecting {
    const char *url;
    PGconn *connection;
    PGresult *begun;
} connecting;

static void run_connect(void *arg)
{
    connecting *c = arg;
    /* What stands in `dbname` comes later and so first: only what it does not say is decided here. */
    const char *const keywords[] = {"connect_timeout", "keepalives_idle", "fallback_application_name",
                                    "dbname",          "client_encoding", NULL};
    const char *const values[] = {"10", "60", "talelio import", c->url, "UTF8", NULL};

    c->connection = PQconnectdbParams(keywords, values, 1);
    if (PQstatus(c->connection) == CONNECTION_OK)
        c->begun = PQexec(c->connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                                         "SET LOCAL TIME ZONE 'Europe/Berlin'; SET LOCAL DateStyle = 'ISO'");
}

/* The first line of libpq's message. */
static const char *first_line(tl_request *req, const char *message)
{
    return tl_copy_bytes(req, message, strcspn(message, "\n"));
}

static int fail(tl_request *req, source *s, const char *message)
{
    s->error = tl_format(req, "the earlier service's database: %s", message);
    return TL_ERROR;
}

int source_open(tl_request *req, source *s, const char *url)
{
    connecting *c = tl_alloc(req, sizeof *c);

    /* The message of a string that cannot be read may repeat a part of the password. */
    PQconninfoOption *parsed = PQconninfoParse(url, NULL);
    if (!parsed)
        return fail(req, s,
                    "expected database_url like postgresql://user:password@host:port/database, or host=… dbname=…");
    PQconninfoFree(parsed);
    c->url = url;
    if (tl_blocking(req, run_connect, c) != TL_OK)
        return fail(req, s, "there was no time to connect");
    s->connection = c->connection;
    bool is_open = PQresultStatus(c->begun) == PGRES_COMMAND_OK;
    PQclear(c->begun);
    if (is_open)
        return TL_OK;
    fail(req, s, first_line(req, PQerrorMessage(s->connection)));
    source_close(s);
    return TL_ERROR;
}

void source_close(source *s)
{
    PQfinish(s->connection);
    s->connection = NULL;
}

typedef struct asking {
    PGconn *connection;
    const char *sql;
    const char *after;
    PGresult *result;
} asking;

static void run_query(void *arg)
{
    asking *a = arg;

    a->result = PQexecParams(a->connection, a->sql, 1, NULL, &a->after, NULL, NULL, 0);
}

static void clear(void *result)
{
    PQclear(result);
}

PGresult *source_page(tl_request *req, source *s, const char *sql, int64_t after)
{
    asking *a = tl_alloc(req, sizeof *a);

    *a = (asking){.connection = s->connection, .sql = sql, .after = tl_format(req, "%" PRId64, after)};
    if (tl_blocking(req, run_query, a) != TL_OK) {
        fail(req, s, "there was no time to ask it");
        return NULL;
    }
    if (PQresultStatus(a->result) != PGRES_TUPLES_OK) {
        fail(req, s, first_line(req, PQerrorMessage(s->connection)));
        PQclear(a->result);
        return NULL;
    }
    tl_defer(req, clear, a->result);
    return a->result;
}

const char *source_text(const PGresult *rows, int row, const char *column)
{
    int number = PQfnumber(rows, column);

    return PQgetisnull(rows, row, number) ? NULL : PQgetvalue(rows, row, number);
}

int64_t source_int(const PGresult *rows, int row, const char *column)
{
    const char *text = source_text(rows, row, column);

    return text ? strtoll(text, NULL, 10) : 0;
}

bool source_bool(const PGresult *rows, int row, const char *column)
{
    const char *text = source_text(rows, row, column);

    return text && *text == 't';
}
