/*
 * Applying migrations. One connection, one advisory lock for all of it, one transaction a file; the record is written
 * in the same transaction, before the file's statements, because these may change what names mean.
 */
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/db/db.h"
#include "core/migrate/parts.h"

/* Any number that nobody else takes: "talelio" in ASCII. */
#define LOCK "32758080411330927"

typedef struct run {
    const migration_list *list;
    PGconn *db;
    FILE *out;
    bool is_lost; /* what failed left the connection unusable */
} run;

static bool complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line on stderr. Returns false, for `return complain(…)`. */
static bool complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("talelio migrate: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return false;
}

/* libpq's messages may have several lines: the first, without the word before it. */
static const char *first_line(arena *memory, const char *message)
{
    while (*message == '\n' || *message == ' ')
        message++;
    if (strncmp(message, "ERROR:  ", 8) == 0)
        message += 8;
    return arena_copy_bytes(memory, message, strcspn(message, "\n"));
}

static bool is_done(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

/* A statement of our own: that it fails is not the fault of a file. */
static bool execute(run *r, const char *sql)
{
    PGresult *result = PQexec(r->db, sql);
    bool is_fine = is_done(result);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    bool is_forbidden = state && strcmp(state, "42501") == 0;
    if (!is_fine)
        complain("%s%s", first_line(r->list->memory, PQerrorMessage(r->db)),
                 is_forbidden ? ": let the user of [postgres] url own the database, or GRANT the right" : "");
    PQclear(result);
    return is_fine;
}

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static bool connect_to(run *r, const char *url)
{
    /* What the address says itself comes last and wins. */
    static const char *const names[] = {"connect_timeout", "application_name", "client_encoding", "dbname", NULL};
    const char *values[] = {"10", "talelio migrate", "UTF8", url, NULL};
    PQconninfoOption *parsed = PQconninfoParse(url, NULL);
    if (!parsed)
        return complain("[postgres] url is not an address that PostgreSQL understands: expected "
                        "postgresql://user:password@host:port/database");
    PQconninfoFree(parsed);
    r->db = PQconnectdbParams(names, values, 1);
    if (PQstatus(r->db) != CONNECTION_OK) {
        char message[1024];
        db_message_in_one_line(PQerrorMessage(r->db), message, sizeof message);
        const char *hint = db_what_to_do(message);
        return complain("%s: %s", message, hint ? hint : "is PostgreSQL running there? Check [postgres] url");
    }
    if (PQserverVersion(r->db) < 140000)
        return complain("PostgreSQL 14 or later is needed, this one is %d", PQserverVersion(r->db) / 10000);
    PQsetNoticeProcessor(r->db, ignore_notice, NULL);
    return true;
}

/* Also after every file: what it has SET must not reach the next one. */
static bool reset_session(run *r)
{
    return execute(
        r, "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; SET statement_timeout = 0; SET lock_timeout = 0;"
           " SET idle_in_transaction_session_timeout = 0");
}

static bool take_lock(run *r)
{
    PGresult *result = PQexec(r->db, "SELECT pg_try_advisory_lock(" LOCK ")");
    bool is_free = is_done(result) && strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    PQclear(result);
    if (is_free)
        return true;
    fprintf(r->out, "Waiting for another migration to end\n");
    fflush(r->out);
    return execute(r, "SELECT pg_advisory_lock(" LOCK ")");
}

static bool make_table(run *r)
{
    return execute(r, "CREATE TABLE IF NOT EXISTS schema_migration ("
                      "owner text NOT NULL, number int NOT NULL, name text NOT NULL, checksum text NOT NULL,"
                      " applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (owner, number))");
}

static const migration *find(const migration_list *list, const char *owner_name, int number)
{
    const migration *m;
    STAILQ_FOREACH(m, &list->migrations, next)
    {
        if (m->number == number && strcmp(m->owner, owner_name) == 0)
            return m;
    }
    return NULL;
}

static bool is_known(const migration_list *list, const char *owner_name)
{
    const owner *o;
    STAILQ_FOREACH(o, &list->owners, next)
    {
        if (strcmp(o->name, owner_name) == 0)
            return true;
    }
    return false;
}

/* What has been applied, and whether it is what the files say. NULL when it is not. */
static PGresult *read_applied(run *r)
{
    PGresult *rows = PQexec(r->db, "SELECT owner, number, name, checksum FROM schema_migration ORDER BY owner, number");
    bool is_fine = is_done(rows);
    if (!is_fine)
        complain("%s", first_line(r->list->memory, PQerrorMessage(r->db)));
    for (int i = 0; is_fine && i < PQntuples(rows); i++) {
        const char *owner_name = PQgetvalue(rows, i, 0);
        const migration *m = find(r->list, owner_name, atoi(PQgetvalue(rows, i, 1)));
        if (!m && is_known(r->list, owner_name))
            is_fine = complain("database has migration %s of %s unknown to this server: it was made by a newer version",
                               PQgetvalue(rows, i, 2), owner_name);
        else if (m && strcmp(m->checksum, PQgetvalue(rows, i, 3)) != 0)
            is_fine = complain("%s was changed after it was applied: put the file back as it was, and write a new "
                               "migration",
                               m->path);
    }
    if (is_fine)
        return rows;
    PQclear(rows);
    return NULL;
}

static bool is_applied(const PGresult *rows, const migration *m)
{
    for (int i = 0; i < PQntuples(rows); i++)
        if (strcmp(PQgetvalue(rows, i, 0), m->owner) == 0 && atoi(PQgetvalue(rows, i, 1)) == m->number)
            return true;
    return false;
}

/* The line that an error is in: PostgreSQL counts characters from the start of the statement. */
static int line_of_error(const statement *st, const PGresult *result)
{
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    long left = position ? strtol(position, NULL, 10) - 1 : 0;
    int line = st->line;
    for (const char *at = st->text; left > 0 && at < st->text + st->length; at++) {
        line += *at == '\n';
        left -= ((unsigned char)at[1] & 0xc0) != 0x80;
    }
    return line;
}

static bool refuse(run *r, const migration *m, const statement *st, const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
        r->is_lost = true;
        return complain("%s:%d: COPY from or to the client is not possible here: write INSERT", m->path, st->line);
    }
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    if (!message)
        message = first_line(r->list->memory, PQerrorMessage(r->db));
    int line = line_of_error(st, result);
    if (state && strcmp(state, "25001") == 0)
        return complain("%s:%d: %s: every migration runs in a transaction, so this cannot be part of one", m->path,
                        line, message);
    return complain("%s:%d: %s%s%s", m->path, line, message, detail ? ": " : "", detail ? detail : "");
}

