/*
 * The database's part of a request: how its last call went.
 */
#include "core/db/private.h"

struct db_session *session_of(tl_request *req)
{
    if (!req->db) {
        req->db = arena_alloc(req->arena, sizeof *req->db);
        req->db->constraint = "";
    }
    return req->db;
}

tl_db_error db_error(const tl_request *req)
{
    return req->db ? req->db->error : TL_DB_OK;
}

const char *db_constraint(const tl_request *req)
{
    return req->db ? req->db->constraint : "";
}

void db_scope_begin(tl_request *req)
{
    session_of(req);
}

void db_scope_end(tl_request *req)
{
    /* Its text may lie in the memory that goes now. */
    session_of(req)->constraint = "";
}

int session_fail(tl_request *req, tl_db_error error)
{
    session_of(req)->error = error;
    switch (error) {
    case TL_DB_OK:
        return TL_OK;
    case TL_DB_CANCELLED:
        return TL_CANCELLED;
    case TL_DB_UNAVAILABLE:
        return TL_UNAVAILABLE;
    default:
        return TL_ERROR;
    }
}

tl_rows *session_take(tl_request *req, const char *sql, call *c, PGresult *result)
{
    if (!result) {
        session_fail(req, c->error);
        return NULL;
    }
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        return rows_new(req, result);
    case PGRES_EMPTY_QUERY:
        log_mistake(req, "an empty statement");
        session_fail(req, TL_DB_FAILED);
        break;
    default:
        error_report(req, sql, result, req->db->transaction != TRANSACTION_NONE);
    }
    PQclear(result);
    return NULL;
}
