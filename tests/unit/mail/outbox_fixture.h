/*
 * A worker with a database and the outbox table in a schema of the test's own, made from the migration itself.
 */
#ifndef TESTS_UNIT_MAIL_OUTBOX_FIXTURE_H
#define TESTS_UNIT_MAIL_OUTBOX_FIXTURE_H

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct outbox_fixture {
    settings *settings;
    worker *worker;
    PGconn *admin; /* to look behind the code under test */
    char schema[64];
    char url[2048];
} outbox_fixture;

static inline void run_sql(outbox_fixture *f, const char *sql)
{
    PGresult *result = PQexec(f->admin, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(f->admin));
    PQclear(result);
}

/* The first value of the first row; "" for NULL and for nothing. */
static inline const char *ask_sql(outbox_fixture *f, const char *sql)
{
    static char value[4096];
    PGresult *result = PQexec(f->admin, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(f->admin));
    snprintf(value, sizeof(value), "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return value;
}

static inline void apply_migration(outbox_fixture *f)
{
    char *sql = fixture_source_text("migrations/0003_mail_outbox.sql");
    run_sql(f, sql);
    free(sql);
}

/* The URL of the tests' database with this schema in front, as keywords. */
static inline void make_url(outbox_fixture *f)
{
    char *error = NULL;
    PQconninfoOption *options = PQconninfoParse(fixture_postgres(), &error);
    assert_non_null(options);
    size_t used = 0;
    for (PQconninfoOption *o = options; o->keyword; o++)
        if (o->val && strcmp(o->keyword, "options") != 0)
            used += (size_t)snprintf(f->url + used, sizeof(f->url) - used, "%s='%s' ", o->keyword, o->val);
    snprintf(f->url + used, sizeof(f->url) - used, "options='-c search_path=%s'", f->schema);
    PQconninfoFree(options);
}

static inline void ignore_notice(void *arg, const char *text)
{
    (void)arg, (void)text;
}

static inline void outbox_fixture_make(outbox_fixture *f)
{
    memset(f, 0, sizeof(*f));
    snprintf(f->schema, sizeof(f->schema), "mail_test_%d", (int)getpid());
    make_url(f);
    f->admin = PQconnectdb(f->url);
    assert_int_equal(PQstatus(f->admin), CONNECTION_OK);
    PQsetNoticeProcessor(f->admin, ignore_notice, NULL);
    char sql[200];
    snprintf(sql, sizeof(sql), "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s", f->schema, f->schema);
    run_sql(f, sql);
    apply_migration(f);
    f->settings = fixture_settings();
    f->settings->postgres_url = f->url;
    f->settings->db_wait = 5000;
    f->worker = fixture_worker_new(f->settings);
    f->worker->role = ROLE_JOBS;
    f->worker->db = db_new(f->worker, NULL);
    assert_non_null(f->worker->db);
    assert_int_equal(truncate(fixture_log_path(), 0), 0);
}

static inline void outbox_fixture_free(outbox_fixture *f)
{
    db_free(f->worker->db);
    f->worker->db = NULL;
    fixture_worker_free(f->worker);
    char sql[200];
    snprintf(sql, sizeof(sql), "DROP SCHEMA %s CASCADE", f->schema);
    run_sql(f, sql);
    PQfinish(f->admin);
}

/* Turns the loop for a while. */
static inline void turn_loop(outbox_fixture *f, int milliseconds)
{
    bool never = false;
    fixture_until(f->worker, &never, milliseconds);
}

/* Turns the loop until the answer to `sql` is `wanted`. */
static inline void until_sql(outbox_fixture *f, const char *sql, const char *wanted)
{
    for (int i = 0; i < 1500 && strcmp(ask_sql(f, sql), wanted) != 0; i++)
        turn_loop(f, 20);
    if (strcmp(ask_sql(f, sql), wanted) != 0)
        fail_msg("%s: still '%s', not '%s'", sql, ask_sql(f, sql), wanted);
    logger_flush(f->worker->log);
}

static inline int count_in_log(const char *text)
{
    FILE *file = fopen(fixture_log_path(), "r");
    assert_non_null(file);
    static char content[1 << 20];
    content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
    fclose(file);
    int count = 0;
    for (const char *p = content; (p = strstr(p, text)); p++)
        count++;
    return count;
}

#endif
