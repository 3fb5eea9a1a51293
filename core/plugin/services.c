/*
 * Services: what one plugin provides and another needs. They are plain tables of functions, so the order of plugins
 * does not matter and cycles do no harm; a provider's `init` need not have run when the table is handed over.
 */
#include <dirent.h>
#include <string.h>

#include "core/log/log.h"
#include "core/plugin/modules.h"
#include "core/worker.h"

static const tl_service *provided(const tl_module *m, const char *name)
{
    const tl_service *s = m->plugin ? m->plugin->provides : NULL;
    for (; s && s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

static const tl_service *find_service(const module_list *list, const char *name, tl_module **provider)
{
    for (tl_module *m = list->first; m; m = m->next) {
        const tl_service *s = provided(m, name);
        if (s) {
            *provider = m;
            return s;
        }
    }
    return NULL;
}

static void check_single_providers(module_list *list, problems *found)
{
    for (tl_module *m = list->first; m; m = m->next) {
        for (const tl_service *s = m->plugin ? m->plugin->provides : NULL; s && s->name; s++) {
            tl_module *first = m;
            find_service(list, s->name, &first);
            if (first != m)
                module_problem(m, found,
                               "provides: expected one provider of '%s', found a second (the first is plugin "
                               "%s, %s): disable one of them",
                               s->name, first->name, first->path);
            else if (provided(m, s->name) != s)
                module_problem(m, found, "provides: '%s' stands there twice", s->name);
        }
    }
}

/* Does the plugin in this file provide the service? Only asked by a process that cannot go on anyway. */
static bool file_provides(const char *name, const char *path, const char *service)
{
    arena *memory = arena_new(NULL);
    problems *ignored = problems_new();
    tl_module m = {.name = name, .path = path};
    module_open(&m, memory, ignored);
    bool yes = provided(&m, service) != NULL;
    problems_free(ignored);
    arena_free(memory);
    return yes;
}

static bool is_loaded(const module_list *list, const char *name)
{
    for (const tl_module *m = list->first; m; m = m->next)
        if (strcmp(m->name, name) == 0)
            return true;
    return false;
}

/* The name of a plugin that could provide the service: in a disabled section, or in a file that no section names. */
static const char *find_candidate(const module_list *list, const char *service)
{
    const settings *s = list->worker->settings;
    const char *name;
    for (size_t i = 0; (name = config_plugin_name(list->config, i)); i++)
        if (!is_loaded(list, name) && file_provides(name, config_plugin_path(list->config, name, s), service))
            return name;
    DIR *folder = opendir(s->plugin_dir);
    const char *candidate = NULL;
    struct dirent *entry;
    while (folder && !candidate && (entry = readdir(folder))) {
        size_t length = strlen(entry->d_name);
        if (length <= 3 || strcmp(entry->d_name + length - 3, ".so") != 0)
            continue;
        name = arena_copy_bytes(list->memory, entry->d_name, length - 3);
        const char *path = arena_format(list->memory, "%s/%s", s->plugin_dir, entry->d_name);
        if (!is_loaded(list, name) && file_provides(name, path, service))
            candidate = name;
    }
    if (folder)
        closedir(folder);
    return candidate;
}

static void resolve_need(module_list *list, tl_module *m, const tl_need *need, problems *found)
{
    tl_module *provider = NULL;
    const tl_service *service = find_service(list, need->name, &provider);
    *need->target = service ? service->functions : NULL;
    if (service)
        return;
    if (need->optional) {
        if (module_speaks(list->worker))
            log_info(list->worker, NULL, "plugin %s: no plugin provides %s: it goes on without", m->name, need->name);
        return;
    }
    const char *candidate = find_candidate(list, need->name);
    if (candidate)
        module_problem(m, found,
                       "needs: expected a provider of '%s', found none: plugin %s provides it, set enabled = "
                       "yes in [plugin:%s]",
                       need->name, candidate, candidate);
    else
        module_problem(m, found, "needs: expected a provider of '%s', found none, nor any in %s", need->name,
                       list->worker->settings->plugin_dir);
}

/* The host itself calls auth.v1, so it looks at the table before it relies on it. */
static void take_auth(module_list *list, problems *found)
{
    const tl_service *service = find_service(list, TL_AUTH_V1, &list->auth_provider);
    if (!service)
        return;
    const tl_auth_v1 *auth = service->functions;
    if (auth->struct_size < sizeof *auth || !auth->authenticate)
        module_problem(list->auth_provider, found,
                       "provides: %s.struct_size: expected at least %zu with authenticate set, found %zu", TL_AUTH_V1,
                       sizeof *auth, auth->struct_size);
    else
        list->auth = auth;
}

void services_resolve(module_list *list, problems *found)
{
    check_single_providers(list, found);
    for (tl_module *m = list->first; m; m = m->next)
        for (const tl_need *need = m->plugin ? m->plugin->needs : NULL; need && need->name; need++)
            resolve_need(list, m, need, found);
    take_auth(list, found);
}
