/*
 * From one generation to the next: reading the configuration, starting, switching or refusing, and telling whoever
 * asked. What happens inside a generation is in generation.c.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/process/master.h"
#include "core/process/state.h"

enum { MOST_DRAINING = 4 /* generations that finish what they have while another one may start */ };

size_t master_worker_count(const settings *s)
{
    if (s->workers > 0)
        return (size_t)s->workers;
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof cores, &cores) == 0 ? (size_t)CPU_COUNT(&cores) : 1;
}

static bool wants_watch(const master *m, const settings *s)
{
    if (m->building || strcmp(s->watch, "yes") == 0)
        return true;
    return strcmp(s->watch, "auto") == 0 && strcmp(s->mode, "development") == 0;
}

/* Watches what this reading of the configuration is made of; also when it is refused, as mending it is a change. */
static void watch_plugins(const master *m, config *c, const settings *s)
{
    problems *ignored = problems_new();
    const char *name;
    for (size_t i = 0; (name = config_plugin_name(c, i)); i++)
        if (config_plugin_enabled(c, name, ignored) && s->plugin_dir)
            watcher_look(m->watcher, config_plugin_path(c, name, s));
    problems_free(ignored);
}

static void watch_config(const master *m)
{
    watcher_begin(m->watcher);
    watcher_look(m->watcher, m->ini);
    if (m->env)
        watcher_look(m->watcher, m->env);
}

static bool on_changed(void *arg)
{
    master *m = arg;
    if (m->building && atomic_load(m->building))
        return false;
    if (m->stopping)
        return true;
    logger_write(m->log, TL_INFO, NULL, NULL, "the configuration or a plugin has changed");
    master_reload(m);
    return true;
}

static void begin_watch(master *m, config *c, const settings *s)
{
    if (m->watcher || !wants_watch(m, s))
        return;
    m->watcher = watcher_new(m->base, on_changed, m);
    if (!m->watcher) {
        logger_write(m->log, TL_WARNING, NULL, NULL, "changes of files cannot be watched: reload by hand");
        return;
    }
    watch_config(m);
    watch_plugins(m, c, s);
}

static void end_watch(master *m, const settings *s)
{
    if (!m->watcher || wants_watch(m, s))
        return;
    watcher_free(m->watcher);
    m->watcher = NULL;
}

config *master_read_config(const master *m, settings *s, problems *found)
{
    *s = (settings){0};
    /* Before they are read: what is written meanwhile is a change. */
    if (m->watcher)
        watch_config(m);
    config *c = config_load(m->ini, m->env, found);
    if (!c)
        return NULL;
    if (config_bind_core(c, s, found))
        config_check_production(c, s, found);
    if (m->watcher)
        watch_plugins(m, c, s);
    if (problems_count(found) == 0)
        return c;
    config_free(c);
    return NULL;
}

void master_start_generation(master *m, config *c, const settings *s, problems *found)
{
    begin_watch(m, c, s);
    generation *g = generation_new(m, m->base, &m->listener, m->workers, m->log, ++m->number, c, s, found);
    if (!g)
        return;
    g->metrics = m->area;
    g->restarts = m->restarts;
    TAILQ_INSERT_HEAD(&m->generations, g, in_master);
    m->starting = g;
    generation_start(g);
}

static void announce(const master *m, const generation *g)
{
    printf("listening on %s (%zu worker%s, ", m->listener.url, m->workers, m->workers == 1 ? "" : "s");
    for (size_t i = 0; i < g->copies.count; i++)
        printf("%s%s", i == 0 ? "plugins " : ", ", g->copies.items[i].name);
    printf("%s)\n", g->copies.count == 0 ? "no plugins" : "");
    fflush(stdout);
}

/* Every generation writes where the newest configuration says. */
static void switch_log(master *m, const generation *newest)
{
    logger *log = logger_new(&newest->settings, NULL, "master");
    generation *g;
    TAILQ_FOREACH(g, &m->generations, in_master)
    {
        g->log = log;
    }
    logger_free(m->log);
    m->log = log;
}

static json_object *new_result(const master *m, bool ok)
{
    char now[40];
    json_object *result = json_object_new_object();
    json_object_object_add(result, "ok", json_object_new_boolean(ok));
    json_object_object_add(result, "generation", json_object_new_int(m->serving ? m->serving->number : 0));
    json_object_object_add(result, "at", json_object_new_string(master_time(now, sizeof now)));
    json_object_object_add(result, "milliseconds", json_object_new_int64(process_now() - m->reload_began));
    return result;
}

/* Takes `result`. Everybody who waited for this reload hears of it. */
static void conclude(master *m, json_object *result)
{
    json_object_put(m->last_reload);
    m->last_reload = result;
    control_reload_ends(m->control, json_object_to_json_string_ext(result, JSON_C_TO_STRING_NOSLASHESCAPE));
    char status[128];
    snprintf(status, sizeof status, "generation %d serves on %s", m->serving ? m->serving->number : 0, m->listener.url);
    notify_ready(&m->notifier, status);
}

