/* talelio plugins */
#include <stdio.h>
#include <string.h>

#include "core/cli/command.h"

static void print_services(const tl_plugin *p)
{
    for (const tl_service *s = p->provides; s && s->name; s++)
        printf("  provides  %s\n", s->name);
    for (const tl_need *n = p->needs; n && n->name; n++)
        printf("  needs     %s%s\n", n->name, n->optional ? " (optional)" : "");
}

static void print_commands(const tl_plugin *p)
{
    for (const tl_command *c = p->commands; c && c->name; c++)
        printf("  command   talelio %s%s%s: %s\n", c->name, c->usage ? " " : "", c->usage ? c->usage : "",
               c->help ? c->help : "");
}

static const char *type_name(const tl_option *o)
{
    static const char *const names[] = {
        [TL_OPTION_STRING] = "text",       [TL_OPTION_SECRET] = "secret", [TL_OPTION_INT] = "number",
        [TL_OPTION_BOOL] = "yes|no",       [TL_OPTION_SIZE] = "size",     [TL_OPTION_LIST] = "list",
        [TL_OPTION_DURATION] = "duration",
    };
    return o->type == TL_OPTION_CHOICE ? o->choices : names[o->type];
}

static void print_options(const tl_plugin *p)
{
    for (const tl_option *o = p->options; o && o->name; o++) {
        printf("  option    %s = %s", o->name, type_name(o));
        if (!o->fallback)
            printf(", must be set");
        else if (*o->fallback)
            printf(", default %s", o->fallback);
        printf("%s%s\n", o->help ? ": " : "", o->help ? o->help : "");
    }
}

static void print_module(const tl_module *m, bool with_options)
{
    const tl_plugin *p = m->plugin;
    printf("%s %s (%s)%s%s\n", m->name, p ? p->version : "?", m->faulty ? "faulty" : "enabled",
           p && p->summary ? ": " : "", p && p->summary ? p->summary : "");
    printf("  file      %s\n", m->path);
    if (!p)
        return;
    print_services(p);
    print_commands(p);
    if (with_options)
        print_options(p);
}

static bool is_enabled(const module_list *list, const char *name)
{
    for (const tl_module *m = module_first(list); m; m = m->next)
        if (strcmp(m->name, name) == 0)
            return true;
    return false;
}

int command_plugins(const invocation *in)
{
    bool with_options = in->argc == 2 && strcmp(in->argv[1], "--options") == 0;
    if (in->argc > 1 && !with_options)
        return cli_misused(cli_find("plugins"), "'%s' means nothing here", in->argv[1]);
    host h;
    if (!host_read(&h, in))
        return host_close(&h, CLI_FAILED);
    host_load(&h, true);
    for (const tl_module *m = module_first(h.runtime.worker.modules); m; m = m->next)
        print_module(m, with_options);
    const char *name;
    for (size_t i = 0; (name = config_plugin_name(h.config, i)); i++)
        if (!is_enabled(h.runtime.worker.modules, name))
            printf("%s (disabled)\n  file      %s\n", name, config_plugin_path(h.config, name, &h.settings));
    return host_close(&h, CLI_OK);
}
