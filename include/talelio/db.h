/*
 * PostgreSQL. Parameters are $1, $2 … and never part of the text of a statement.
 *
 * A statement is prepared on first use and known by its text, so the text should be a constant. Single statements share
 * a few connections; between tl_begin and tl_commit the request has one of its own. At the end of the request an open
 * transaction is rolled back.
 */
#ifndef TALELIO_DB_H
#define TALELIO_DB_H

#include "base.h"

typedef struct tl_rows tl_rows;

/* Why the last statement of a request failed. */
typedef enum tl_db_error {
    TL_DB_OK,
    TL_DB_UNAVAILABLE, /* no connection now, queue full, no answer in time, or a server out of disk or memory: 503 */
    TL_DB_CANCELLED,   /* the request has been cancelled */
    TL_DB_UNIQUE,      /* SQLSTATE 23505, 23P01 */
    TL_DB_FOREIGN_KEY, /* SQLSTATE 23503, 23001 */
    TL_DB_CHECK,       /* SQLSTATE 23514, 23502, 22001: the value is not allowed there */
    TL_DB_RETRY,       /* SQLSTATE 40001, 40P01, 55P03: a serialization failure, a deadlock, or a lock that another
                          session has; the transaction may be repeated */
    TL_DB_FAILED,      /* anything else; the log has it */
} tl_db_error;

typedef struct tl_db_api {
    size_t struct_size;
    tl_rows *(*query)(tl_request *req, const char *sql, size_t count, const char *const *params);
    int (*begin)(tl_request *req);
    int (*commit)(tl_request *req);
    int (*rollback)(tl_request *req);
    tl_db_error (*error)(const tl_request *req);
    const char *(*constraint)(const tl_request *req);
    int (*reply_error)(tl_request *req);
    size_t (*row_count)(const tl_rows *rows);
    int64_t (*affected)(const tl_rows *rows);
    bool (*is_null)(tl_rows *rows, size_t row, const char *column);
    const char *(*text)(tl_rows *rows, size_t row, const char *column);
    int64_t (*integer)(tl_rows *rows, size_t row, const char *column);
    bool (*boolean)(tl_rows *rows, size_t row, const char *column);
    const char *(*time)(tl_rows *rows, size_t row, const char *column);
} tl_db_api;

/*
 * Runs one statement. Behind the text come its parameters as strings (const char *); NULL is SQL's NULL. Numbers go in
 * by tl_format(req, "%" PRId64, n). The result, also an empty one, lives as long as the request. NULL on failure:
 * `return tl_fail_db(req)`, or ask tl_db_error_of first. May wait.
 */
#define tl_query(req, ...) tl_query_first_(req, __VA_ARGS__, (const char *)0)
#define tl_query_first_(req, sql, ...)                                                                                 \
    tl_query_list(req, sql, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *) - 1,                     \
                  (const char *const[]){__VA_ARGS__})

/* The same with the parameters in an array. May wait. */
static inline tl_rows *tl_query_list(tl_request *req, const char *sql, size_t count, const char *const *params)
{
    return tl_the_host->db->query(req, sql, count, params);
}

/* Opens a transaction (READ COMMITTED) on a connection of its own. May wait. TL_OK, TL_UNAVAILABLE, TL_CANCELLED,
 * TL_ERROR. */
static inline int tl_begin(tl_request *req)
{
    return tl_the_host->db->begin(req);
}

/* Commits. After anything but TL_OK the transaction counts as rolled back, unless the connection broke in COMMIT
 * itself. May wait. */
static inline int tl_commit(tl_request *req)
{
    return tl_the_host->db->commit(req);
}

/* Rolls back; without a transaction it does nothing. May wait. */
static inline int tl_rollback(tl_request *req)
{
    return tl_the_host->db->rollback(req);
}

/* Why the last call failed; TL_DB_OK when it did not. Does not wait. */
static inline tl_db_error tl_db_error_of(const tl_request *req)
{
    return tl_the_host->db->error(req);
}

/* The constraint that the last failed statement violated, "" when none. Does not wait. */
static inline const char *tl_db_constraint(const tl_request *req)
{
    return tl_the_host->db->constraint(req);
}

/* Answers for a failed database call: 503 with Retry-After when unavailable, 500 otherwise. Does not wait. */
static inline int tl_fail_db(tl_request *req)
{
    return tl_the_host->db->reply_error(req);
}

/* The number of rows in the result. */
static inline size_t tl_row_count(const tl_rows *rows)
{
    return tl_the_host->db->row_count(rows);
}

/* The number of rows that INSERT, UPDATE, DELETE touched. */
static inline int64_t tl_rows_affected(const tl_rows *rows)
{
    return tl_the_host->db->affected(rows);
}

/*
 * The columns of a row, by name; they live as long as the request. A row or column that is not there is a mistake of
 * the plugin: it is logged, and reads as NULL. Asking in the order of the SELECT list is fastest.
 */

static inline bool tl_row_is_null(tl_rows *rows, size_t row, const char *column)
{
    return tl_the_host->db->is_null(rows, row, column);
}

/* The value as PostgreSQL writes it; NULL for SQL's NULL. */
static inline const char *tl_row_text(tl_rows *rows, size_t row, const char *column)
{
    return tl_the_host->db->text(rows, row, column);
}

/* An integer; 0 for SQL's NULL. */
static inline int64_t tl_row_int(tl_rows *rows, size_t row, const char *column)
{
    return tl_the_host->db->integer(rows, row, column);
}

/* A boolean; false for SQL's NULL. */
static inline bool tl_row_bool(tl_rows *rows, size_t row, const char *column)
{
    return tl_the_host->db->boolean(rows, row, column);
}

/* A timestamptz as RFC 3339 in UTC with microseconds; NULL for SQL's NULL. */
static inline const char *tl_row_time(tl_rows *rows, size_t row, const char *column)
{
    return tl_the_host->db->time(rows, row, column);
}

#endif
