/*
 * The list of loaded plugins as core/plugin's own files see it.
 */
#ifndef CORE_PLUGIN_MODULES_H
#define CORE_PLUGIN_MODULES_H

#include "core/memory/arena.h"
#include "core/plugin/plugin.h"

struct module_list {
    struct worker *worker;
    config *config;
    arena *memory;
    tl_module *first;
    size_t count;
    const tl_auth_v1 *auth;
    tl_module *auth_provider;
};

/* Opens the module's file and takes over its descriptor; problems make it faulty. */
void module_open(tl_module *m, arena *memory, problems *found);

/* Fills in what every plugin needs of the others. */
void services_resolve(module_list *list, problems *found);

/* Tells a problem of this module, with its file, and makes it faulty. */
void module_problem(tl_module *m, problems *found, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* True in one process of a generation, so that what concerns all of them is logged once. */
bool module_speaks(const struct worker *w);

#endif
