/*
 * tl_rows: a PGresult that lives as long as the request.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/db/private.h"

struct tl_rows {
    tl_request *req;
    PGresult *result;
    int row_count;
    int column_count;
    int expected; /* the column behind the last one asked for */
};

static void clear(void *result)
{
    PQclear(result);
}

tl_rows *rows_new(tl_request *req, PGresult *result)
{
    tl_rows *rows = arena_alloc(req->arena, sizeof *rows);
    rows->req = req;
    rows->result = result;
    rows->row_count = PQntuples(result);
    rows->column_count = PQnfields(result);
    arena_defer(req->arena, clear, result);
    request_count_memory(req, PQresultMemorySize(result));
    return rows;
}

size_t db_row_count(const tl_rows *rows)
{
    return (size_t)rows->row_count;
}

int64_t db_affected(const tl_rows *rows)
{
    return strtoll(PQcmdTuples(rows->result), NULL, 10);
}

static void mistake(tl_rows *rows, const char *what, const char *column, const char *value)
{
    log_mistake(rows->req, "%s \"%s\"%s%s", what, column, value ? " is asked for as " : " is not in the result",
                value ? value : "");
}

static int column_number(tl_rows *rows, const char *column)
{
    for (int i = 0, at = rows->expected; i < rows->column_count; i++, at++) {
        if (at >= rows->column_count)
            at = 0;
        if (strcmp(PQfname(rows->result, at), column) == 0) {
            rows->expected = at + 1;
            return at;
        }
    }
    return -1;
}

const char *db_text(tl_rows *rows, size_t row, const char *column)
{
    int at = column_number(rows, column);
    if (at < 0) {
        mistake(rows, "column", column, NULL);
        return NULL;
    }
    if (row >= (size_t)rows->row_count) {
        mistake(rows, "a row past the last one, column", column, NULL);
        return NULL;
    }
    if (PQgetisnull(rows->result, (int)row, at))
        return NULL;
    return PQgetvalue(rows->result, (int)row, at);
}

bool db_is_null(tl_rows *rows, size_t row, const char *column)
{
    return db_text(rows, row, column) == NULL;
}

int64_t db_integer(tl_rows *rows, size_t row, const char *column)
{
    const char *text = db_text(rows, row, column);
    if (!text)
        return 0;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') {
        mistake(rows, "column", column, "an integer, which it is not");
        return 0;
    }
    return value;
}

bool db_boolean(tl_rows *rows, size_t row, const char *column)
{
    const char *text = db_text(rows, row, column);
    if (!text)
        return false;
    if (strcmp(text, "t") != 0 && strcmp(text, "f") != 0) {
        mistake(rows, "column", column, "a boolean, which it is not");
        return false;
    }
    return *text == 't';
}

const char *db_time(tl_rows *rows, size_t row, const char *column)
{
    const char *text = db_text(rows, row, column);
    if (!text)
        return NULL;
    char out[28];
    if (!time_from_postgres(text, out)) {
        mistake(rows, "column", column, "a time, but is no timestamptz of the years 1 to 9999");
        return NULL;
    }
    return arena_copy_bytes(rows->req->arena, out, sizeof out - 1);
}
