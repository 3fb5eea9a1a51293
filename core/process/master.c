/*
 * The master's life: start, signals, reload, stop. What happens inside a generation is in generation.c.
 */
#include "core/process/master.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/process/generation.h"
#include "core/process/pidfile.h"
#include "core/process/privileges.h"

enum {
    SIGNAL_COUNT = 6,
    SAME_STOP = 250, /* milliseconds: timeout(1) and its like send a signal to the process and to its group */
};

typedef struct master {
    const char *ini;
    const char *env;
    struct event_base *base;
    struct event *signals[SIGNAL_COUNT];
    listeners listeners;
    int pid_fd;
    logger *log;
    TAILQ_HEAD(generation_list, generation) generations; /* the newest first */
    generation *serving;
    generation *starting;
    int number;        /* of the newest generation */
    bool reload_again; /* asked for while one was starting */
    bool stopping;
    int64_t stop_began; /* milliseconds */
    int exit_code;
} master;

static size_t worker_count(const settings *s)
{
    if (s->workers > 0)
        return (size_t)s->workers;
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof cores, &cores) == 0 ? (size_t)CPU_COUNT(&cores) : 1;
}

static config *read_config(const master *m, settings *s, problems *found)
{
    config *c = config_load(m->ini, m->env, found);
    if (!c)
        return NULL;
    if (config_bind_core(c, s, found))
        config_check_production(c, s, found);
    if (problems_count(found) == 0)
        return c;
    config_free(c);
    return NULL;
}

static void start_generation(master *m, config *c, const settings *s, problems *found)
{
    generation *g = generation_new(m, m->base, &m->listeners, m->log, ++m->number, c, s, found);
    if (!g)
        return;
    TAILQ_INSERT_HEAD(&m->generations, g, in_master);
    m->starting = g;
    generation_start(g);
}

static void leave(master *m, int code)
{
    m->exit_code = code;
    event_base_loopbreak(m->base);
}

static void leave_if_empty(master *m)
{
    if (m->stopping && TAILQ_EMPTY(&m->generations))
        leave(m, m->exit_code);
}

