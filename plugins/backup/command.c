/* Reading what was typed, and doing it. Results go to standard output, progress and errors to standard error. */
#include "plugins/backup/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plugins/backup/drill.h"
#include "plugins/backup/dump.h"
#include "plugins/backup/fetch.h"
#include "plugins/backup/verify.h"

enum { WORDS_MOST = 2 };

typedef struct typed {
    const char *words[WORDS_MOST];
    size_t count;
    bool is_json, is_dry;
} typed;

typedef struct action {
    const char *name;
    size_t words; /* behind the name */
    bool is_word_optional;
    int (*run)(task *t, const typed *what);
    const char *usage;
    const char *help;
} action;

static int fail(task *t)
{
    progress_end(&t->progress);
    fprintf(stderr, "talelio backup: %s\n", *t->error ? t->error : "it failed; the log says more");
    return COMMAND_FAILED;
}

static int show(task *t, const typed *what, const entry *e)
{
    progress_end(&t->progress);
    if (what->is_json)
        print_json(t->req, entry_json(t->req, e));
    else
        print_entry(t->req, e);
    return COMMAND_OK;
}

static int run_now(task *t, const typed *what)
{
    entry *e;

    if (dump_make(t, &e) != TL_OK)
        return fail(t);
    if (verify_run(t, e) != TL_OK) {
        progress_end(&t->progress);
        fprintf(stderr, "talelio backup: %s is made, but could not be verified\n", e->name);
        return fail(t);
    }
    progress_end(&t->progress);
    if (what->is_json)
        return show(t, what, e);
    printf("%s: %s, %zu tables, %" PRId64 " rows, in %.1f s; read back and found whole\n", e->name,
           size_text(t->req, e->manifest->size), e->manifest->tables.count, tables_rows(&e->manifest->tables),
           (double)e->manifest->milliseconds / 1000);
    return COMMAND_OK;
}

static int run_list(task *t, const typed *what)
{
    catalog c;

    if (catalog_read(t, &c) != TL_OK)
        return fail(t);
    if (!what->is_json) {
        print_list(t->req, &c);
        return COMMAND_OK;
    }
    tl_json *list = tl_json_array(t->req);
    for (size_t i = 0; i < c.count; i++)
        tl_json_append(list, entry_json(t->req, &c.items[i]));
    print_json(t->req, list);
    return COMMAND_OK;
}

/* The named one, or the newest that can be told from its manifest, verified or not. */
static entry *choose(task *t, const typed *what)
{
    catalog c;

    if (what->count > 0)
        return catalog_choose(t, what->words[0]);
    if (catalog_read(t, &c) != TL_OK)
        return NULL;
    for (size_t i = c.count; i > 0; i--)
        if (c.items[i - 1].manifest)
            return &c.items[i - 1];
    task_fail(t, "there is no backup yet: `talelio backup now` makes one");
    return NULL;
}

static int run_show(task *t, const typed *what)
{
    entry *e = choose(t, what);

    return e ? show(t, what, e) : fail(t);
}

static int run_verify(task *t, const typed *what)
{
    entry *e = choose(t, what);

    if (!e || verify_run(t, e) != TL_OK)
        return fail(t);
    if (what->is_json)
        return show(t, what, e);
    progress_end(&t->progress);
    printf("%s was read back and is whole: %zu tables, %" PRId64 " rows\n", e->name, e->manifest->tables.count,
           tables_rows(&e->manifest->tables));
    return COMMAND_OK;
}

static int run_drill(task *t, const typed *what)
{
    entry *e = choose(t, what);

    if (!e || drill_run(t, e) != TL_OK)
        return fail(t);
    if (what->is_json)
        return show(t, what, e);
    progress_end(&t->progress);
    printf(
        "%s was restored into a database of its own in %.1f s, and everything in it is as it was dumped: %zu tables, "
        "%" PRId64 " rows\n",
        e->name, (double)e->verdict->milliseconds / 1000, e->manifest->tables.count, tables_rows(&e->manifest->tables));
    return COMMAND_OK;
}

static int run_prune(task *t, const typed *what)
{
    prune_list list;

    if (prune_run(t, what->is_dry, &list) != TL_OK)
        return fail(t);
    if (what->is_json)
        print_json(t->req, pruned_json(t->req, &list, what->is_dry));
    else
        print_pruned(&list, what->is_dry);
    return COMMAND_OK;
}

