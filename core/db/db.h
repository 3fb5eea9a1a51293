/*
 * PostgreSQL for fibers. See DB in core/db/README.md for how statements travel.
 */
#ifndef CORE_DB_DB_H
#define CORE_DB_DB_H

#include <talelio/db.h>

struct worker;
typedef struct db db;

/*
 * Starts connecting at once; never blocks. `check` runs on every new connection before it is used, as a statement whose
 * single text value must be empty: anything else is the reason why the database cannot be used (a schema that is too
 * old), which is logged once and tried again every second. NULL: no check.
 */
db *db_new(struct worker *w, const char *check_sql);

/* Statements under way end with TL_DB_UNAVAILABLE. */
void db_free(db *d);

/* As documented in talelio/db.h. */
tl_rows *db_query(tl_request *req, const char *sql, size_t count, const char *const *params);
int db_begin(tl_request *req);
int db_commit(tl_request *req);
int db_rollback(tl_request *req);
tl_db_error db_error(const tl_request *req);
const char *db_constraint(const tl_request *req);

size_t db_row_count(const tl_rows *rows);
int64_t db_affected(const tl_rows *rows);
bool db_is_null(tl_rows *rows, size_t row, const char *column);
const char *db_text(tl_rows *rows, size_t row, const char *column);
int64_t db_integer(tl_rows *rows, size_t row, const char *column);
bool db_boolean(tl_rows *rows, size_t row, const char *column);
const char *db_time(tl_rows *rows, size_t row, const char *column);

/* Around a part of the request whose memory goes before the rest: what the request's session needs stays behind. */
void db_scope_begin(tl_request *req);
void db_scope_end(tl_request *req);

/* Takes back what the request still holds; the pool rolls back an open transaction before the next use. Never waits. */
void db_request_end(tl_request *req);

typedef enum db_state {
    DB_CONNECTING,
    DB_READY,
    DB_REFUSED, /* it answers, but wrong password, no such database, or `check` says no: db_reason tells */
    DB_AWAY,
} db_state;
db_state db_state_of(const db *d);
const char *db_reason(const db *d);

/* libpq's messages have several lines: one for each address that it tried, and, left out, its questions about the one
 * before and in the verbose form the place in the server's source. What does not fit into `size` bytes, at least 4, is
 * cut off. */
void db_message_in_one_line(const char *message, char *out, size_t size);

/* What the operator should do about a message of libpq's; NULL when nothing can be said. */
const char *db_what_to_do(const char *message);

#endif