static void announce(const master *m, const generation *g)
{
    size_t workers = m->listeners.count;
    printf("listening on %s (%zu worker%s, ", m->listeners.url, workers, workers == 1 ? "" : "s");
    size_t plugins = 0;
    const char *name;
    for (size_t i = 0; (name = config_plugin_name(g->config, i)); i++)
        if (config_plugin_enabled(g->config, name, g->found))
            printf("%s%s", plugins++ == 0 ? "plugins " : ", ", name);
    printf("%s)\n", plugins == 0 ? "no plugins" : "");
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

static void reload(master *m);

static void reload_if_wanted(master *m)
{
    bool again = m->reload_again;
    m->reload_again = false;
    if (again && m->serving && !m->stopping)
        reload(m);
}

void master_generation_ready(master *m, generation *g)
{
    generation *old = m->serving;
    m->starting = NULL;
    m->serving = g;
    generation_serve(g);
    if (old) {
        switch_log(m, g);
        logger_write(m->log, TL_INFO, NULL, NULL, "generation %d serves; generation %d finishes what it has", g->number,
                     old->number);
        generation_drain(old);
    } else {
        announce(m, g);
        logger_write(m->log, TL_INFO, NULL, NULL, "generation %d serves on %s", g->number, m->listeners.url);
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

static void tell_reload_failed(master *m, const problems *found)
{
    for (size_t i = 0; i < problems_count(found); i++)
        logger_write(m->log, TL_LOG_ERROR, NULL, NULL, "reload failed, generation %d goes on serving: %s",
                     m->serving ? m->serving->number : 0, problems_text(found, i));
}

void master_generation_failed(master *m, generation *g)
{
    bool first = !m->serving && !m->stopping;
    if (first)
        problems_print(g->found, stderr);
    else if (!m->stopping)
        tell_reload_failed(m, g->found);
    drop(m, g);
    if (first)
        leave(m, EXIT_FAILURE);
    leave_if_empty(m);
    reload_if_wanted(m);
}

void master_generation_gone(master *m, generation *g)
{
    logger_write(m->log, TL_INFO, NULL, NULL, "generation %d has ended", g->number);
    drop(m, g);
    leave_if_empty(m);
}

/* Sockets stay as they are for the life of the master. */
static void warn_of_what_stays(const master *m, const settings *s)
{
    const settings *old = &m->serving->settings;
    if (strcmp(old->address, s->address) != 0 || old->port != s->port || worker_count(s) != m->listeners.count ||
        strcmp(old->run_dir, s->run_dir) != 0 || strcmp(old->user, s->user) != 0)
        logger_write(m->log, TL_WARNING, NULL, NULL,
                     "[server] address, port, workers, run_dir and user change with the next start of the server, not "
                     "with a reload");
}

static void reload(master *m)
{
    if (m->starting || !m->serving) {
        m->reload_again = true;
        return;
    }
    problems *found = problems_new();
    settings s;
    config *c = read_config(m, &s, found);
    if (c) {
        warn_of_what_stays(m, &s);
        start_generation(m, c, &s, found);
    }
    tell_reload_failed(m, found);
    problems_free(found);
}

static void stop(master *m)
{
    generation *g;
    generation *next;
    if (m->stopping && process_now() - m->stop_began < SAME_STOP)
        return;
    if (m->stopping) {
        logger_write(m->log, TL_WARNING, NULL, NULL, "stopping at once");
        TAILQ_FOREACH(g, &m->generations, in_master)
        {
            generation_kill(g);
        }
        return;
    }
    m->stopping = true;
    m->stop_began = process_now();
    logger_write(m->log, TL_INFO, NULL, NULL, "stopping: requests under way have %d seconds; a second signal ends them",
                 m->serving ? (int)(m->serving->settings.stop_timeout / 1000) : 0);
    /* Draining an empty generation frees it. */
    for (g = TAILQ_FIRST(&m->generations); g; g = next) {
        next = TAILQ_NEXT(g, in_master);
        if (g->state != GENERATION_DRAINING)
            generation_drain(g);
    }
    leave_if_empty(m);
}

static void reap(master *m)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        generation *g;
        TAILQ_FOREACH(g, &m->generations, in_master)
        {
            if (generation_reap(g, pid, status))
                break;
        }
    }
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    master *m = arg;
    generation *g;
    switch (number) {
    case SIGCHLD:
        reap(m);
        break;
    case SIGHUP:
        if (!m->stopping)
            reload(m);
        break;
    case SIGUSR1:
        logger_reopen(m->log);
        TAILQ_FOREACH(g, &m->generations, in_master)
        {
            generation_reopen_logs(g);
        }
        break;
    default:
        stop(m);
    }
}

static bool watch_signals(master *m)
{
    static const int numbers[SIGNAL_COUNT] = {SIGCHLD, SIGHUP, SIGUSR1, SIGTERM, SIGQUIT, SIGINT};
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        m->signals[i] = evsignal_new(m->base, numbers[i], on_signal, m);
        if (!m->signals[i] || event_add(m->signals[i], NULL) != 0)
            return false;
    }
    return true;
}

/* Everything that needs what the operator may do, then its end. */
static bool take_place(master *m, const settings *s, problems *found)
{
    process_limits(s);
    if (!run_dir_make(s, found))
        return false;
    m->pid_fd = pidfile_take(s, found);
    if (m->pid_fd < 0 || !listeners_open(&m->listeners, s, worker_count(s), found) || !privileges_drop(s, found))
        return false;
    /* Changing the user may have switched core files on again. */
    process_limits(s);
    m->base = event_base_new();
    m->log = logger_new(s, NULL, "master");
    if (!m->base || !watch_signals(m)) {
        problems_add(found, NULL, 0, "the event loop cannot be set up: are there enough file descriptors?");
        return false;
    }
    if (access(m->ini, R_OK) != 0)
        logger_write(m->log, TL_WARNING, NULL, NULL,
                     "user '%s' may not read %s: a reload will fail until it may, by chown or chmod", s->user, m->ini);
    return true;
}

static void clean_up(master *m)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        if (m->signals[i])
            event_free(m->signals[i]);
    listeners_close(&m->listeners);
    if (m->log)
        logger_free(m->log);
    if (m->base)
        event_base_free(m->base);
    if (m->pid_fd >= 0)
        close(m->pid_fd);
}

int master_run(const char *ini, const char *env)
{
    master m = {.ini = ini, .env = env, .pid_fd = -1, .exit_code = EXIT_SUCCESS};
    TAILQ_INIT(&m.generations);
    problems *found = problems_new();
    settings s;
    config *c = read_config(&m, &s, found);
    bool placed = c && take_place(&m, &s, found);
    if (placed)
        start_generation(&m, c, &s, found);
    else if (c)
        config_free(c);
    problems_print(found, stderr);
    int code = EXIT_FAILURE;
    if (problems_count(found) == 0) {
        if (!TAILQ_EMPTY(&m.generations))
            event_base_loop(m.base, EVLOOP_NO_EXIT_ON_EMPTY);
        code = m.exit_code;
    }
    problems_free(found);
    clean_up(&m);
    return code;
}
