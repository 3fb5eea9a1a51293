/*
 * Reads a descriptor with the sizes that the plugin was built with. Nothing of it is trusted before magic and version
 * are known to be ours. It cannot protect from a plugin that lies about its sizes.
 */
#include "core/plugin/descriptor.h"

#include <string.h>

enum { ENTRIES_MAX = 10000 }; /* a table without its zeroed end is found before it has run off far */

/* What a struct of ABI 1.0 must have at least: what identifies it and makes it work. */
#define PLUGIN_SIZE_MIN offsetof(tl_plugin, summary)
#define ROUTE_SIZE_MIN offsetof(tl_route, auth)
#define OPTION_SIZE_MIN offsetof(tl_option, fallback)
#define COMMAND_SIZE_MIN offsetof(tl_command, offline)
#define JOB_SIZE_MIN offsetof(tl_job, help)
#define METRIC_SIZE_MIN offsetof(tl_metric, help)

const char *const plugin_reserved_keys[] = {"enabled", "path", "migrations", NULL};

typedef struct adoption {
    const char *section;
    const char *path;
    arena *memory;
    problems *problems;
} adoption;

#define complain(a, format, ...)                                                                                       \
    problems_add((a)->problems, (a)->path, 0, "plugin %s: " format, (a)->section, __VA_ARGS__)

static bool check_version(const adoption *a, const tl_plugin *found)
{
    if (found->magic != TL_PLUGIN_MAGIC) {
        complain(a, "magic: expected 0x%08x, found 0x%08x: the file is no talelio plugin", TL_PLUGIN_MAGIC,
                 found->magic);
        return false;
    }
    if (found->abi_major != TL_ABI_MAJOR) {
        complain(a, "abi_major: expected %d, found %d: rebuild the plugin with the headers of this talelio",
                 TL_ABI_MAJOR, found->abi_major);
        return false;
    }
    if (found->abi_minor > TL_ABI_MINOR) {
        complain(a, "abi_minor: expected at most %d, found %d: the plugin needs a newer talelio", TL_ABI_MINOR,
                 found->abi_minor);
        return false;
    }
    return true;
}

static bool check_size(const adoption *a, const char *field, size_t found, size_t least, size_t most)
{
    if (found >= least && found <= most)
        return true;
    complain(a, "%s: expected %zu to %zu, found %zu: rebuild the plugin with the headers of this talelio", field, least,
             most, found);
    return false;
}

static bool check_sizes(const adoption *a, const tl_plugin *found)
{
    bool fine = check_size(a, "struct_size", found->struct_size, PLUGIN_SIZE_MIN, sizeof(tl_plugin));
    fine = check_size(a, "route_size", found->route_size, ROUTE_SIZE_MIN, sizeof(tl_route)) && fine;
    fine = check_size(a, "option_size", found->option_size, OPTION_SIZE_MIN, sizeof(tl_option)) && fine;
    fine = check_size(a, "command_size", found->command_size, COMMAND_SIZE_MIN, sizeof(tl_command)) && fine;
    fine = check_size(a, "job_size", found->job_size, JOB_SIZE_MIN, sizeof(tl_job)) && fine;
    fine = check_size(a, "metric_size", found->metric_size, METRIC_SIZE_MIN, sizeof(tl_metric)) && fine;
    return fine;
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i])
            return false;
    return true;
}

/* A copy of a table with entries of `size` bytes, made of entries of `stride` bytes. NULL when it has no end. */
static void *copy_table(const adoption *a, const char *field, const void *table, size_t stride, size_t size)
{
    const unsigned char *from = table;
    size_t count = 0;
    while (from && !is_zero(from + count * stride, stride)) {
        if (++count == ENTRIES_MAX) {
            complain(a, "%s: the table does not end: its last entry must be {0}", field);
            return NULL;
        }
    }
    unsigned char *copy = arena_alloc(a->memory, (count + 1) * size);
    for (size_t i = 0; i < count; i++)
        memcpy(copy + i * size, from + i * stride, stride);
    return copy;
}

