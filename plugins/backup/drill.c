/*
 * Scratch databases are named after the database they are made from, and made under a lock there: so one that is found
 * under the lock is what a killed drill has left, and is dropped.
 */
#include "plugins/backup/drill.h"

#include "plugins/backup/fill.h"
#include "plugins/backup/packer.h"
#include "plugins/backup/session.h"

enum { DRILL_LOCK = 2 };

typedef struct drill {
    conninfo server;
    session *session;
    const char *family; /* what the names of all scratch databases here begin with */
    const char *scratch;
} drill;

static void release(void *arg)
{
    conninfo_free(arg);
}

static int drop(task *t, drill *d, const char *name)
{
    return session_run(t, d->session, "dropping the scratch database",
                       tl_format(t->req, "DROP DATABASE IF EXISTS %s WITH (FORCE)", session_quote(t, name)));
}

static int drop_left_overs(task *t, drill *d)
{
    const char *values[] = {d->family};
    PGresult *found = session_query(t, d->session, "looking for old scratch databases",
                                    "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", 1, values);
    int result = found ? TL_OK : TL_ERROR;

    for (int i = 0; result == TL_OK && i < PQntuples(found); i++)
        result = drop(t, d, PQgetvalue(found, i, 0));
    PQclear(found);
    return result;
}

static int prepare(task *t, drill *d)
{
    const char *url = *backup_options.drill_url ? backup_options.drill_url : backup_options.database_url;
    const char *problem = conninfo_read(&d->server, url);

    if (problem)
        return task_fail(t, "'%s': %s", *backup_options.drill_url ? "drill_url" : "database_url", problem);
    tl_defer(t->req, release, &d->server);
    int result = session_open(t, &d->server, &d->session);
    if (result == TL_OK)
        result = session_lock(t, d->session, "drill", DRILL_LOCK);
    if (result != TL_OK)
        return result;
    d->family =
        session_text(t, d->session, "reading the database's number",
                     "SELECT 'talelio_drill_' || oid || '_' FROM pg_database WHERE datname = current_database()");
    if (!d->family)
        return TL_ERROR;
    d->scratch = tl_format(t->req, "%s%08x", d->family, packer_random());
    return drop_left_overs(t, d);
}

static int restore(task *t, drill *d, const manifest *m)
{
    conninfo scratch = conninfo_with(&d->server, d->scratch);
    int result = fill_create(t, d->session, m, d->scratch);

    /* The backup has not been asked yet. */
    if (result != TL_OK)
        return result == TL_ERROR ? TL_UNAVAILABLE : result;
    result = fill_restore(t, m, &scratch);
    if (result == TL_OK)
        result = fill_compare(t, m, &scratch, false);
    return result;
}

/*
 * Whatever came of it, the database goes; only a task that is cancelled leaves it to the next drill. TL_UNAVAILABLE
 * when the backup is not to blame.
 */
static int run(task *t, drill *d, const manifest *m)
{
    task last;
    int result = prepare(t, d);

    if (result != TL_OK)
        return result == TL_ERROR ? TL_UNAVAILABLE : result;
    result = restore(t, d, m);
    task_init(&last, t->req, PROGRESS_NONE);
    if (result == TL_CANCELLED || drop(&last, d, d->scratch) == TL_OK)
        return result;
    tl_log(t->req, TL_WARNING, "the scratch database %s is left for the next drill to drop: %s", d->scratch,
           last.error);
    return result == TL_ERROR && PQstatus(d->session->connection) != CONNECTION_OK ? TL_UNAVAILABLE : result;
}

/* What was known before, and that it could be restored: for that it was read to its end, hash, key and all. */
static void note_success(verdict *v, int64_t since)
{
    v->is_good = v->is_restorable = true;
    v->reason = v->drill_reason = "";
    v->checked = v->drilled = tl_now();
    v->milliseconds = (v->drilled - since) / 1000;
}

static void note_failure(verdict *v, const task *t, int64_t since, const char *why)
{
    int64_t now = tl_now();

    /* A dump that is refused has not been tried; what is wrong is the dump, and reading it again may show more. */
    if (t->is_refused) {
        v->is_good = false;
        v->checked = now;
        v->reason = why;
        return;
    }
    v->is_restorable = false;
    v->drilled = now;
    v->milliseconds = (now - since) / 1000;
    v->drill_reason = why;
}

int drill_run(task *t, entry *e)
{
    int64_t since = tl_now();
    drill *d = tl_alloc(t->req, sizeof *d);
    verdict *v = tl_alloc(t->req, sizeof *v);
    int result = run(t, d, e->manifest);

    if (d->session)
        session_close(d->session);
    /* These say nothing about the backup. */
    if (result == TL_CANCELLED || result == TL_UNAVAILABLE || result == TL_DENIED)
        return result;
    *v = e->verdict ? *e->verdict : (verdict){.checked = since, .reason = "never read back", .drill_reason = ""};
    v->name = e->manifest->name;
    v->sha256 = e->manifest->sha256;
    if (result == TL_OK)
        note_success(v, since);
    else
        note_failure(v, t, since, tl_copy(t->req, t->error));
    int stored = catalog_put_verdict(t, e, v);
    return result == TL_OK ? stored : result;
}
