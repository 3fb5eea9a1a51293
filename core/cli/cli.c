/*
 * The table of commands, and the way from argv to one of them.
 */
#include "core/cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/cli/command.h"
#include "core/config/installed.h"

static int command_version(const invocation *in);
static int command_help(const invocation *in);

static const command commands[] = {
    {"serve", "", "Serve until stopped",
     "Reads the configuration, binds the address, starts the workers and the jobs process, and stays in the\n"
     "foreground. Signals: HUP reloads the configuration and the plugins, USR1 reopens the log file, TERM, QUIT\n"
     "and INT stop after the requests under way, a second one at once.\n",
     command_serve},
    {"dev", "[--plugins DIR] [--build COMMAND]", "Serve, rebuild plugins whose sources change, and reload",
     "  --plugins DIR      the folder of the plugins' sources, one folder each; default plugins\n"
     "  --build COMMAND    how one is built; it finds its name in $PLUGIN and its folder in $PLUGIN_DIR. Default:\n"
     "                     cmake --build FOLDER --target plugin_$PLUGIN, with the folder that talelio itself is in\n\n"
     "Folders below a plugin's count too, but for hidden ones and build, build-* and cmake-build*. When a source is "
     "saved\n"
     "in a folder without a section [plugin:NAME], such as code that plugins share, all plugins are built.\n",
     command_dev},
    {"check", "", "Load everything and list all that is wrong",
     "Configuration, plugins with their `init` and `start`, routes, database with its schema, and Redis. Serves\n"
     "nothing and changes nothing. Exits with 1 when something is wrong.\n",
     command_check},
    {"migrate", "", "Bring the database's schema up to date",
     "A server that runs in watch mode is reloaded afterwards.\n", command_migrate},
    {"routes", "", "List the routes of the enabled plugins", NULL, command_routes},
    {"plugins", "[--options]", "List the plugins, their services and commands",
     "  --options      also every key of their sections in the ini file\n", command_plugins},
    {"jobs", "[run PLUGIN JOB]", "List the jobs of the plugins, or run one now",
     "With `run` the job runs in the foreground, unless it runs already on any server; the exit code is 0 when it\n"
     "has succeeded.\n",
     command_jobs},
    {"config", "", "Show every setting and where it comes from", NULL, command_config},
    {"store", "check NAME", "Try out a store of the ini file, and say which right is missing",
     "Writes, reads, lists and deletes objects whose keys begin with .talelio-probe/. Exits with 0 when all of it\n"
     "works.\n",
     command_store},
    {"plugin", "enable|disable NAME", "Turn a plugin on or off, in the ini file and in the running server",
     "Changes one line of the ini file, checks what it leads to, and reloads the server when one runs. When anything\n"
     "speaks against it, nothing changes.\n",
     command_plugin},
    {"new-plugin", "NAME [FOLDER]", "Write a small plugin of your own, to begin with",
     "  NAME               must not be another plugin's, of talelio or of the ini file\n"
     "  FOLDER             is made, and must not be there yet; default NAME\n\n"
     "A route, a table and options; its README, which is shown too, says how to build it and what to add to the ini\n"
     "file.\n",
     command_new_plugin},
    {"reload", "[--json]", "Load configuration and plugins anew, without losing a request",
     "Waits for the result: what has changed, or why the server goes on with what it had (exit code 1).\n",
     command_reload},
    {"status", "[--json]", "Show the running server: processes, requests, memory, the last reload",
     "Exits with 1 when no server runs, or when its workers die again and again.\n", command_status},
    {"stop", "", "Stop the running server and wait until it has ended", NULL, command_stop},
    {"version", "", "Show the version", NULL, command_version},
    {"help", "[COMMAND]", "Show this, or what a command does", NULL, command_help},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

const command *cli_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

bool cli_is_builtin(const char *word)
{
    return cli_find(word) != NULL;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be added, dropped or changed. Words longer than the row count as far apart. */
static size_t distance(const char *a, const char *b)
{
    size_t row[32];
    size_t width = strlen(b);
    if (width >= sizeof row / sizeof row[0])
        return width;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t above = row[j];
            row[j] = least(least(row[j - 1], above) + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[width];
}

const char *cli_suggest(const char *word)
{
    const char *best = NULL;
    size_t nearest = 3;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        size_t far = distance(word, commands[i].name);
        if (far < nearest && far < strlen(commands[i].name)) {
            nearest = far;
            best = commands[i].name;
        }
    }
    return best;
}

int cli_misused(const command *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "talelio %s: ", c->name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nusage: talelio %s%s%s\n", c->name, *c->usage ? " " : "", c->usage);
    va_end(args);
    return CLI_USAGE;
}

bool cli_is_plugin_name(const char *word)
{
    return *word && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(word) && strlen(word) <= 40;
}

bool cli_takes_nothing(const invocation *in, const command *c)
{
    if (in->argc == 1)
        return true;
    cli_misused(c, "'%s' means nothing here", in->argv[1]);
    return false;
}

static void print_common(void)
{
    char installed[PATH_MAX];
    printf("Common options:\n"
           "  --config FILE  the ini file; else $TALELIO_CONFIG, ./config/talelio.ini, %s\n"
           "  --env FILE     variables for it; else ./.env when there is one\n"
           "  --help         what a command does\n",
           installed_ini(installed));
}

static int print_command_help(const command *c)
{
    printf("usage: talelio %s%s%s [common options]\n\n%s.\n", c->name, *c->usage ? " " : "", c->usage, c->help);
    if (c->more)
        printf("\n%s", c->more);
    printf("\n");
    print_common();
    return CLI_OK;
}

static int print_help(void)
{
    printf("usage: talelio COMMAND [options]\n\nCommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].help);
    printf("\nPlugins bring commands of their own: `talelio plugins` lists them.\n\n");
    print_common();
    return CLI_OK;
}

static int command_help(const invocation *in)
{
    if (in->argc == 1)
        return print_help();
    if (in->argc > 2)
        return cli_misused(cli_find("help"), "'%s' means nothing here", in->argv[2]);
    const command *c = cli_find(in->argv[1]);
    if (c)
        return print_command_help(c);
    invocation asked = {.ini = in->ini, .env = in->env, .help = true, .argc = in->argc - 1, .argv = in->argv + 1};
    return command_of_plugin(&asked);
}

static int command_version(const invocation *in)
{
    if (!cli_takes_nothing(in, cli_find("version")))
        return CLI_USAGE;
    printf("talelio %s (plugin interface %d.%d)\n", TL_VERSION, TL_ABI_MAJOR, TL_ABI_MINOR);
    return CLI_OK;
}

int cli_main(int argc, char **argv)
{
    invocation in;
    if (!cli_read_options(&in, argc, argv))
        return CLI_USAGE;
    if (in.argc == 0) {
        if (in.help)
            return print_help();
        fprintf(stderr, "talelio: what is to be done? `talelio serve` serves, `talelio help` lists the commands\n");
        return CLI_USAGE;
    }
    if (strcmp(in.argv[0], "--version") == 0)
        return command_version(&in);
    const command *c = cli_find(in.argv[0]);
    if (!c)
        return command_of_plugin(&in);
    return in.help ? print_command_help(c) : c->run(&in);
}
