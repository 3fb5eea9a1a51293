/*
 * What the commands share: how one is described, and the configuration that all of them start from.
 */
#ifndef CORE_CLI_COMMAND_H
#define CORE_CLI_COMMAND_H

#include <limits.h>
#include <stdbool.h>

#include "core/config/config.h"
#include "core/process/runtime.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* What was typed, without the words that every command understands. */
typedef struct invocation {
    const char *ini;          /* NULL: not named, and none of the usual places has one */
    const char *env;          /* NULL: none */
    char installed[PATH_MAX]; /* what `ini` may point to */
    bool help;
    int argc; /* argv[0] is the command */
    char **argv;
} invocation;

typedef struct command {
    const char *name;
    const char *usage; /* what follows the name */
    const char *help;  /* one line */
    const char *more;  /* further lines of --help, or NULL */
    int (*run)(const invocation *in);
} command;

/* Says what is wrong with the way the command was typed; CLI_USAGE. */
int cli_misused(const command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* True when the command was typed without any words of its own; says so otherwise. */
bool cli_takes_nothing(const invocation *in, const command *c);

/* As the loader takes it, and short enough for a section of the ini file. */
bool cli_is_plugin_name(const char *word);

/* Takes the common options out of argv. False (with a line on stderr) when one lacks its value or file. */
bool cli_read_options(invocation *in, int argc, char **argv);

/* A loaded configuration, and a worker without HTTP made from it. */
typedef struct host {
    config *config;
    settings settings;    /* logs go to stderr, from warnings on */
    const char *log_file; /* where the server's log would go */
    problems *found;
    bool open; /* runtime is */
    runtime runtime;
} host;

/* Reads and checks the configuration alone; problems are in h->found. False when there are any. */
bool host_read(host *h, const invocation *in);

/* What is said when there is no ini file in any of its places. */
void host_complain_of_none(problems *found);

/* Ends the process, and says in which plugin it hangs, unless host_unguard is called within [server] start_timeout. */
void host_guard(const host *h);
void host_unguard(void);

/*
 * Goes on from host_read: loads the plugins, guarded, and connects unless `serverless`. False when there are problems.
 */
bool host_load(host *h, bool serverless);

/* Prints what was found, and frees everything. Returns CLI_FAILED when something was found, else `code`. */
int host_close(host *h, int code);

int command_serve(const invocation *in);
int command_check(const invocation *in);
int command_migrate(const invocation *in);
int command_routes(const invocation *in);
int command_plugins(const invocation *in);
int command_jobs(const invocation *in);
int command_config(const invocation *in);
int command_store(const invocation *in);
int command_stop(const invocation *in);
int command_reload(const invocation *in);
int command_status(const invocation *in);
int command_plugin(const invocation *in);
int command_new_plugin(const invocation *in);
int command_dev(const invocation *in);

/* Asks the running server for a reload and prints what came of it. */
int cli_reload(const settings *s, bool json, problems *found);

/* A word that is no command of talelio's own. */
int command_of_plugin(const invocation *in);

/* One of talelio's own by its name, or NULL. */
const command *cli_find(const char *name);

/* The command that looks most like `word`, NULL when none does. */
const char *cli_suggest(const char *word);

#endif
