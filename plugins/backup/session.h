/*
 * A connection to PostgreSQL of the task's own. The host's connections are for short statements of one database; here a
 * transaction stays open for as long as a dump takes, databases are made and dropped, and errors are told in full.
 */
#ifndef PLUGINS_BACKUP_SESSION_H
#define PLUGINS_BACKUP_SESSION_H

#include <libpq-fe.h>

#include "plugins/backup/backup.h"
#include "plugins/backup/conninfo.h"

typedef struct session {
    PGconn *connection;
    int pause;
} session;

/* Connects; the connection is closed with the request at the latest. May wait. */
int session_open(task *t, const conninfo *a, session **made);
void session_close(session *s);

/*
 * Runs one statement. The result is the caller's to PQclear; NULL with the task's reason when it failed. `what` says in
 * it what was being done. May wait.
 */
PGresult *session_query(task *t, session *s, const char *what, const char *sql, int count, const char *const *values);

/* The same for a statement without a result. */
int session_run(task *t, session *s, const char *what, const char *sql);

/* The first value of the result, "" for none; lives as long as the request. NULL when the statement failed. */
const char *session_text(task *t, session *s, const char *what, const char *sql);

/* The server's major version, and its version as text. */
int session_major(const session *s);
const char *session_version(task *t, const session *s);

/* One backup or drill at a time in this database; TL_ERROR with the reason when another one has the lock. */
int session_lock(task *t, session *s, const char *what, int number);

/* A name in double quotes, as SQL needs it; lives as long as the request. */
const char *session_quote(task *t, const char *name);

#endif
