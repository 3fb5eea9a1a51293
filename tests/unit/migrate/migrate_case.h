/*
 * A folder with an ini file and SQL files, and a database that is made for one test and dropped after it.
 */
#ifndef TESTS_UNIT_MIGRATE_MIGRATE_CASE_H
#define TESTS_UNIT_MIGRATE_MIGRATE_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <libpq-fe.h>

#include "core/migrate/migrate.h"
#include "tests/unit/support/fixture.h"

typedef struct migrate_case {
    char folder[40];
    char database[40];
    char url[1024];
    problems *found;
    config *c;
    settings s;
    migration_list *list;
    PGconn *db;
    char *said;       /* by the last run, on its FILE */
    char *complained; /* by the last run, on stderr */
} migrate_case;

static inline void case_file(const migrate_case *t, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", t->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline void case_remove(const migrate_case *t, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", t->folder, name);
    assert_int_equal(unlink(path), 0);
}

/* `url` with another database. */
static inline void case_url(char *to, size_t size, const char *url, const char *database)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    assert_non_null(options);
    int length = snprintf(to, size, "dbname=%s", database);
    for (PQconninfoOption *o = options; o->keyword; o++)
        if (o->val && strcmp(o->keyword, "dbname") != 0)
            length += snprintf(to + length, size - (size_t)length, " %s='%s'", o->keyword, o->val);
    PQconninfoFree(options);
}

static inline void case_admin(const char *sql)
{
    PGconn *admin = PQconnectdb(fixture_postgres());
    PGresult *result = PQexec(admin, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fprintf(stderr, "%s", PQerrorMessage(admin));
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
    PQfinish(admin);
}

/* The single text that a statement answers; the caller frees it. With parameters, as the server asks it. */
static inline char *case_ask(migrate_case *t, const char *sql)
{
    PGresult *result = PQexecParams(t->db, sql, 0, NULL, NULL, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fprintf(stderr, "%s", PQerrorMessage(t->db));
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    assert_int_equal(PQntuples(result), 1);
    char *text = strdup(PQgetvalue(result, 0, 0));
    PQclear(result);
    return text;
}

static inline void assert_answer(migrate_case *t, const char *sql, const char *expected)
{
    char *text = case_ask(t, sql);
    assert_string_equal(text, expected);
    free(text);
}

static inline void case_do(migrate_case *t, const char *sql)
{
    PGresult *result = PQexec(t->db, sql);
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
}

/* Reads the files anew; problems since the last time are forgotten. */
static inline void case_load_list(migrate_case *t)
{
    migration_list_free(t->list);
    problems_free(t->found);
    t->found = problems_new();
    t->list = migration_list_load(t->c, &t->s, t->found);
}

static inline void case_load(migrate_case *t)
{
    case_load_list(t);
    problems_print(t->found, stderr);
    assert_int_equal(problems_count(t->found), 0);
}

static inline int case_run_url(migrate_case *t, const char *url)
{
    free(t->said);
    free(t->complained);
    t->said = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&t->said, &length);
    FILE *errors = tmpfile();
    assert_non_null(errors);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    dup2(fileno(errors), STDERR_FILENO);
    int code = migrate_run(t->list, url, out);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    fclose(out);
    t->complained = calloc(1, 4096);
    rewind(errors);
    assert_true(fread(t->complained, 1, 4095, errors) < 4095);
    fclose(errors);
    return code;
}

/* Reads the files and applies them. */
static inline int case_run(migrate_case *t)
{
    case_load(t);
    return case_run_url(t, t->url);
}

static inline void assert_complaint(const migrate_case *t, const char *part)
{
    if (!strstr(t->complained, part))
        fprintf(stderr, "expected: %s\nfound:    %s", part, t->complained);
    assert_non_null(strstr(t->complained, part));
    /* One line. */
    assert_ptr_equal(strchr(t->complained, '\n'), t->complained + strlen(t->complained) - 1);
}

/* The sections of plugins are `ini`; the files are in sql/, notes/ and more/. */
static inline void case_begin(migrate_case *t, const char *ini)
{
    char path[128];
    memset(t, 0, sizeof *t);
    strcpy(t->folder, "/tmp/talelio-migrate-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    const char *const folders[] = {"sql", "notes", "more"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", t->folder, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(path, sizeof path, "%s/talelio.ini", t->folder);
    case_file(t, "talelio.ini", "[server]\nmigrations_dir = sql\n[postgres]\nurl = postgresql:///x\n");
    FILE *file = fopen(path, "a");
    fputs(ini, file);
    fclose(file);
    t->found = problems_new();
    t->c = config_load(path, NULL, t->found);
    assert_true(config_bind_core(t->c, &t->s, t->found));
}

static inline void case_begin_database(migrate_case *t, const char *ini)
{
    char sql[128];
    case_begin(t, ini);
    snprintf(t->database, sizeof t->database, "talelio_migrate_%d", (int)getpid());
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", t->database);
    case_admin(sql);
    case_url(t->url, sizeof t->url, fixture_postgres(), t->database);
    t->db = PQconnectdb(t->url);
    assert_int_equal(PQstatus(t->db), CONNECTION_OK);
}

static inline void case_end(migrate_case *t)
{
    char command[128];
    PQfinish(t->db);
    if (*t->database) {
        snprintf(command, sizeof command, "DROP DATABASE %s WITH (FORCE)", t->database);
        case_admin(command);
    }
    free(t->said);
    free(t->complained);
    migration_list_free(t->list);
    config_free(t->c);
    problems_free(t->found);
    snprintf(command, sizeof command, "rm -r '%s'", t->folder);
    assert_int_equal(system(command), 0);
}

#endif
