/*
 * The dump is read to its end once before anything is touched, and again while it is restored.
 *
 * A database that is not empty is never emptied: with --replace the dump goes into a new one beside it, is compared
 * with the manifest there, and then the two change names in one transaction.
 */
#include "plugins/backup/restore.h"

#include "plugins/backup/contents.h"
#include "plugins/backup/fill.h"
#include "plugins/backup/packer.h"
#include "plugins/backup/reader.h"

typedef struct target {
    conninfo address;
    session *session;
    const char *database;
    int64_t objects;
} target;

static void release(void *arg)
{
    conninfo_free(arg);
}

static int look(task *t, const char *to, target *at)
{
    const char *problem = conninfo_read(&at->address, to);

    if (problem)
        return task_fail(t, "--to: %s", problem);
    tl_defer(t->req, release, &at->address);
    int result = session_open(t, &at->address, &at->session);
    if (result != TL_OK)
        return result;
    at->database = session_text(t, at->session, "asking for the database's name", "SELECT current_database()");
    if (!at->database)
        return TL_ERROR;
    return contents_count(t, at->session, &at->objects);
}

static int restore_into(task *t, const manifest *m, const conninfo *to)
{
    int result = fill_restore(t, m, to);

    return result == TL_OK ? fill_compare(t, m, to, true) : result;
}

/* A connection to another database of the same server, from where this one can be renamed. */
static int open_beside(task *t, const target *at, session **made)
{
    static const char *const names[] = {"postgres", "template1", NULL};
    task attempt;

    for (size_t i = 0; names[i]; i++) {
        conninfo beside = conninfo_with(&at->address, names[i]);
        task_init(&attempt, t->req, PROGRESS_NONE);
        if (strcmp(names[i], at->database) != 0 && session_open(&attempt, &beside, made) == TL_OK)
            return TL_OK;
    }
    return task_fail(t, "--replace needs a connection to the database postgres or template1: %s", attempt.error);
}

static int rename_database(task *t, session *s, const char *from, const char *to)
{
    return session_run(
        t, s, tl_format(t->req, "renaming %s (nobody may be connected to it: stop the server first)", from),
        tl_format(t->req, "ALTER DATABASE %s RENAME TO %s", session_quote(t, from), session_quote(t, to)));
}

static int change_names(task *t, session *s, const char *database, const char *fresh, const char *kept)
{
    int result = session_run(t, s, "opening a transaction", "BEGIN");

    if (result == TL_OK)
        result = rename_database(t, s, database, kept);
    if (result == TL_OK)
        result = rename_database(t, s, fresh, database);
    if (result == TL_OK)
        result = session_run(t, s, "renaming the databases", "COMMIT");
    return result;
}

static int replace(task *t, target *at, const manifest *m, restored *done)
{
    session *beside = NULL;
    task last;
    const char *fresh = tl_format(t->req, "%.40s_new_%08x", at->database, packer_random());
    const char *kept = tl_format(t->req, "%.40s_before_%08x", at->database, packer_random());
    conninfo to = conninfo_with(&at->address, fresh);

    session_close(at->session);
    int result = open_beside(t, at, &beside);
    if (result == TL_OK)
        result = fill_create(t, beside, m, fresh);
    if (result != TL_OK)
        return result;
    result = restore_into(t, m, &to);
    if (result == TL_OK)
        result = change_names(t, beside, at->database, fresh, kept);
    if (result == TL_OK) {
        done->kept = kept;
        return TL_OK;
    }
    task_init(&last, t->req, PROGRESS_NONE);
    session_run(&last, beside, "", "ROLLBACK");
    session_run(&last, beside, "dropping what was restored",
                tl_format(t->req, "DROP DATABASE IF EXISTS %s WITH (FORCE)", session_quote(t, fresh)));
    return result;
}

int restore_run(task *t, const restore_plan *plan, restored *done)
{
    target *at = tl_alloc(t->req, sizeof *at);
    entry *e = catalog_choose(t, plan->name);

    *done = (restored){0};
    if (!e)
        return TL_ERROR;
    done->manifest = e->manifest;
    int result = look(t, plan->to, at);
    if (result != TL_OK)
        return result;
    if (at->objects > 0 && !plan->is_replacing)
        return task_fail(
            t,
            "database %s is not empty (there are %lld tables, sequences and such): with --replace it is kept under "
            "another name, and the backup takes its place",
            at->database, (long long)at->objects);
    result = reader_run(t, e->manifest, "checking", NULL, NULL);
    if (result != TL_OK)
        return result;
    if (at->objects > 0)
        return replace(t, at, e->manifest, done);
    session_close(at->session);
    return restore_into(t, e->manifest, &at->address);
}