static void refuse(master *m, const problems *found)
{
    json_object *list = json_object_new_array();
    for (size_t i = 0; i < problems_count(found); i++) {
        logger_write(m->log, TL_LOG_ERROR, NULL, NULL, "reload failed, generation %d goes on serving: %s",
                     m->serving ? m->serving->number : 0, problems_text(found, i));
        json_object_array_add(list, json_object_new_string(problems_text(found, i)));
    }
    json_object *result = new_result(m, false);
    json_object_object_add(result, "problems", list);
    conclude(m, result);
}

static void replace(master *m, generation *old, generation *g)
{
    json_object *plugins = contents_plugin_changes(old->contents, g->contents);
    json_object *routes = contents_route_changes(old->contents, g->contents);
    json_object *result = new_result(m, true);
    char changed[512];
    contents_describe(plugins, routes, changed, sizeof changed);
    json_object_object_add(result, "before", json_object_new_int(old->number));
    json_object_object_add(result, "changed", json_object_new_string(changed));
    json_object_object_add(result, "plugins", plugins);
    json_object_object_add(result, "routes", routes);
    logger_write(m->log, TL_INFO, NULL, NULL, "generation %d serves; generation %d finishes what it has (%lld ms: %s)",
                 g->number, old->number, (long long)(process_now() - m->reload_began), changed);
    generation_drain(old, true);
    conclude(m, result);
}

static void reload_if_wanted(master *m)
{
    if (m->reload_again && !m->starting && m->serving && !m->stopping)
        master_reload(m);
}

void master_generation_ready(master *m, generation *g)
{
    generation *old = m->serving;
    m->starting = NULL;
    m->serving = g;
    metric_set(m->generation, g->number);
    generation_serve(g);
    end_watch(m, &g->settings);
    if (old) {
        switch_log(m, g);
        replace(m, old, g);
    } else {
        announce(m, g);
        logger_write(m->log, TL_INFO, NULL, NULL, "generation %d serves on %s", g->number, m->listener.url);
        char status[128];
        snprintf(status, sizeof status, "serves on %s", m->listener.url);
        notify_ready(&m->notifier, status);
    }
    reload_if_wanted(m);
}

static void drop(master *m, generation *g)
{
    TAILQ_REMOVE(&m->generations, g, in_master);
    if (m->starting == g)
        m->starting = NULL;
    if (m->serving == g)
        m->serving = NULL;
    generation_free(g);
}

void master_generation_failed(master *m, generation *g)
{
    bool first = !m->serving && !m->stopping;
    if (first)
        problems_print(g->found, stderr);
    else if (!m->stopping)
        refuse(m, g->found);
    drop(m, g);
    if (first)
        master_leave(m, 1);
    master_leave_if_empty(m);
    reload_if_wanted(m);
}

void master_generation_gone(master *m, generation *g)
{
    logger_write(m->log, TL_INFO, NULL, NULL, "generation %d has ended", g->number);
    drop(m, g);
    master_leave_if_empty(m);
    reload_if_wanted(m);
}

/* Sockets stay as they are for the life of the master. */
static void warn_of_what_stays(const master *m, const settings *s)
{
    const settings *old = &m->serving->settings;
    if (strcmp(old->address, s->address) != 0 || old->port != s->port || master_worker_count(s) != m->workers ||
        strcmp(old->run_dir, s->run_dir) != 0 || strcmp(old->user, s->user) != 0)
        logger_write(m->log, TL_WARNING, NULL, NULL,
                     "[server] address, port, workers, run_dir and user change with the next start of the server, not "
                     "with a reload");
}

/* False when somebody has to finish first: then the reload follows by itself. */
static bool may_reload(master *m)
{
    if (m->starting || !m->serving)
        return false;
    size_t draining = 0;
    generation *g;
    TAILQ_FOREACH(g, &m->generations, in_master)
    {
        draining += g->state == GENERATION_DRAINING;
    }
    if (draining < MOST_DRAINING)
        return true;
    if (!m->told_to_wait)
        logger_write(m->log, TL_INFO, NULL, NULL, "the reload waits: %d generations still finish what they have",
                     MOST_DRAINING);
    m->told_to_wait = true;
    return false;
}

void master_reload(master *m)
{
    m->reload_again = !may_reload(m);
    if (m->reload_again)
        return;
    m->told_to_wait = false;
    m->reload_began = process_now();
    control_reload_begins(m->control);
    notify_reloading(&m->notifier);
    problems *found = problems_new();
    settings s;
    config *c = master_read_config(m, &s, found);
    if (c) {
        warn_of_what_stays(m, &s);
        master_start_generation(m, c, &s, found);
    }
    if (problems_count(found) > 0)
        refuse(m, found);
    problems_free(found);
}
