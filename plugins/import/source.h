/*
 * The database of the earlier service, read only. Everything here waits for it in the blocking pool.
 */
#ifndef PLUGINS_IMPORT_SOURCE_H
#define PLUGINS_IMPORT_SOURCE_H

#include <libpq-fe.h>
#include <talelio/talelio.h>

typedef struct source {
    PGconn *connection; /* NULL while closed */
    const char *error;  /* why a call failed, for the operator; without a secret */
} source;

/*
 * Connects, and opens a transaction that sees the database as it is at this moment. Times without a zone are those of
 * Berlin there. May wait. TL_OK, or below zero: `error` says why.
 */
int source_open(tl_request *req, source *s, const char *url);

/* Does not fail, and may be called twice. */
void source_close(source *s);

/*
 * Up to `SOURCE_PAGE` rows of a statement whose $1 is the last id seen. The result goes with the request, or the scope.
 * NULL: `error` says why. May wait.
 */
enum { SOURCE_PAGE = 100 };
PGresult *source_page(tl_request *req, source *s, const char *sql, int64_t after);

/* A value of a result by its column's name; NULL for SQL's NULL. */
const char *source_text(const PGresult *rows, int row, const char *column);
int64_t source_int(const PGresult *rows, int row, const char *column);
bool source_bool(const PGresult *rows, int row, const char *column);

#endif
