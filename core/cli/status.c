/* talelio status: what the running server says of itself. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cli/command.h"
#include "core/process/control.h"

enum { PATIENCE = 5000 /* milliseconds */ };

static json_object *part(json_object *from, const char *key)
{
    return json_object_object_get(from, key);
}

static const char *text(json_object *from, const char *key)
{
    const char *found = json_object_get_string(part(from, key));
    return found ? found : "";
}

static long long number(json_object *from, const char *key)
{
    return (long long)json_object_get_int64(part(from, key));
}

static const char *span(long long seconds, char *to, size_t size)
{
    if (seconds >= 86400)
        snprintf(to, size, "%lldd%lldh", seconds / 86400, seconds / 3600 % 24);
    else if (seconds >= 3600)
        snprintf(to, size, "%lldh%lldm", seconds / 3600, seconds / 60 % 60);
    else if (seconds >= 60)
        snprintf(to, size, "%lldm%llds", seconds / 60, seconds % 60);
    else
        snprintf(to, size, "%llds", seconds);
    return to;
}

static void print_processes(json_object *all)
{
    printf("  %-10s %8s  %-20s %8s %7s %11s %12s %8s\n", "PROCESS", "PID", "STATE", "UPTIME", "DEATHS", "CONNECTIONS",
           "REQUESTS", "MEMORY");
    for (size_t i = 0; all && i < json_object_array_length(all); i++) {
        json_object *one = json_object_array_get_idx(all, i);
        char uptime[32];
        printf("  %-10s %8lld  %-20s %8s %7lld %11lld %12lld %6.1f M\n", text(one, "name"), number(one, "pid"),
               text(one, "state"), span(number(one, "uptime"), uptime, sizeof uptime), number(one, "deaths"),
               number(one, "connections"), number(one, "requests"), (double)number(one, "memory") / (1 << 20));
    }
}

static void print_reload(json_object *last)
{
    if (!last)
        return;
    bool ok = json_object_get_boolean(part(last, "ok"));
    printf("last reload  %s, %s after %lld ms", text(last, "at"), ok ? "done" : "refused",
           number(last, "milliseconds"));
    json_object *list = part(last, "problems");
    if (ok)
        printf(": %s", text(last, "changed"));
    else if (list && json_object_array_length(list) > 0)
        printf(": %s", json_object_get_string(json_object_array_get_idx(list, 0)));
    printf("\n");
}

static void print_status(json_object *status)
{
    char uptime[32];
    printf("%s  %s (pid %lld, talelio %s, up %s, %s)\n", text(status, "url"), text(status, "state"),
           number(status, "pid"), text(status, "version"), span(number(status, "uptime"), uptime, sizeof uptime),
           text(status, "config"));
    printf("generation %lld: ", number(status, "generation"));
    json_object *plugins = part(status, "plugins");
    for (size_t i = 0; plugins && i < json_object_array_length(plugins); i++) {
        json_object *one = json_object_array_get_idx(plugins, i);
        printf("%s%s %s", i > 0 ? ", " : "", text(one, "name"), text(one, "version"));
    }
    printf("\n");
    print_processes(part(status, "processes"));
    json_object *draining = part(status, "draining");
    for (size_t i = 0; draining && i < json_object_array_length(draining); i++) {
        json_object *one = json_object_array_get_idx(draining, i);
        printf("generation %lld finishes what it has, for %lld ms:\n", number(one, "generation"),
               number(one, "milliseconds"));
        print_processes(part(one, "processes"));
    }
    if (number(status, "starting") > 0)
        printf("generation %lld starts\n", number(status, "starting"));
    print_reload(part(status, "last_reload"));
}

int command_status(const invocation *in)
{
    bool json = in->argc == 2 && strcmp(in->argv[1], "--json") == 0;
    if (in->argc > 1 && !json)
        return cli_misused(cli_find("status"), "'%s' means nothing here", in->argv[1]);
    host h;
    host_read(&h, in);
    if (!h.settings.run_dir)
        return host_close(&h, CLI_FAILED);
    char *answer = control_ask(&h.settings, "status", PATIENCE, h.found);
    /* What is wrong with the files is no news of the server; it may be why none is found. */
    if (answer) {
        problems_free(h.found);
        h.found = problems_new();
    }
    json_object *status = answer ? json_tokener_parse(answer) : NULL;
    if (status && json)
        fputs(answer, stdout);
    else if (status)
        print_status(status);
    bool well = status && (strcmp(text(status, "state"), "serves") == 0);
    json_object_put(status);
    free(answer);
    return host_close(&h, well ? CLI_OK : CLI_FAILED);
}
