/* talelio routes */
#include <stdio.h>
#include <string.h>

#include "core/cli/command.h"
#include "core/http/http.h"

static const char *const methods[] = {"", "GET", "POST", "PUT", "PATCH", "DELETE"};
static const char *const auths[] = {"-", "required", "optional"};

static void measure(const route *what, void *arg)
{
    int *width = arg;
    int length = (int)strlen(what->path);
    if (length > *width)
        *width = length;
}

static void print_route(const route *what, void *arg)
{
    const int *width = arg;
    printf("%-6s  %-*s  %-8s  %s\n", methods[what->method], *width, what->path, auths[what->auth], what->module->name);
}

/* Without a provider of auth.v1 these are not served: whoever looks for them should learn why. */
static void print_left_out(const module_list *list)
{
    for (const tl_module *m = module_auth(list, NULL) ? NULL : module_first(list); m; m = m->next)
        for (const tl_route *r = m->plugin ? m->plugin->routes : NULL; r && r->path; r++)
            if (r->auth == TL_AUTH_REQUIRED)
                printf("%-6s  %s  left out: no plugin provides %s (%s)\n", methods[r->method], r->path, TL_AUTH_V1,
                       m->name);
}

int command_routes(const invocation *in)
{
    if (!cli_takes_nothing(in, cli_find("routes")))
        return CLI_USAGE;
    host h;
    if (!host_read(&h, in) || !host_load(&h, true))
        return host_close(&h, CLI_FAILED);
    router *r = module_list_router(h.runtime.worker.modules, h.found);
    int width = 4;
    router_each(r, measure, &width);
    printf("%-6s  %-*s  %-8s  %s\n", "METHOD", width, "PATH", "AUTH", "PLUGIN");
    router_each(r, print_route, &width);
    print_left_out(h.runtime.worker.modules);
    router_free(r);
    return host_close(&h, CLI_OK);
}
