/*
 * What a failed statement means to a request, and what of it goes into the log: never parameters, and no DETAIL, which
 * quotes the values of rows.
 */
#include <ctype.h>
#include <string.h>

#include "core/db/private.h"

tl_db_error error_of_state(const char *sqlstate, bool is_fatal)
{
    /* The first that fits counts. */
    static const struct {
        const char *prefix; /* a SQLSTATE, or the class it begins with */
        tl_db_error error;
    } known[] = {
        {"23505", TL_DB_UNIQUE},      {"23P01", TL_DB_UNIQUE}, /* an exclusion constraint: another row is in the way,
                                                                  too */
        {"23503", TL_DB_FOREIGN_KEY}, {"23001", TL_DB_FOREIGN_KEY}, /* ON DELETE RESTRICT, from PostgreSQL 18 on */
        {"23514", TL_DB_CHECK},       {"23502", TL_DB_CHECK},       {"22001", TL_DB_CHECK}, {"40001", TL_DB_RETRY},
        {"40P01", TL_DB_RETRY},       {"55P03", TL_DB_RETRY}, /* lock_timeout, NOWAIT: nothing has happened yet */
        {"08P01", TL_DB_FAILED},      /* of a session that goes on: parameters that do not fit the statement */
        {"08", TL_DB_UNAVAILABLE},    /* a connection, or that of a foreign server behind the database */
        {"57P", TL_DB_UNAVAILABLE},   /* shutting down, starting up */
        {"57014", TL_DB_UNAVAILABLE}, /* statement_timeout */
        {"53400", TL_DB_FAILED},      /* temp_file_limit and the like: the statement itself wants too much */
        {"53", TL_DB_UNAVAILABLE},    /* disk full, out of memory, too many connections */
        {"25006", TL_DB_UNAVAILABLE}, /* read-only: a standby, or a primary that has become one */
    };
    /* Without a SQLSTATE libpq has made it itself. Either way the connection is gone. */
    if (!sqlstate || is_fatal)
        return TL_DB_UNAVAILABLE;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strncmp(sqlstate, known[i].prefix, strlen(known[i].prefix)) == 0)
            return known[i].error;
    }
    return TL_DB_FAILED;
}

/* FATAL and PANIC end the session. */
static bool is_fatal(const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

tl_db_error error_of(const PGresult *result)
{
    return error_of_state(PQresultErrorField(result, PG_DIAG_SQLSTATE), is_fatal(result));
}

bool error_is_stale(const PGresult *result)
{
    /* Both come from the server looking up a prepared statement; elsewhere the same codes mean other things. */
    static const char *const stale[][2] = {{"26000", "FetchPreparedStatement"}, {"0A000", "RevalidateCachedQuery"}};
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    if (!state)
        return false;
    for (size_t i = 0; i < sizeof stale / sizeof *stale; i++) {
        if (strcmp(state, stale[i][0]) == 0 && (!function || strcmp(function, stale[i][1]) == 0))
            return true;
    }
    return false;
}

void db_message_in_one_line(const char *message, char *out, size_t size)
{
    size_t length = 0;
    while (*message && length < size - 3) {
        size_t line = strcspn(message, "\n");
        bool skip = line == 0 || *message == '\t' || strncmp(message, "LOCATION:", 9) == 0;
        if (!skip && length > 0) {
            memcpy(out + length, "; ", 2);
            length += 2;
        }
        for (size_t i = 0; !skip && i < line && length < size - 3; i++)
            out[length++] = isspace((unsigned char)message[i]) ? ' ' : message[i];
        message += line + (message[line] == '\n');
    }
    out[length] = '\0';
}

const char *db_what_to_do(const char *message)
{
    static const struct {
        const char *first, *second, *hint;
    } known[] = {
        {"password authentication failed", "", "check user and password in [postgres] url"},
        {"no password supplied", "", "check user and password in [postgres] url"},
        {"database \"", "does not exist", "make it with createdb, or correct [postgres] url"},
        {"role \"", "does not exist", "make it with createuser, or correct [postgres] url"},
        {"no pg_hba.conf entry", "", "PostgreSQL's pg_hba.conf does not let this user in from here"},
        {"certificate", "", "check sslmode, sslrootcert and the host in [postgres] url"},
        {"server does not support SSL", "", "switch ssl on in PostgreSQL, or correct sslmode in [postgres] url"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strstr(message, known[i].first) && strstr(message, known[i].second))
            return known[i].hint;
    return NULL;
}

static void log_failure(tl_request *req, tl_db_error error, const char *sql, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!state || is_fatal(result))
        return; /* the connection's own trouble is told once for all statements */
    if (error == TL_DB_UNIQUE || error == TL_DB_FOREIGN_KEY || error == TL_DB_CHECK)
        return;
    if (!message)
        message = "";
    /* Class 22, data exceptions, quotes the value behind a colon. */
    int length = (int)(strncmp(state, "22", 2) == 0 ? strcspn(message, ":\"") : strlen(message));
    tl_level level = error == TL_DB_RETRY ? TL_WARNING : TL_LOG_ERROR;
    logger_write(req->worker->log, level, request_plugin(req), req, "statement failed: %s %.*s: %.1000s", state, length,
                 message, sql);
}

void error_report(tl_request *req, const char *sql, const PGresult *result, bool in_transaction)
{
    struct db_session *session = req->db;
    session->error = error_of(result);
    /* Outside a transaction the pool has repeated it already. */
    if (in_transaction && error_is_stale(result))
        session->error = TL_DB_RETRY;
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    if (constraint)
        session->constraint = arena_copy(req->arena, constraint);
    log_failure(req, session->error, sql, result);
}
