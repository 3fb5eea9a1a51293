/* What drills and restores have in common. */
#include "plugins/backup/fill.h"

#include "plugins/backup/contents.h"
#include "plugins/backup/programs.h"
#include "plugins/backup/reader.h"

static int feed(task *t, void *arg, const void *bytes, size_t length)
{
    return child_feed(t, arg, bytes, length);
}

int fill_restore(task *t, const manifest *m, const conninfo *to)
{
    static const char *const arguments[] = {
        "pg_restore",      "--single-transaction", "--exit-on-error",          "--no-owner",
        "--no-privileges", "--no-password",        "--dbname=service=talelio", NULL};
    program restore;
    child *c;
    int result = program_find(t, "pg_restore", 0, &restore);

    if (result != TL_OK)
        return result;
    child_plan plan = {.program = restore.path, .arguments = arguments, .database = to, .is_fed = true};
    result = child_begin(t, &plan, &c);
    if (result != TL_OK)
        return result;
    result = reader_run(t, m, "restoring", feed, c);
    if (result == TL_OK) {
        progress_begin(t->req, &t->progress, "building indexes", 0);
        result = child_end(t, c);
    }
    child_kill(c);
    return result;
}

int fill_compare(task *t, const manifest *m, const conninfo *in, bool is_kept)
{
    session *s;
    table_list found;
    char text[400];

    int result = session_open(t, in, &s);
    if (result == TL_OK)
        result = contents_tables(t, s, "comparing with the manifest", &found);
    if (result == TL_OK && tables_differ(&m->tables, &found, text, sizeof text))
        result = task_fail(t, "the restored database is not what was dumped: %s", text);
    /* A new database has no statistics, and its first visitors would pay for that. */
    if (result == TL_OK && is_kept)
        result = session_run(t, s, "gathering statistics", "ANALYZE");
    session_close(s);
    return result;
}

/* A string as SQL writes it. */
static const char *literal(task *t, const char *text)
{
    char *quoted = tl_alloc(t->req, 2 * strlen(text) + 4), *to = quoted;

    *to++ = '\'';
    for (; *text; text++) {
        if (*text == '\'')
            *to++ = '\'';
        *to++ = *text;
    }
    *to = '\'';
    return quoted;
}

int fill_create(task *t, session *s, const manifest *m, const char *name)
{
    task first;
    const char *create = tl_format(t->req, "CREATE DATABASE %s TEMPLATE template0 ENCODING %s", session_quote(t, name),
                                   literal(t, m->encoding));
    const char *with_locale =
        tl_format(t->req, "%s LC_COLLATE %s LC_CTYPE %s", create, literal(t, m->collate), literal(t, m->ctype));

    task_init(&first, t->req, PROGRESS_NONE);
    if (session_run(&first, s, "making the database", with_locale) == TL_OK)
        return TL_OK;
    /* Another machine may not have that locale. Without it the texts are the same, in another order. */
    return session_run(t, s, "making the database", create);
}
