/*
 * Sums over tables: of each row's text the first 64 bits of its MD5, added up, so that the order of rows does not
 * matter and a row that is there twice counts twice. It is no protection from forgery; the seal of the manifest is.
 */
#include "plugins/backup/contents.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is read of a table at once, with what is kept outside of its rows; and a page of it. */
enum { READ_AT_ONCE = 256 << 10, PAGE = 8192 };

/* Ordinary tables, partitions among them; not what belongs to extensions, which the dump makes anew. */
static const char select_tables[] =
    "SELECT format('%I.%I', n.nspname, c.relname), pg_relation_size(c.oid), pg_table_size(c.oid)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema'"
    " AND n.nspname NOT LIKE 'pg\\_%' AND NOT EXISTS (SELECT FROM pg_depend d"
    "  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')"
    " ORDER BY format('%I.%I', n.nspname, c.relname) COLLATE \"C\"";

/* (row.*), because a column may have the name of any alias. */
static const char sum_rows[] =
    "SELECT count(*), $1::numeric + coalesce(sum(('x' || left(md5((talelio_row.*)::text), 16))::bit(64)::bigint), 0)"
    " FROM ONLY %s talelio_row WHERE talelio_row.ctid >= $2::tid AND talelio_row.ctid < $3::tid";

/* A table in pieces. */
typedef struct extent {
    int64_t pages, step, bytes;
} extent;

static extent extent_of(const char *pages_size, const char *whole_size)
{
    int64_t pages = strtoll(pages_size, NULL, 10) / PAGE, bytes = strtoll(whole_size, NULL, 10);
    int64_t step = pages / (bytes / READ_AT_ONCE + 1);

    return (extent){.pages = pages, .step = step > 0 ? step : 1, .bytes = bytes};
}

/* The rows on these pages; `end` -1: to the last. `sum` goes on. */
static int sum_pages(task *t, session *s, const char *what, table_sum *table, int64_t first, int64_t end, char sum[64])
{
    char sql[1024], from[32], to[32];
    const char *values[] = {sum, from, to};

    snprintf(sql, sizeof sql, sum_rows, table->name);
    snprintf(from, sizeof from, "(%" PRId64 ",0)", first);
    /* No page has this number. */
    snprintf(to, sizeof to, "(%" PRId64 ",0)", end < 0 ? INT64_C(4294967295) : end);
    PGresult *result = session_query(t, s, what, sql, 3, values);
    if (!result)
        return TL_ERROR;
    table->rows += strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    snprintf(sum, 64, "%s", PQgetvalue(result, 0, 1));
    PQclear(result);
    return TL_OK;
}

static int sum_one(task *t, session *s, table_sum *table, const extent *e)
{
    const char *what = tl_format(t->req, "reading table %s", table->name);
    char sum[64] = "0";
    int64_t at = 0;
    bool is_last;

    do {
        int64_t since = tl_now();
        is_last = at + e->step >= e->pages;
        if (sum_pages(t, s, what, table, at, is_last ? -1 : at + e->step, sum) != TL_OK)
            return TL_ERROR;
        at += e->step;
        progress_add(t->req, &t->progress, is_last ? 0 : e->bytes / (e->pages / e->step + 1));
        if (task_rest(t, since) != TL_OK)
            return TL_CANCELLED;
    } while (!is_last);
    table->sum = tl_copy(t->req, sum);
    return TL_OK;
}

int contents_tables(task *t, session *s, const char *what, table_list *tables)
{
    PGresult *result = session_query(t, s, "listing the tables", select_tables, 0, NULL);
    int64_t bytes = 0;

    if (!result)
        return TL_ERROR;
    tables->count = (size_t)PQntuples(result);
    tables->items = tl_alloc(t->req, (tables->count + 1) * sizeof *tables->items);
    extent *extents = tl_alloc(t->req, (tables->count + 1) * sizeof *extents);
    for (size_t i = 0; i < tables->count; i++) {
        tables->items[i] = (table_sum){.name = tl_copy(t->req, PQgetvalue(result, (int)i, 0))};
        extents[i] = extent_of(PQgetvalue(result, (int)i, 1), PQgetvalue(result, (int)i, 2));
        bytes += extents[i].bytes;
    }
    PQclear(result);
    progress_begin(t->req, &t->progress, what, bytes);
    for (size_t i = 0; i < tables->count; i++) {
        int summed = sum_one(t, s, &tables->items[i], &extents[i]);
        if (summed != TL_OK)
            return summed;
    }
    return TL_OK;
}

static int read_schema(task *t, session *s, manifest *m)
{
    const char *exists =
        session_text(t, s, "looking at the schema", "SELECT to_regclass('public.schema_migration') IS NOT NULL");

    m->schema = tl_alloc(t->req, sizeof *m->schema);
    m->schema_count = 0;
    if (!exists)
        return TL_ERROR;
    if (*exists != 't')
        return TL_OK;
    PGresult *result = session_query(t, s, "reading the version of the schema",
                                     "SELECT owner, max(number) FROM public.schema_migration GROUP BY owner"
                                     " ORDER BY owner COLLATE \"C\"",
                                     0, NULL);
    if (!result)
        return TL_ERROR;
    m->schema_count = (size_t)PQntuples(result);
    m->schema = tl_alloc(t->req, (m->schema_count + 1) * sizeof *m->schema);
    for (size_t i = 0; i < m->schema_count; i++) {
        m->schema[i].owner = tl_copy(t->req, PQgetvalue(result, (int)i, 0));
        m->schema[i].number = strtoll(PQgetvalue(result, (int)i, 1), NULL, 10);
    }
    PQclear(result);
    return TL_OK;
}

int contents_properties(task *t, session *s, manifest *m)
{
    PGresult *result = session_query(t, s, "reading the properties of the database",
                                     "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database"
                                     " WHERE datname = current_database()",
                                     0, NULL);

    if (!result)
        return TL_ERROR;
    m->encoding = tl_copy(t->req, PQgetvalue(result, 0, 0));
    m->collate = tl_copy(t->req, PQgetvalue(result, 0, 1));
    m->ctype = tl_copy(t->req, PQgetvalue(result, 0, 2));
    PQclear(result);
    m->server = session_version(t, s);
    return read_schema(t, s, m);
}

int contents_count(task *t, session *s, int64_t *objects)
{
    static const char select[] =
        "WITH own AS (SELECT oid, nspname FROM pg_namespace"
        "  WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'),"
        " things AS ("
        "  SELECT 'pg_class'::regclass AS class, oid FROM pg_class"
        "   WHERE relnamespace IN (SELECT oid FROM own) AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')"
        "  UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace IN (SELECT oid FROM own)"
        "  UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type"
        "   WHERE typnamespace IN (SELECT oid FROM own) AND typtype IN ('d', 'e', 'r')"
        "  UNION ALL SELECT 'pg_namespace'::regclass, oid FROM own WHERE nspname <> 'public')"
        " SELECT (SELECT count(*) FROM things t WHERE NOT EXISTS (SELECT FROM pg_depend d"
        "  WHERE d.classid = t.class AND d.objid = t.oid AND d.deptype = 'e'))"
        "  + (SELECT count(*) FROM pg_largeobject_metadata)";
    const char *count = session_text(t, s, "looking whether the database is empty", select);

    *objects = count ? strtoll(count, NULL, 10) : 0;
    return count ? TL_OK : TL_ERROR;
}
