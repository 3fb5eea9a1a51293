/*
 * Servers that share a database, with a clock that the test sets: a schema of the test's own has a now() in front of
 * PostgreSQL's, so that everything that goes by the database's clock goes by the test's.
 */
#ifndef TESTS_UNIT_JOBS_SERVERS_H
#define TESTS_UNIT_JOBS_SERVERS_H

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/db/db.h"
#include "core/jobs/private.h"
#include "core/log/log.h"
#include "core/plugin/modules.h"
#include "core/worker.h"
#include "tests/unit/support/fixture.h"

#include <cmocka.h>

typedef struct server {
    settings settings;
    worker *worker;
    jobs *jobs;
    tl_job specs[2];
    tl_plugin plugin;
    tl_module module;
    module_list list;
    const char *schedule;
    const char *zone;
} server;

/* What the job does, and what it saw. One for all servers: they run in this process. */
static struct job_script {
    int runs;
    int running;
    int most;  /* at a time */
    bool hold; /* a run goes on until this is false, or until it is cancelled */
    int cancelled;
    int result;
} script;

static PGconn *admin;
static char schema[64], url[2048];

static inline int work(tl_request *req)
{
    script.runs++;
    if (++script.running > script.most)
        script.most = script.running;
    int result = TL_OK;
    while (script.hold && result == TL_OK)
        result = request_sleep(req, 1);
    script.running--;
    if (result != TL_OK)
        script.cancelled++;
    return result != TL_OK ? result : script.result;
}

static inline const char *sql(const char *text)
{
    static char value[4][1024];
    static int next;
    char *out = value[next++ % 4];
    PGresult *result = PQexec(admin, text);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(admin));
    snprintf(out, sizeof value[0], "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return out;
}

static inline void clock_set(const char *moment)
{
    char text[200];
    snprintf(text, sizeof text, "UPDATE clock SET at = '%s'", moment);
    sql(text);
}

static inline void clock_move(const char *interval)
{
    char text[200];
    snprintf(text, sizeof text, "UPDATE clock SET at = at + interval '%s'", interval);
    sql(text);
}

/* The test database with this schema in front of everything, `host` and `port` in the place of its own when given. */
static inline void make_url(char *out, size_t size, const char *host, const char *port)
{
    PQconninfoOption *options = PQconninfoParse(fixture_postgres(), NULL);
    assert_non_null(options);
    size_t used = 0;
    for (PQconninfoOption *o = options; o->keyword; o++) {
        const char *value = o->val;
        if (host && strcmp(o->keyword, "host") == 0)
            value = host;
        if (port && strcmp(o->keyword, "port") == 0)
            value = port;
        if (value && strcmp(o->keyword, "options") != 0)
            used += (size_t)snprintf(out + used, size - used, "%s='%s' ", o->keyword, value);
    }
    snprintf(out + used, size - used, "options='-c search_path=%s,pg_catalog'", schema);
    PQconninfoFree(options);
}

static inline void ignore_notice(void *arg, const char *text)
{
    (void)arg, (void)text;
}

static inline void apply_migration(void)
{
    char *text = fixture_source_text("migrations/0004_job_runs.sql");
    sql(text);
    free(text);
}

static inline int make_database(void **state)
{
    (void)state;
    snprintf(schema, sizeof schema, "jobs_test_%d", (int)getpid());
    make_url(url, sizeof url, NULL, NULL);
    admin = PQconnectdb(url);
    assert_int_equal(PQstatus(admin), CONNECTION_OK);
    PQsetNoticeProcessor(admin, ignore_notice, NULL);
    char text[600];
    snprintf(text, sizeof text,
             "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s; CREATE TABLE clock (at timestamptz);"
             " INSERT INTO clock VALUES ('2026-01-01 12:00Z');"
             " CREATE FUNCTION now() RETURNS timestamptz STABLE LANGUAGE sql AS 'SELECT at FROM %s.clock'",
             schema, schema, schema);
    sql(text);
    apply_migration();
    return 0;
}

static inline int drop_database(void **state)
{
    (void)state;
    char text[200];
    snprintf(text, sizeof text, "DROP SCHEMA %s CASCADE", schema);
    sql(text);
    PQfinish(admin);
    return 0;
}

static inline int clean_database(void **state)
{
    (void)state;
    sql("TRUNCATE job_runs, job_schedules");
    clock_set("2026-01-01 12:00Z");
    script = (struct job_script){0};
    return 0;
}

/* A jobs process, as far as it matters, whose plugin "p" has the job "work". Reached over `where` when given. */
static inline server *server_at(const char *where, const char *schedule, const char *zone_name)
{
    server *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->settings = *fixture_settings();
    s->settings.postgres_url = where ? where : url;
    s->settings.db_wait = 0;
    s->schedule = schedule;
    s->zone = zone_name;
    s->worker = fixture_worker_new(&s->settings);
    s->worker->role = ROLE_JOBS;
    s->worker->db = db_new(s->worker, NULL);
    s->specs[0] = (tl_job){"work", &s->schedule, &s->zone, work, "Works"};
    s->plugin = (tl_plugin){.name = "p", .version = "1", .jobs = s->specs};
    s->module = (tl_module){.name = "p", .plugin = &s->plugin};
    s->list = (module_list){.worker = s->worker, .first = &s->module, .count = 1};
    s->worker->modules = &s->list;
    s->jobs = jobs_new(s->worker);
    assert_non_null(s->jobs);
    s->jobs->scheduled = true;
    /* Two servers of one process would have the same name. */
    static int count;
    snprintf(s->jobs->server, sizeof s->jobs->server, "server%d", ++count);
    return s;
}

static inline server *server_new(const char *schedule, const char *zone_name)
{
    return server_at(NULL, schedule, zone_name);
}

static inline void server_free(server *s)
{
    request_cancel_all(s->worker->requests);
    for (int i = 0; i < 20000 && request_count(s->worker->requests) > 0; i++) {
        event_base_loop(s->worker->base, EVLOOP_NONBLOCK);
        usleep(1000);
    }
    jobs_free(s->jobs);
    s->worker->modules = NULL;
    db_free(s->worker->db);
    s->worker->db = NULL;
    fixture_worker_free(s->worker);
    free(s);
}

static inline void turn(server *s)
{
    event_base_loop(s->worker->base, EVLOOP_NONBLOCK);
}

static inline job *job_of(server *s)
{
    return &s->jobs->all[0];
}

/* Until the look is over and nothing waits to be begun or written down; a held run goes on. */
static inline void settle_down(server *s)
{
    job *j = job_of(s);
    for (int i = 0; i < 200000; i++) {
        turn(s);
        bool busy = s->jobs->looking || j->phase == JOB_CLAIMED || j->phase == JOB_ENDED;
        if (!busy && (j->phase != JOB_RUNNING || script.hold))
            return;
        if (i > 100)
            usleep(100);
    }
    fail_msg("the server does not come to rest");
}

/* What the timer does. */
static inline void look_once(server *s)
{
    jobs_look(s->jobs);
    settle_down(s);
}

#endif
