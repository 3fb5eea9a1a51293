/*
 * For the tests of core/db: a schema of the test's own in the real server, and many fibers at once.
 */
#ifndef TESTS_UNIT_DB_DATABASE_H
#define TESTS_UNIT_DB_DATABASE_H

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/db/db.h"
#include "core/db/private.h"
#include "core/log/log.h"
#include "tests/unit/support/fixture.h"

/* Behind the headers of talelio: its macro `fail` meets members of that name. */
#include <cmocka.h>

/* db_query with its parameters behind the text, as tl_query has them. */
#define query(req, ...) query_first_(req, __VA_ARGS__, (const char *)0)
#define query_first_(req, sql, ...)                                                                                    \
    db_query(req, sql, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *) - 1,                          \
             (const char *const[]){__VA_ARGS__})

static inline const char *schema_name(void)
{
    static char name[64];
    if (!*name)
        snprintf(name, sizeof name, "tl_test_db_%ld", (long)getpid());
    return name;
}

/* One value of the server's connection string, "" when it is not given. */
static inline const char *url_part(const char *keyword)
{
    static char values[8][512];
    static int next;
    char *out = values[next++ % 8];
    *out = '\0';
    PQconninfoOption *options = PQconninfoParse(fixture_postgres(), NULL);
    assert_non_null(options);
    for (PQconninfoOption *o = options; o->keyword; o++) {
        if (o->val && strcmp(o->keyword, keyword) == 0)
            snprintf(out, sizeof values[0], "%s", o->val);
    }
    PQconninfoFree(options);
    return out;
}

/* A connection string for the test's schema; `host` and `port` may be lists. */
static inline const char *url_at(const char *host, const char *port)
{
    static char urls[4][2048];
    static int next;
    char *url = urls[next++ % 4];
    snprintf(url, sizeof urls[0], "host='%s' port='%s' user='%s' password='%s' dbname='%s' options='-c search_path=%s'",
             host, port, url_part("user"), url_part("password"), url_part("dbname"), schema_name());
    return url;
}

static inline const char *url_of_server(void)
{
    const char *port = url_part("port");
    return url_at(url_part("host"), *port ? port : "5432");
}

/* Runs SQL past the pool, over a blocking connection of its own; the first value of the last result. */
static inline const char *sql(const char *text)
{
    static char value[256];
    PGconn *pq = PQconnectdb(url_of_server());
    PGresult *result = PQexec(pq, text);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(pq));
    snprintf(value, sizeof value, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(pq);
    return value;
}

static inline int make_schema(void **state)
{
    (void)state;
    char text[256];
    snprintf(text, sizeof text, "CREATE SCHEMA %s", schema_name());
    sql(text);
    return 0;
}

static inline int drop_schema(void **state)
{
    (void)state;
    char text[256];
    snprintf(text, sizeof text, "SET client_min_messages = warning; DROP SCHEMA %s CASCADE", schema_name());
    sql(text);
    return 0;
}

/* A worker with its pool; `check` as in db_new. */
static inline worker *open_pool(settings *s, const char *check)
{
    if (!s->postgres_url || strcmp(s->postgres_url, fixture_postgres()) == 0)
        s->postgres_url = url_of_server();
    worker *w = fixture_worker_new(s);
    w->db = db_new(w, check);
    assert_non_null(w->db);
    return w;
}

static inline void close_pool(worker *w)
{
    db_free(w->db);
    w->db = NULL;
    fixture_worker_free(w);
}

/* Turns the loop until the pool is in this state. */
static inline bool reaches(worker *w, db_state state)
{
    bool never = false;
    for (int waited = 0; waited < 20000 && db_state_of(w->db) != state; waited += 5)
        fixture_until(w, &never, 5);
    return db_state_of(w->db) == state;
}

static inline void turn_for(worker *w, int milliseconds)
{
    bool never = false;
    fixture_until(w, &never, milliseconds);
}

/* Turns the loop until all shared connections are ready; the pool itself is with the first one. */
static inline bool all_come_up(worker *w)
{
    size_t up = 0;
    for (int waited = 0; waited < 20000 && up < w->db->shared_count; waited += 5) {
        turn_for(w, 5);
        up = 0;
        for (size_t i = 0; i < w->db->shared_count; i++)
            up += w->db->shared[i].state == LINK_READY;
    }
    return up == w->db->shared_count;
}

/* Fibers of a test, each with a number; all start in the same turn of the loop. */
typedef struct crew {
    void (*run)(tl_request *req, int number, void *arg);
    void *arg;
    int started;
    int ended;
    bool done;
} crew;

typedef struct crew_member {
    crew *all;
    int number;
} crew_member;

static inline void crew_run(tl_request *req, void *arg)
{
    crew_member *member = arg;
    crew *all = member->all;
    all->run(req, member->number, all->arg);
    free(member);
    all->done = ++all->ended == all->started;
}

static inline tl_request *crew_add(worker *w, crew *all)
{
    crew_member *member = malloc(sizeof *member);
    assert_non_null(member);
    *member = (crew_member){all, all->started++};
    all->done = false;
    tl_request *req = request_new(w, 0);
    assert_non_null(req);
    assert_true(request_start(req, crew_run, member));
    return req;
}

static inline void crew_start(worker *w, crew *all, int count)
{
    for (int i = 0; i < count; i++)
        crew_add(w, all);
}

static inline void crew_wait(worker *w, crew *all)
{
    if (!all->done && !fixture_until(w, &all->done, 120000))
        fail_msg("%d of %d fibers have ended", all->ended, all->started);
}

/* How often the log says this. */
static inline int log_count(worker *w, const char *text)
{
    logger_flush(w->log);
    FILE *in = fopen(fixture_log_path(), "r");
    assert_non_null(in);
    char line[8192];
    int count = 0;
    while (fgets(line, sizeof line, in))
        count += strstr(line, text) != NULL;
    fclose(in);
    return count;
}

static inline void empty_log(worker *w)
{
    logger_flush(w->log);
    assert_int_equal(truncate(fixture_log_path(), 0), 0);
}

#endif
