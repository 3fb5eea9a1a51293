/*
 * From the ini file to plugins whose `init` has run: open, check, bind options, resolve services, init. Every step goes
 * through all plugins before the next begins, so that all problems are told at once; a plugin with a problem takes no
 * further step.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cli/cli.h"
#include "core/jobs/jobs.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/plugin/descriptor.h"
#include "core/plugin/modules.h"
#include "core/plugin/shared_object.h"
#include "core/process/backtrace.h"
#include "core/process/scoreboard.h"
#include "core/worker.h"

void module_problem(tl_module *m, problems *found, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    problems_add(found, m->path, 0, "plugin %s: %s", m->name, text);
    m->faulty = true;
}

bool module_speaks(const worker *w)
{
    return w->role == ROLE_COMMAND || (w->role == ROLE_HTTP && w->slot == 0);
}

/* Without the name of the file: a copy's says nothing to anybody, and any other stands in front already. */
static const char *why_not(const char *file, const char *error)
{
    size_t length = strlen(file);
    bool named = strncmp(error, file, length) == 0 && strncmp(error + length, ": ", 2) == 0;
    return named ? error + length + 2 : error;
}

void module_open(tl_module *m, arena *memory, problems *found)
{
    if (!m->copy && access(m->path, R_OK) != 0) {
        module_problem(m, found,
                       "the file is not there or cannot be read: build or install it, set path in "
                       "[plugin:%s], or set enabled = no",
                       m->name);
        return;
    }
    const char *file = m->copy ? m->copy : m->path;
    const char *defect = shared_object_defect(file, memory);
    if (defect) {
        module_problem(m, found, "cannot be loaded: %s", defect);
        return;
    }
    m->handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!m->handle) {
        module_problem(m, found, "cannot be loaded: %s", why_not(file, dlerror()));
        return;
    }
    tl_plugin_entry *entry = (tl_plugin_entry *)dlsym(m->handle, TL_PLUGIN_ENTRY);
    if (!entry) {
        module_problem(m, found, "entry: expected the exported function %s, found none: is TL_PLUGIN missing?",
                       TL_PLUGIN_ENTRY);
        return;
    }
    m->plugin = descriptor_adopt(entry(host_table(), m), m->name, m->path, memory, found);
    if (!m->plugin)
        m->faulty = true;
}

/*
 * The master's copies come in the order of the modules. By the number of this process, debuggers and the tools that
 * make names of addresses find the file from outside too, so the descriptor stays open.
 */
static void find_copy(const module_list *list, tl_module *m)
{
    int fd = list->worker->first_copy + (int)list->count;
    /* Where the master had nothing to copy, this process may have opened something else; the seals tell. */
    int seals = list->worker->first_copy == 0 ? -1 : fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_WRITE))
        return;
    m->copy = arena_format(list->memory, "/proc/%d/fd/%d", (int)getpid(), fd);
    backtrace_name(m->copy, arena_format(list->memory, "%s.so", m->name));
}

/* One module for every enabled section; its code is not touched yet. */
static void list_sections(module_list *list, problems *found)
{
    tl_module **last = &list->first;
    const char *name;
    for (size_t i = 0; (name = config_plugin_name(list->config, i)); i++) {
        if (!config_plugin_enabled(list->config, name, found))
            continue;
        tl_module *m = arena_alloc(list->memory, sizeof *m);
        m->name = arena_copy(list->memory, name);
        m->path = config_plugin_path(list->config, name, list->worker->settings);
        find_copy(list, m);
        *last = m;
        last = &m->next;
        list->count++;
    }
}

static void bind_options(module_list *list, tl_module *m, problems *found)
{
    char section[128];
    snprintf(section, sizeof section, "plugin:%s", m->name);
    if (!config_bind(list->config, section, m->plugin->options, sizeof(tl_option), plugin_reserved_keys, found))
        m->faulty = true;
    if (!jobs_check(m, list->config, found))
        m->faulty = true;
}

/* A word of the command line can mean one thing only. */
static void check_commands(module_list *list, tl_module *m, problems *found)
{
    for (const tl_command *c = m->plugin->commands; c && c->name; c++) {
        tl_module *first = m;
        const tl_command *same = module_command(list, c->name, &first);
        if (cli_is_builtin(c->name))
            module_problem(m, found, "commands: '%s' is a command of talelio's own", c->name);
        else if (same != c)
            module_problem(m, found, "commands: expected one '%s', found a second (the first is plugin %s's)", c->name,
                           first->name);
    }
}

/* Before init, which may count already. */
static void add_metrics(module_list *list, problems *found)
{
    metrics *m = list->worker->metrics;
    for (tl_module *module = list->first; module; module = module->next)
        if (module->plugin && !metrics_add_module(m, module, list->memory, found))
            module->faulty = true;
    if (m && metrics_is_full(m) && module_speaks(list->worker))
        log_warning(list->worker, NULL, "there are more metrics than fit: those of the last plugins are not counted");
}

static void run_init(module_list *list, tl_module *m, problems *found)
{
    if (!m->plugin->init)
        return;
    board_phase(list->worker->board, "init", m->name, m->plugin->version);
    int result = m->plugin->init();
    board_phase(list->worker->board, NULL, NULL, NULL);
    if (result != TL_OK)
        module_problem(m, found, "init: %s", m->refusal ? m->refusal : "it failed and has not said why");
}

module_list *module_list_load(worker *w, config *c, problems *found)
{
    module_list *list = calloc(1, sizeof *list);
    if (!list)
        abort();
    list->worker = w;
    list->config = c;
    list->memory = arena_new(NULL);
    list_sections(list, found);
    for (tl_module *m = list->first; m; m = m->next) {
        board_phase(w->board, "load", m->name, NULL);
        module_open(m, list->memory, found);
    }
    /* Where their code lies, in case one of them crashes already in init. */
    backtrace_learn();
    board_phase(w->board, NULL, NULL, NULL);
    for (tl_module *m = list->first; m; m = m->next)
        if (m->plugin)
            check_commands(list, m, found);
    for (tl_module *m = list->first; m; m = m->next)
        if (m->plugin)
            bind_options(list, m, found);
    add_metrics(list, found);
    services_resolve(list, found);
    for (tl_module *m = list->first; m; m = m->next)
        if (!m->faulty)
            run_init(list, m, found);
    return list;
}

void module_list_free(module_list *list)
{
    if (!list)
        return;
    for (tl_module *m = list->first; m; m = m->next)
        free(m->refusal);
    arena_free(list->memory);
    free(list);
}
