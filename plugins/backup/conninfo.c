/* Addresses of databases. libpq parses them, also multi-host strings and URIs. */
#include "plugins/backup/conninfo.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of a service file: libpq reads 1024 bytes, and strips white space from its end. */
enum { LINE_MOST = 1000 };

static const char *value_problem(const char *keyword, const char *value)
{
    size_t length = strlen(value);

    if (strcmp(keyword, "service") == 0)
        return "'service' cannot be used here: write host, user and the rest";
    if (strlen(keyword) + length > LINE_MOST)
        return "a value is too long";
    if (strpbrk(value, "\r\n") || (length > 0 && isspace((unsigned char)value[length - 1])))
        return "a value contains a line break or ends in white space";
    return NULL;
}

static const char *add(conninfo *a, const char *keyword, const char *value)
{
    const char *problem = value_problem(keyword, value);

    if (problem)
        return problem;
    if (a->count == CONNINFO_MOST - 1)
        return "it has too many values";
    char *name = strdup(keyword), *copy = strdup(value);
    if (!name || !copy) {
        free(name);
        free(copy);
        return "out of memory";
    }
    a->keywords[a->count] = name;
    a->values[a->count++] = copy;
    return NULL;
}

const char *conninfo_read(conninfo *a, const char *url)
{
    const char *problem = NULL;

    *a = (conninfo){0};
    /* libpq's own message may repeat a part of the password. */
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    if (!options)
        return "expected postgresql://user:password@host:port/database, or host=… dbname=… user=…";
    for (const PQconninfoOption *o = options; o->keyword && !problem; o++)
        if (o->val && *o->val)
            problem = add(a, o->keyword, o->val);
    PQconninfoFree(options);
    if (!problem && !conninfo_value(a, "connect_timeout"))
        problem = add(a, "connect_timeout", "10");
    if (!problem && !conninfo_value(a, "keepalives_idle"))
        problem = add(a, "keepalives_idle", "60");
    if (problem)
        conninfo_free(a);
    return problem;
}

void conninfo_free(conninfo *a)
{
    for (size_t i = 0; i < a->count; i++) {
        free((char *)a->keywords[i]);
        /* It may be the password. */
        explicit_bzero((char *)a->values[i], strlen(a->values[i]));
        free((char *)a->values[i]);
    }
    *a = (conninfo){0};
}

const char *conninfo_value(const conninfo *a, const char *keyword)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->keywords[i], keyword) == 0)
            return a->values[i];
    return NULL;
}

conninfo conninfo_with(const conninfo *a, const char *database)
{
    conninfo copy = *a;

    for (size_t i = 0; i < copy.count; i++) {
        if (strcmp(copy.keywords[i], "dbname") == 0) {
            copy.values[i] = database;
            return copy;
        }
    }
    if (copy.count < CONNINFO_MOST - 1) {
        copy.keywords[copy.count] = "dbname";
        copy.values[copy.count++] = database;
    }
    return copy;
}

char *conninfo_service(const conninfo *a)
{
    static const char head[] = "[talelio]\n";
    size_t size = sizeof head;

    for (size_t i = 0; i < a->count; i++)
        size += strlen(a->keywords[i]) + strlen(a->values[i]) + 2;
    char *text = malloc(size);
    if (!text)
        return NULL;
    char *at = stpcpy(text, head);
    for (size_t i = 0; i < a->count; i++)
        at += sprintf(at, "%s=%s\n", a->keywords[i], a->values[i]);
    return text;
}
