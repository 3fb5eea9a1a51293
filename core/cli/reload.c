/* talelio reload: asks the running server, and tells what came of it. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cli/command.h"
#include "core/process/control.h"

/* A reload may have to wait for another one, and for generations that finish what they have. */
enum { WAIT_BEYOND = 10000 };

static json_object *part(json_object *from, const char *key)
{
    return json_object_object_get(from, key);
}

static const char *text(json_object *from, const char *key)
{
    const char *found = json_object_get_string(part(from, key));
    return found ? found : "";
}

static void print_list(json_object *changes, const char *how, const char *what, const char *detail)
{
    json_object *list = part(changes, how);
    size_t count = list ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        json_object *one = json_object_array_get_idx(list, i);
        const char *before = text(one, "before");
        printf("  %-8s %s %s (%s%s%s)\n", how, what, text(one, "name"), text(one, detail), *before ? ", before " : "",
               before);
    }
}

static void print_changes(json_object *result)
{
    static const char *const ways[] = {"added", "removed", "replaced"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        print_list(part(result, "plugins"), ways[i], "plugin", "version");
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        print_list(part(result, "routes"), ways[i], "route", "plugin");
}

static int print_result(json_object *result)
{
    int generation = json_object_get_int(part(result, "generation"));
    if (json_object_get_boolean(part(result, "ok"))) {
        printf("generation %d serves, after %lld ms: %s\n", generation,
               (long long)json_object_get_int64(part(result, "milliseconds")), text(result, "changed"));
        print_changes(result);
        return CLI_OK;
    }
    json_object *list = part(result, "problems");
    for (size_t i = 0; list && i < json_object_array_length(list); i++)
        fprintf(stderr, "%s\n", json_object_get_string(json_object_array_get_idx(list, i)));
    if (generation > 0)
        fprintf(stderr, "not reloaded: generation %d goes on serving\n", generation);
    return CLI_FAILED;
}

int cli_reload(const settings *s, bool json, problems *found)
{
    int64_t patience = 2 * (s->start_timeout + s->stop_timeout) + WAIT_BEYOND;
    char *answer = control_ask(s, "reload", patience, found);
    json_object *result = answer ? json_tokener_parse(answer) : NULL;
    int code = CLI_FAILED;
    if (result && json) {
        fputs(answer, stdout);
        code = json_object_get_boolean(part(result, "ok")) ? CLI_OK : CLI_FAILED;
    } else if (result) {
        code = print_result(result);
    }
    json_object_put(result);
    free(answer);
    return code;
}

int command_reload(const invocation *in)
{
    bool json = in->argc == 2 && strcmp(in->argv[1], "--json") == 0;
    if (in->argc > 1 && !json)
        return cli_misused(cli_find("reload"), "'%s' means nothing here", in->argv[1]);
    host h;
    int code = CLI_FAILED;
    /* Also with a configuration that is wrong: it is the server that says so, as long as it can be found. */
    if (host_read(&h, in) || h.settings.run_dir) {
        problems *found = problems_new();
        code = cli_reload(&h.settings, json, found);
        if (problems_count(found) == 0) {
            problems_free(h.found);
            h.found = problems_new();
        }
        for (size_t i = 0; i < problems_count(found); i++)
            problems_add(h.found, NULL, 0, "%s", problems_text(found, i));
        problems_free(found);
    }
    return host_close(&h, code);
}