static bool run_statement(run *r, const migration *m, const statement *st)
{
    PGresult *result = PQexec(r->db, arena_copy_bytes(r->list->memory, st->text, st->length));
    bool is_fine = is_done(result) || refuse(r, m, st, result);
    PQclear(result);
    if (is_fine && PQtransactionStatus(r->db) != PQTRANS_INTRANS)
        is_fine = complain("%s:%d: this has ended the transaction; check by hand what was applied", m->path, st->line);
    return is_fine;
}

static bool run_file(run *r, const migration *m, bool is_dry)
{
    scanner s = {.at = m->sql};
    for (;;) {
        statement st;
        switch (sql_scan(&s, &st)) {
        case SCAN_END:
            return true;
        case SCAN_STATEMENT:
            if (!is_dry && !run_statement(r, m, &st))
                return false;
            break;
        case SCAN_TRANSACTION:
            return complain("%s:%d: BEGIN, COMMIT and ROLLBACK do not belong in a migration: it is one transaction",
                            m->path, st.line);
        case SCAN_PSQL:
            return complain("%s:%d: commands of psql (\\…) are not supported: only SQL is", m->path, st.line);
        case SCAN_OPEN:
            return complain("%s:%d: the quote or comment that begins here is not closed", m->path, st.line);
        }
    }
}

static bool record(run *r, const migration *m)
{
    const char *number = arena_format(r->list->memory, "%d", m->number);
    const char *params[] = {m->owner, number, m->name, m->checksum};
    PGresult *result = PQexecParams(r->db,
                                    "INSERT INTO schema_migration (owner, number, name, checksum)"
                                    " VALUES ($1, $2, $3, $4)",
                                    4, NULL, params, NULL, NULL, 0);
    bool is_fine = is_done(result);
    if (!is_fine)
        complain("%s: cannot be recorded: %s", m->path, first_line(r->list->memory, PQerrorMessage(r->db)));
    PQclear(result);
    return is_fine;
}

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool apply(run *r, const migration *m)
{
    int64_t start = milliseconds();
    /* All of the file is looked at before anything of it runs. */
    if (!run_file(r, m, true) || !execute(r, "BEGIN"))
        return false;
    if (!record(r, m) || !run_file(r, m, false)) {
        if (!r->is_lost)
            PQclear(PQexec(r->db, "ROLLBACK"));
        return false;
    }
    if (!execute(r, "COMMIT"))
        return complain("%s: could not be committed", m->path);
    fprintf(r->out, "%s %s applied in %" PRId64 " ms\n", m->owner, m->name, milliseconds() - start);
    fflush(r->out);
    return reset_session(r);
}

static bool apply_all(run *r)
{
    bool is_fine = true;
    int count = 0;
    PGresult *rows = read_applied(r);
    if (!rows)
        return false;
    const migration *m;
    STAILQ_FOREACH(m, &r->list->migrations, next)
    {
        if (!is_fine || is_applied(rows, m))
            continue;
        is_fine = apply(r, m);
        count++;
    }
    PQclear(rows);
    if (is_fine && count == 0)
        fprintf(r->out, "The database is up to date\n");
    return is_fine;
}

int migrate_run(const migration_list *list, const char *postgres_url, FILE *out)
{
    run r = {.list = list, .out = out};
    bool is_fine =
        connect_to(&r, postgres_url) && reset_session(&r) && take_lock(&r) && make_table(&r) && apply_all(&r);
    PQfinish(r.db);
    return is_fine ? 0 : 1;
}
