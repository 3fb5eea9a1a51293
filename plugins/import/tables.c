/*
 * The first step: the rows, in one transaction. A dry run goes the same way and rolls back.
 */
#include <stdio.h>
#include <stdlib.h>

#include "plugins/import/import.h"

/*
 * New rows get ids behind those of the earlier service, also what visitors make while this runs: so this comes first,
 * and outside of the transaction. A sequence that is far enough is left as it is.
 */
static const char advance[] =
    "SELECT setval(pg_get_serial_sequence(t.name, 'id'), t.id)"
    " FROM (VALUES ('accounts', $1::bigint), ('users', $2::bigint), ('articles', $3::bigint)) AS t (name, id)"
    " WHERE t.id > coalesce(pg_sequence_last_value(pg_get_serial_sequence(t.name, 'id')::regclass), 0)";

static int advance_sequences(tl_request *req, import_run *run)
{
    PGresult *most = source_page(req, &run->source,
                                 "SELECT (SELECT coalesce(max(id), $1::bigint) FROM account) AS account,"
                                 " (SELECT coalesce(max(id), 0) FROM \"user\") AS \"user\","
                                 " (SELECT coalesce(max(id), 0) FROM article) AS article",
                                 0);
    if (!most)
        return import_fail(run, TL_ERROR, run->source.error);
    if (!run->is_dry && !tl_query(req, advance, source_text(most, 0, "account"), source_text(most, 0, "user"),
                                  source_text(most, 0, "article")))
        return import_fail_query(req, run);
    return TL_OK;
}

/* The users come by the ids of their accounts. */
static int by_id(const void *a, const void *b)
{
    const import_user *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static int take_rows(tl_request *req, import_run *run)
{
    int result = import_accounts(req, run);

    if (run->user_count > 0)
        qsort(run->users, run->user_count, sizeof *run->users, by_id);
    return result == TL_OK ? import_articles(req, run) : result;
}

int import_tables(tl_request *req, import_run *run)
{
    int result = source_open(req, &run->source, the_import.database_url);
    if (result != TL_OK)
        return import_fail(run, result, run->source.error);
    result = advance_sequences(req, run);
    if (result == TL_OK && tl_begin(req) != TL_OK)
        result = import_fail_query(req, run);
    if (result == TL_OK)
        result = take_rows(req, run);
    if (result == TL_OK && !run->is_dry && tl_commit(req) != TL_OK)
        result = import_fail_query(req, run);
    else
        tl_rollback(req);
    source_close(&run->source);
    return result;
}
