/*
 * Two pg_restore read along: one lists, which takes only the beginning, and one takes the whole archive apart and
 * throws away what comes out. So a dump that was broken before it was hashed is found as well.
 */
#include "plugins/backup/verify.h"

#include <string.h>

#include "plugins/backup/programs.h"
#include "plugins/backup/reader.h"

typedef struct readers {
    child *list, *all;
} readers;

static int feed_both(task *t, void *arg, const void *bytes, size_t length)
{
    readers *r = arg;
    int result = child_feed(t, r->list, bytes, length);

    return result == TL_OK ? child_feed(t, r->all, bytes, length) : result;
}

static int start_one(task *t, const program *restore, const char *option, child_output output, child **made)
{
    const char *arguments[] = {"pg_restore", option, NULL};
    child_plan plan = {
        .program = restore->path, .arguments = arguments, .is_fed = true, .is_nice = true, .output = output};

    return child_begin(t, &plan, made);
}

/*
 * An entry of the list is "3316; 0 16390 TABLE DATA public articles owner": schema and table as they are, but for line
 * breaks, where the manifest has them as SQL writes them.
 */
static const char *as_listed(tl_request *req, const char *table)
{
    char *listed = tl_format(req, " TABLE DATA %s ", table), *to = listed + strlen(" TABLE DATA ");
    bool is_quoted = false;

    for (const char *from = table; *from; from++) {
        if (*from == '"' && is_quoted && from[1] == '"')
            *to++ = *from++;
        else if (*from == '"')
            is_quoted = !is_quoted;
        else
            *to++ = (*from == '.' && !is_quoted) || *from == '\n' || *from == '\r' ? ' ' : *from;
    }
    *to++ = ' ';
    *to = '\0';
    return listed;
}

static int check_list(task *t, const manifest *m, const child *list)
{
    if (!list->kept)
        return task_refuse(t, m->name, "its dump lists nothing");
    for (size_t i = 0; i < m->tables.count && list->kept_all; i++)
        if (!strstr(list->kept, as_listed(t->req, m->tables.items[i].name)))
            return task_refuse(t, m->name, tl_format(t->req, "table %s is not in its dump", m->tables.items[i].name));
    return TL_OK;
}

/* The end of a pg_restore: when it was not content, the dump is none. */
static int judge(task *t, child *c)
{
    int result = child_end(t, c);

    if (result == TL_ERROR && child_has_exited(c))
        t->is_refused = true;
    return result;
}

static int read_back(task *t, const manifest *m)
{
    program restore;
    readers r = {0};
    int result = program_find(t, "pg_restore", 0, &restore);

    if (result == TL_OK)
        result = start_one(t, &restore, "--list", CHILD_KEPT, &r.list);
    if (result == TL_OK)
        result = start_one(t, &restore, "--file=/dev/null", CHILD_DROPPED, &r.all);
    if (result == TL_OK)
        result = reader_run(t, m, "verifying", feed_both, &r);
    if (result == TL_OK)
        result = judge(t, r.list);
    if (result == TL_OK)
        result = judge(t, r.all);
    if (result == TL_OK)
        result = check_list(t, m, r.list);
    if (r.list)
        child_kill(r.list);
    if (r.all)
        child_kill(r.all);
    return result;
}

int verify_run(task *t, entry *e)
{
    verdict *v = tl_alloc(t->req, sizeof *v);
    int result = read_back(t, e->manifest);

    /* The backup is not to blame for a storage that is away, a program that is missing, or a server that stops. */
    if (result != TL_OK && !t->is_refused)
        return result;
    if (e->verdict)
        *v = *e->verdict;
    else
        *v = (verdict){.drill_reason = ""};
    v->name = e->manifest->name;
    v->sha256 = e->manifest->sha256;
    v->checked = tl_now();
    v->is_good = result == TL_OK;
    v->reason = result == TL_OK ? "" : tl_copy(t->req, t->error);
    int stored = catalog_put_verdict(t, e, v);
    return result == TL_OK ? stored : result;
}
