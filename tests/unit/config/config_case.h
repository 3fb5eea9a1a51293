/*
 * A configuration in a temporary folder, loaded, with the problems found on the way.
 */
#ifndef TESTS_UNIT_CONFIG_CONFIG_CASE_H
#define TESTS_UNIT_CONFIG_CONFIG_CASE_H

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

#include "core/config/config.h"

/* What the core needs to be complete. */
#define ENOUGH "[postgres]\nurl = postgresql://app@127.0.0.1/app\n"

typedef struct config_case {
    char folder[40];
    char ini[60];
    char env[60];
    problems *found;
    config *c;
    settings s;
} config_case;

static inline void case_write(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static inline void case_folder(config_case *t)
{
    memset(t, 0, sizeof *t);
    strcpy(t->folder, "/tmp/talelio-config-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    snprintf(t->ini, sizeof t->ini, "%s/talelio.ini", t->folder);
    snprintf(t->env, sizeof t->env, "%s/env", t->folder);
    t->found = problems_new();
}

/* `length` counts where the text has a NUL in it. */
static inline void case_load_bytes(config_case *t, const char *ini, size_t length, const char *env)
{
    case_folder(t);
    case_write(t->ini, ini, length);
    if (env)
        case_write(t->env, env, strlen(env));
    t->c = config_load(t->ini, t->env, t->found);
}

static inline void case_load(config_case *t, const char *ini, const char *env)
{
    case_load_bytes(t, ini, strlen(ini), env);
}

static inline bool case_bind(config_case *t, const char *ini, const char *env)
{
    case_load(t, ini, env);
    assert_non_null(t->c);
    return config_bind_core(t->c, &t->s, t->found);
}

static inline void case_end(config_case *t)
{
    config_free(t->c);
    problems_free(t->found);
    unlink(t->ini);
    unlink(t->env);
    assert_int_equal(rmdir(t->folder), 0);
}

/* The one problem that there is, from behind the folder's name on. */
static inline void assert_only_problem(const config_case *t, const char *expected)
{
    if (problems_count(t->found) != 1)
        problems_print(t->found, stderr);
    assert_int_equal(problems_count(t->found), 1);
    const char *text = problems_text(t->found, 0);
    size_t folder = strlen(t->folder) + 1;
    if (strncmp(text, t->folder, folder - 1) == 0)
        text += folder;
    if (strncmp(text, expected, strlen(expected)) != 0)
        fprintf(stderr, "expected: %s\nfound:    %s\n", expected, text);
    assert_memory_equal(text, expected, strlen(expected));
}

static inline void assert_no_problem(const config_case *t)
{
    problems_print(t->found, stderr);
    assert_int_equal(problems_count(t->found), 0);
}

static inline bool has_problem(const config_case *t, const char *part)
{
    for (size_t i = 0; i < problems_count(t->found); i++)
        if (strstr(problems_text(t->found, i), part))
            return true;
    return false;
}

/* What config_print says; the caller frees it. Inlined, gcc 12 takes the result for a pointer to the variable. */
static __attribute__((noinline, unused)) char *case_printed(const config_case *t)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    config_print(t->c, out);
    fclose(out);
    return text;
}

#endif
