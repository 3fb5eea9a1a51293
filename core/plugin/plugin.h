/*
 * Plugins: loading, checking, services, options, commands, and the host table they are given.
 */
#ifndef CORE_PLUGIN_PLUGIN_H
#define CORE_PLUGIN_PLUGIN_H

#include <stdbool.h>
#include <talelio/talelio.h>

#include "core/config/config.h"
#include "core/config/problems.h"
#include "core/http/http.h"

struct worker;

struct tl_module {
    const char *name;
    const char *path;
    const char *copy;        /* what is loaded in the place of path; NULL: path itself */
    void *handle;            /* of dlopen; never closed while the process lives */
    const tl_plugin *plugin; /* in the host's own layout; NULL when the file or its descriptor is unusable */
    char *refusal;           /* what tl_refuse said last, NULL when nothing */
    struct metric **metrics; /* as in the descriptor's table; NULL: not counted */
    bool metric_told;        /* of a mistake with them */
    bool faulty;             /* a problem has been told: no more of its code runs */
    bool started;
    struct tl_module *next; /* in order of the ini file; services are resolved in any order */
};

typedef struct module_list module_list;

/* Loads every enabled plugin, checks its descriptor, binds its options, resolves services, runs `init`. All problems
 * are collected. */
module_list *module_list_load(struct worker *w, config *c, problems *found);

/* Their routes; those that need auth are left out when nobody provides auth.v1. */
router *module_list_router(const module_list *list, problems *found);

/* Runs every `start` on the request's fiber, but none when loading has told of a problem. TL_OK, or TL_ERROR with the
 * reason in `found`. */
int module_list_start(module_list *list, tl_request *req, problems *found);
void module_list_stop(module_list *list);
void module_list_free(module_list *list);

const tl_module *module_first(const module_list *list);
/* The provider of auth.v1, or NULL. */
const tl_auth_v1 *module_auth(const module_list *list, tl_module **provider);
/* The command of any plugin, or NULL. */
const tl_command *module_command(const module_list *list, const char *name, tl_module **owner);

/* The table that plugins get: every function of include/talelio/, backed by the core. */
const tl_host *host_table(void);

#endif