static bool is_name(const char *text)
{
    return text && *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static void check_identity(const adoption *a, const tl_plugin *p)
{
    if (!is_name(p->name))
        complain(a, "name: expected letters a-z, digits and '_', found '%s'", p->name ? p->name : "(none)");
    else if (strcmp(p->name, a->section) != 0)
        complain(a, "name: expected '%s' as in [plugin:%s], found '%s'", a->section, a->section, p->name);
    if (!p->version || !*p->version)
        complain(a, "version: expected a text, found %s", p->version ? "an empty one" : "none");
}

static void check_routes(const adoption *a, const tl_route *routes)
{
    for (size_t i = 0; routes && !is_zero((const unsigned char *)&routes[i], sizeof routes[i]); i++) {
        const tl_route *r = &routes[i];
        const char *path = r->path ? r->path : "(none)";
        if (!r->path || *r->path != '/')
            complain(a, "routes[%zu].path: expected a path that starts with '/', found '%s'", i, path);
        if (r->method < TL_GET || r->method > TL_DELETE)
            complain(a, "routes[%zu].method (%s): expected TL_GET … TL_DELETE, found %d", i, path, (int)r->method);
        if (!r->handler)
            complain(a, "routes[%zu].handler (%s): expected a function, found none", i, path);
        if ((int)r->auth < TL_AUTH_NONE || r->auth > TL_AUTH_OPTIONAL)
            complain(a, "routes[%zu].auth (%s): expected TL_AUTH_NONE … TL_AUTH_OPTIONAL, found %d", i, path,
                     (int)r->auth);
    }
}

static bool is_reserved(const char *key)
{
    for (size_t i = 0; plugin_reserved_keys[i]; i++)
        if (strcmp(plugin_reserved_keys[i], key) == 0)
            return true;
    return false;
}

static void check_options(const adoption *a, const tl_option *options)
{
    for (size_t i = 0; options && !is_zero((const unsigned char *)&options[i], sizeof options[i]); i++) {
        const tl_option *o = &options[i];
        const char *name = o->name ? o->name : "(none)";
        if (!is_name(o->name))
            complain(a, "options[%zu].name: expected letters a-z, digits and '_', found '%s'", i, name);
        else if (is_reserved(o->name))
            complain(a, "options[%zu].name: '%s' is the host's own key in every plugin's section", i, name);
        if (o->type < TL_OPTION_STRING || o->type > TL_OPTION_LIST)
            complain(a, "options[%zu].type (%s): expected TL_OPTION_STRING … TL_OPTION_LIST, found %d", i, name,
                     (int)o->type);
        if (!o->target)
            complain(a, "options[%zu].target (%s): expected a place for the value, found none", i, name);
        if (o->type == TL_OPTION_CHOICE && !o->choices)
            complain(a, "options[%zu].choices (%s): expected \"a|b|c\", found none", i, name);
    }
}

static void check_services(const adoption *a, const tl_service *provides, const tl_need *needs)
{
    for (size_t i = 0; provides && (provides[i].name || provides[i].functions); i++) {
        if (!provides[i].name || !*provides[i].name)
            complain(a, "provides[%zu].name: expected a name like \"%s.v1\", found none", i, a->section);
        if (!provides[i].functions)
            complain(a, "provides[%zu].functions (%s): expected a table, found none", i,
                     provides[i].name ? provides[i].name : "(none)");
    }
    for (size_t i = 0; needs && (needs[i].name || needs[i].target); i++) {
        if (!needs[i].name || !*needs[i].name)
            complain(a, "needs[%zu].name: expected a name like \"%s\", found none", i, TL_AUTH_V1);
        if (!needs[i].target)
            complain(a, "needs[%zu].target (%s): expected a place for the table, found none", i,
                     needs[i].name ? needs[i].name : "(none)");
    }
}

static void check_commands(const adoption *a, const tl_command *commands)
{
    for (size_t i = 0; commands && !is_zero((const unsigned char *)&commands[i], sizeof commands[i]); i++) {
        const tl_command *c = &commands[i];
        const char *name = c->name ? c->name : "(none)";
        if (!c->name || c->name[strspn(c->name, "abcdefghijklmnopqrstuvwxyz0123456789-")] || !*c->name)
            complain(a, "commands[%zu].name: expected letters a-z, digits and '-', found '%s'", i, name);
        if (!c->run)
            complain(a, "commands[%zu].run (%s): expected a function, found none", i, name);
    }
}

static void check_jobs(const adoption *a, const tl_job *jobs)
{
    for (size_t i = 0; jobs && !is_zero((const unsigned char *)&jobs[i], sizeof jobs[i]); i++) {
        const char *name = jobs[i].name ? jobs[i].name : "(none)";
        if (!is_name(jobs[i].name))
            complain(a, "jobs[%zu].name: expected letters a-z, digits and '_', found '%s'", i, name);
        if (!jobs[i].schedule)
            complain(a, "jobs[%zu].schedule (%s): expected the place of an option, found none", i, name);
        if (!jobs[i].run)
            complain(a, "jobs[%zu].run (%s): expected a function, found none", i, name);
    }
}

static void check_metrics(const adoption *a, const tl_metric *metrics)
{
    for (size_t i = 0; metrics && !is_zero((const unsigned char *)&metrics[i], sizeof metrics[i]); i++) {
        const char *name = metrics[i].name ? metrics[i].name : "(none)";
        if (!is_name(metrics[i].name))
            complain(a, "metrics[%zu].name: expected letters a-z, digits and '_', found '%s'", i, name);
        if (metrics[i].type != TL_COUNTER && metrics[i].type != TL_GAUGE)
            complain(a, "metrics[%zu].type (%s): expected TL_COUNTER or TL_GAUGE, found %d", i, name,
                     (int)metrics[i].type);
    }
}

const tl_plugin *descriptor_adopt(const tl_plugin *found, const char *section, const char *path, arena *memory,
                                  problems *told)
{
    adoption a = {section, path, memory, told};
    size_t before = problems_count(told);
    if (!found) {
        complain(&a, "%s: expected a descriptor, found none", TL_PLUGIN_ENTRY);
        return NULL;
    }
    if (!check_version(&a, found) || !check_sizes(&a, found))
        return NULL;
    tl_plugin *own = arena_alloc(memory, sizeof *own);
    memcpy(own, found, found->struct_size);
    own->routes = copy_table(&a, "routes", own->routes, found->route_size, sizeof(tl_route));
    own->options = copy_table(&a, "options", own->options, found->option_size, sizeof(tl_option));
    own->commands = copy_table(&a, "commands", own->commands, found->command_size, sizeof(tl_command));
    own->jobs = copy_table(&a, "jobs", own->jobs, found->job_size, sizeof(tl_job));
    own->metrics = copy_table(&a, "metrics", own->metrics, found->metric_size, sizeof(tl_metric));
    check_identity(&a, own);
    check_routes(&a, own->routes);
    check_options(&a, own->options);
    check_services(&a, own->provides, own->needs);
    check_commands(&a, own->commands);
    check_jobs(&a, own->jobs);
    check_metrics(&a, own->metrics);
    own->struct_size = sizeof *own;
    own->route_size = sizeof(tl_route);
    own->option_size = sizeof(tl_option);
    own->command_size = sizeof(tl_command);
    own->job_size = sizeof(tl_job);
    own->metric_size = sizeof(tl_metric);
    return problems_count(told) == before ? own : NULL;
}
