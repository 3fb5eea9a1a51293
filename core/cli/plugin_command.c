/* talelio WORD …, where WORD is a plugin's command: it runs on a fiber of this process, without HTTP. */
#include <stdio.h>

#include "core/cli/command.h"
#include "core/process/crash.h"
#include "core/request/request.h"

typedef struct work {
    host *host;
    const invocation *in;
    const tl_command *command;
    tl_module *owner;
    int code;
} work;

static void run_command(tl_request *req, void *arg)
{
    work *w = arg;
    if (!w->command->offline && runtime_start(&w->host->runtime, req, true, w->host->found) != TL_OK)
        return;
    req->module = w->owner;
    w->code = w->command->run(req, w->in->argc, w->in->argv);
    req->module = NULL;
}

/* Only now it is known whether the command needs the servers. */
static void run_loaded(host *h, work *w)
{
    if (!w->command->offline)
        runtime_connect(&h->runtime, h->found);
    if (problems_count(h->found) == 0)
        runtime_run(&h->runtime, run_command, w);
}

static int print_help(const tl_command *c, const tl_module *owner)
{
    printf("usage: talelio %s%s%s [common options]\n\n%s (plugin %s)\n", c->name, c->usage ? " " : "",
           c->usage ? c->usage : "", c->help ? c->help : "", owner->name);
    return CLI_OK;
}

static int unknown(const char *word)
{
    if (word[0] == '-') {
        fprintf(stderr, "talelio: there is no option '%s' (`talelio help` lists them)\n", word);
        return CLI_USAGE;
    }
    const char *near = cli_suggest(word);
    fprintf(stderr, "talelio: there is no command '%s'", word);
    if (near)
        fprintf(stderr, ": did you mean '%s'?", near);
    fprintf(stderr, " (`talelio help` and `talelio plugins` list them)\n");
    return CLI_USAGE;
}

int command_of_plugin(const invocation *in)
{
    const char *word = in->argv[0];
    if (word[0] == '-' || (cli_suggest(word) && !in->ini))
        return unknown(word);
    host h;
    work w = {.host = &h, .in = in, .code = CLI_FAILED};
    /* What is wrong with the configuration explains why a plugin's command is not known: it is told too. */
    bool loaded = host_read(&h, in) && crash_handler_install(true) && host_load(&h, true);
    if (h.open)
        w.command = module_command(h.runtime.worker.modules, word, &w.owner);
    if (!w.command)
        return host_close(&h, unknown(word));
    if (in->help)
        w.code = print_help(w.command, w.owner);
    else if (loaded)
        run_loaded(&h, &w);
    return host_close(&h, w.code);
}
