/* talelio check: everything that could keep the server from starting or working, told in one go. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cli/command.h"
#include "core/db/db.h"
#include "core/health/health.h"
#include "core/process/crash.h"
#include "core/process/privileges.h"
#include "core/redis/redis.h"

static void check_database(const db *d, problems *found)
{
    switch (db_state_of(d)) {
    case DB_READY:
        break;
    case DB_REFUSED:
        problems_add(found, NULL, 0, "[postgres] the database cannot be used: %s", db_reason(d));
        break;
    default:
        problems_add(found, NULL, 0, "[postgres] the database cannot be reached: %s", db_reason(d));
    }
}

static void check_redis(tl_request *req, const settings *s, problems *found)
{
    for (size_t i = 0; i < health_count(); i++)
        if (strcmp(health_name(i), "redis") == 0 && health_check(req, i) != TL_OK)
            problems_add(found, NULL, 0,
                         "[redis] %s does not answer: does Redis run, and are address, username and password "
                         "right?",
                         s->redis_address);
}

static void check_running(tl_request *req, void *arg)
{
    host *h = arg;
    /* Plugins start last: what they would miss has been told by then. */
    problems *told_by_start = problems_new();
    int started = runtime_start(&h->runtime, req, false, told_by_start);
    if (h->runtime.worker.db)
        check_database(h->runtime.worker.db, h->found);
    check_redis(req, &h->settings, h->found);
    if (started != TL_OK && problems_count(h->found) == 0)
        for (size_t i = 0; i < problems_count(told_by_start); i++)
            problems_add(h->found, NULL, 0, "%s", problems_text(told_by_start, i));
    problems_free(told_by_start);
}

static size_t module_count(const module_list *list)
{
    size_t count = 0;
    for (const tl_module *m = module_first(list); m; m = m->next)
        count++;
    return count;
}

/* With what is missing of the core's settings made up, the plugins' own sections can still be checked.
 * Returns what outlives the host, for the caller to free. */
static store_settings *check_plugins_alone(host *h)
{
    settings *s = &h->settings;
    if (!h->config || !s->plugin_dir)
        return NULL;
    if (!s->mode)
        s->mode = "development";
    s->max_requests = 1;
    s->blocking_threads = 1;
    s->blocking_queue = 1;
    store_settings *stores = calloc(s->store_count + 1, sizeof *stores);
    if (!stores)
        return NULL;
    /* Plugins ask for stores by name; a folder is not touched before a store is used. */
    for (size_t i = 0; i < s->store_count; i++)
        stores[i] = (store_settings){.name = s->stores[i].name, .driver = "dir", .folder = ""};
    s->stores = stores;
    host_load(h, true);
    return stores;
}

/* As root: goes on as the user that the server will be, who may not read or write what root may. */
static void become_server(host *h, const char *ini)
{
    const settings *s = &h->settings;
    if (geteuid() != 0 || !s->user || !*s->user || !privileges_drop(s, h->found))
        return;
    if (access(ini, R_OK) != 0)
        problems_add(h->found, NULL, 0, "%s: user '%s' may not read it, so a reload would fail: chgrp %s and chmod 640",
                     ini, s->user, s->user);
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", h->log_file);
    if (*folder && access(folder, W_OK) != 0 && (errno != ENOENT || access(dirname(folder), W_OK) != 0))
        problems_add(h->found, NULL, 0, "[log] file: user '%s' may not write %s: %s", s->user, h->log_file,
                     strerror(errno));
}

int command_check(const invocation *in)
{
    if (!cli_takes_nothing(in, cli_find("check")))
        return CLI_USAGE;
    host h;
    if (!host_read(&h, in)) {
        store_settings *made_up = check_plugins_alone(&h);
        int code = host_close(&h, CLI_FAILED);
        free(made_up);
        return code;
    }
    become_server(&h, in->ini);
    if (!crash_handler_install(true))
        problems_add(h.found, NULL, 0, "the crash handler cannot be installed");
    host_load(&h, false);
    if (h.runtime.worker.modules)
        router_free(module_list_router(h.runtime.worker.modules, h.found));
    host_guard(&h);
    if (h.runtime.worker.requests && !runtime_run(&h.runtime, check_running, &h))
        problems_add(h.found, NULL, 0, "the event loop cannot be set up: are there enough file descriptors?");
    host_unguard();
    size_t plugins = module_count(h.runtime.worker.modules);
    if (problems_count(h.found) == 0)
        printf("all is well: %zu plugin%s, database, schema and Redis\n", plugins, plugins == 1 ? "" : "s");
    return host_close(&h, CLI_OK);
}