static int run_fetch(task *t, const typed *what)
{
    entry *e = catalog_choose(t, what->words[0]);

    if (!e || fetch_run(t, e, what->words[1]) != TL_OK)
        return fail(t);
    progress_end(&t->progress);
    printf("%s: %s, for pg_restore\n", what->words[1], size_text(t->req, e->manifest->plain_size));
    return COMMAND_OK;
}

static int run_decrypt(task *t, const typed *what)
{
    if (fetch_decrypt(t, what->words[0], what->words[1]) != TL_OK)
        return fail(t);
    progress_end(&t->progress);
    printf("%s: for pg_restore\n", what->words[1]);
    return COMMAND_OK;
}

static const action actions[] = {
    {"now", 0, false, run_now, "now", "make a backup and verify it"},
    {"list", 0, false, run_list, "list", "all backups, the oldest first"},
    {"show", 1, true, run_show, "show [NAME]", "all about one; without a name the newest"},
    {"verify", 1, true, run_verify, "verify [NAME]", "read it back to its end"},
    {"drill", 1, true, run_drill, "drill [NAME]", "restore it into a scratch database and compare"},
    {"prune", 0, false, run_prune, "prune [--dry-run]", "delete what no rule keeps"},
    {"fetch", 2, false, run_fetch, "fetch NAME|latest FILE", "write its dump, decrypted, to a file"},
    {"decrypt", 2, false, run_decrypt, "decrypt FILE NEW_FILE", "decrypt an object that was copied from the store"},
};

enum { ACTIONS = sizeof actions / sizeof *actions };

static int usage(const char *problem, const char *about)
{
    fprintf(stderr, "talelio backup: %s%s\nusage: talelio backup …\n", problem, about);
    for (size_t i = 0; i < ACTIONS; i++)
        fprintf(stderr, "  %-24s %s\n", actions[i].usage, actions[i].help);
    fputs("  --json                   for machines\n", stderr);
    return COMMAND_MISUSED;
}

static const action *find(const char *name)
{
    for (size_t i = 0; i < ACTIONS; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

int backup_command(tl_request *req, int argc, char **argv)
{
    task *t = tl_alloc(req, sizeof *t);
    typed what = {0};
    const action *a = argc > 1 ? find(argv[1]) : NULL;

    if (!a)
        return argc > 1 ? usage("there is no ", argv[1]) : usage("expected a word more", "");
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            what.is_json = true;
        else if (strcmp(argv[i], "--dry-run") == 0 && a->run == run_prune)
            what.is_dry = true;
        else if (argv[i][0] == '-')
            return usage("unknown option ", argv[i]);
        else if (what.count == a->words)
            return usage("unexpected ", argv[i]);
        else
            what.words[what.count++] = argv[i];
    }
    if (what.count < a->words && !a->is_word_optional)
        return usage("expected ", a->usage);
    task_init(t, req, PROGRESS_SHOWN);
    return a->run(t, &what);
}

static int misused(const char *problem)
{
    fprintf(stderr, "talelio restore: %s\nusage: talelio restore NAME|latest --to DATABASE [--replace]\n", problem);
    return COMMAND_MISUSED;
}

int restore_command(tl_request *req, int argc, char **argv)
{
    restore_plan plan = {0};
    restored done;
    task *t = tl_alloc(req, sizeof *t);

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--replace") == 0)
            plan.is_replacing = true;
        else if (strcmp(argv[i], "--to") == 0 && i + 1 < argc)
            plan.to = argv[++i];
        else if (argv[i][0] == '-')
            return misused(tl_format(req, "unknown option '%s', or its value is missing", argv[i]));
        else if (!plan.name)
            plan.name = argv[i];
        else
            return misused(tl_format(req, "unexpected '%s'", argv[i]));
    }
    if (!plan.name || !plan.to)
        return misused("expected the name of a backup, and --to");
    task_init(t, req, PROGRESS_SHOWN);
    int result = restore_run(t, &plan, &done);
    progress_end(&t->progress);
    if (result != TL_OK) {
        fprintf(stderr, "talelio restore: %s\n", *t->error ? t->error : "it failed; the log says more");
        return COMMAND_FAILED;
    }
    printf("%s is restored: %zu tables, %" PRId64 " rows, all as they were dumped\n", done.manifest->name,
           done.manifest->tables.count, tables_rows(&done.manifest->tables));
    if (done.kept)
        printf("The database as it was is kept as %s; drop it when it is not needed any more\n", done.kept);
    return COMMAND_OK;
}
