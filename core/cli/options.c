/*
 * The options that every command understands, wherever they stand; "--" ends them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cli/command.h"
#include "core/config/installed.h"

/* Takes "--name VALUE" or "--name=VALUE" at argv[*i]: 1 when it was that, -1 when the value is missing. */
static int take_value(const char *name, int argc, char **argv, int *i, const char **value)
{
    size_t length = strlen(name);
    if (strncmp(argv[*i], name, length) != 0)
        return 0;
    if (argv[*i][length] == '=')
        *value = argv[*i] + length + 1;
    else if (argv[*i][length] != '\0')
        return 0;
    else
        *value = *i + 1 < argc ? argv[++*i] : "";
    if (**value)
        return 1;
    fprintf(stderr, "talelio: %s needs a file\n", name);
    return -1;
}

static bool is_there(const char *what, const char *path)
{
    if (access(path, F_OK) == 0)
        return true;
    fprintf(stderr, "talelio: %s: there is no file %s\n", what, path);
    return false;
}

static const char *usual_ini(invocation *in)
{
    if (access("config/talelio.ini", F_OK) == 0)
        return "config/talelio.ini";
    return access(installed_ini(in->installed), F_OK) == 0 ? in->installed : NULL;
}

static bool find_files(invocation *in)
{
    const char *variable = getenv("TALELIO_CONFIG");
    if (in->ini) {
        if (!is_there("--config", in->ini))
            return false;
    } else if (variable && *variable) {
        if (!is_there("TALELIO_CONFIG", variable))
            return false;
        in->ini = variable;
    } else {
        in->ini = usual_ini(in);
    }
    if (in->env)
        return is_there("--env", in->env);
    if (access(".env", F_OK) == 0)
        in->env = ".env";
    return true;
}

bool cli_read_options(invocation *in, int argc, char **argv)
{
    *in = (invocation){.argv = argv};
    bool ended = false;
    for (int i = 1; i < argc; i++) {
        if (!ended && strcmp(argv[i], "--") == 0) {
            ended = true;
            continue;
        }
        int taken = ended ? 0 : take_value("--config", argc, argv, &i, &in->ini);
        if (taken == 0 && !ended)
            taken = take_value("--env", argc, argv, &i, &in->env);
        if (taken < 0)
            return false;
        if (taken > 0)
            continue;
        if (!ended && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0))
            in->help = true;
        else
            argv[in->argc++] = argv[i];
    }
    argv[in->argc] = NULL;
    return find_files(in);
}
