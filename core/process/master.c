/*
 * The master's life: start, signals, stop. How one generation follows another is in reload.c.
 */
#include "core/process/master.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/process/pidfile.h"
#include "core/process/privileges.h"
#include "core/process/state.h"

enum {
    SAME_STOP = 250, /* milliseconds: timeout(1) and its like send a signal to the process and to its group */
    TICK = 1,        /* seconds */
};

void master_leave(master *m, int code)
{
    m->exit_code = code;
    event_base_loopbreak(m->base);
}

void master_leave_if_empty(master *m)
{
    if (m->stopping && TAILQ_EMPTY(&m->generations))
        master_leave(m, m->exit_code);
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
    notify_stopping(&m->notifier);
    logger_write(m->log, TL_INFO, NULL, NULL, "stopping: requests under way have %d seconds; a second signal ends them",
                 m->serving ? (int)(m->serving->settings.stop_timeout / 1000) : 0);
    /* Draining an empty generation frees it. */
    for (g = TAILQ_FIRST(&m->generations); g; g = next) {
        next = TAILQ_NEXT(g, in_master);
        if (g->state != GENERATION_DRAINING)
            generation_drain(g, false);
    }
    master_leave_if_empty(m);
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
            master_reload(m);
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

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    master *m = arg;
    if (m->serving)
        generation_look(m->serving);
}

static void on_alive(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    const master *m = arg;
    notify_alive(&m->notifier);
}

static bool start_clocks(master *m)
{
    m->tick = event_new(m->base, -1, EV_PERSIST, on_tick, m);
    if (!m->tick || event_add(m->tick, &(struct timeval){.tv_sec = TICK}) != 0)
        return false;
    if (m->notifier.watchdog == 0)
        return true;
    struct timeval pause = {.tv_sec = m->notifier.watchdog / 1000, .tv_usec = m->notifier.watchdog % 1000 * 1000};
    m->alive = event_new(m->base, -1, EV_PERSIST, on_alive, m);
    return m->alive && event_add(m->alive, &pause) == 0;
}

static void reload_for_client(void *arg)
{
    master *m = arg;
    master_reload(m);
}

static const char *status_for_client(void *arg)
{
    master *m = arg;
    json_object_put(m->status);
    m->status = master_status(m);
    return json_object_to_json_string_ext(m->status, JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* Everything that needs what the operator may do, then its end. */
static bool take_place(master *m, const settings *s, problems *found)
{
    process_limits(s);
    if (!run_dir_make(s, found))
        return false;
    m->pid_fd = pidfile_take(s, found);
    if (m->pid_fd < 0 || !listener_open(&m->listener, s, found) || !privileges_drop(s, found))
        return false;
    m->workers = master_worker_count(s);
    /* Changing the user may have switched core files on again. */
    process_limits(s);
    m->base = event_base_new();
    m->log = logger_new(s, NULL, "master");
    if (!m->base || !watch_signals(m) || !start_clocks(m)) {
        problems_add(found, NULL, 0, "the event loop cannot be set up: are there enough file descriptors?");
        return false;
    }
    const control_calls calls = {.reload = reload_for_client, .status = status_for_client, .arg = m};
    m->control = control_open(m->base, s, &calls, found);
    if (!m->control)
        return false;
    if (access(m->ini, R_OK) != 0)
        logger_write(m->log, TL_WARNING, NULL, NULL,
                     "user '%s' may not read %s: a reload will fail until it may, by chown or chmod", s->user, m->ini);
    return true;
}

/* Without the memory for it the server serves all the same, and counts nothing. */
static void open_metrics(master *m)
{
    m->area = metric_area_new(m->workers + 1);
    m->metrics = metrics_open(metric_area_fd(m->area), 0, "master", 0);
    m->restarts = metrics_register(m->metrics, &(metric_spec){.name = "talelio_worker_restarts_total",
                                                              .help = "Processes started in the place of one that died",
                                                              .kind = METRIC_COUNTER});
    m->generation = metrics_register(m->metrics, &(metric_spec){.name = "talelio_generation",
                                                                .help = "The number of the generation that serves",
                                                                .kind = METRIC_GAUGE});
    metric *start = metrics_register(m->metrics, &(metric_spec){.name = "talelio_start_time_seconds",
                                                                .help = "When the server was started",
                                                                .kind = METRIC_GAUGE});
    metric_set(start, (double)time(NULL));
}

static void clean_up(master *m)
{
    metrics_close(m->metrics);
    metric_area_free(m->area);
    control_close(m->control);
    watcher_free(m->watcher);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        if (m->signals[i])
            event_free(m->signals[i]);
    if (m->tick)
        event_free(m->tick);
    if (m->alive)
        event_free(m->alive);
    listener_close(&m->listener);
    json_object_put(m->last_reload);
    json_object_put(m->status);
    if (m->log)
        logger_free(m->log);
    if (m->base)
        event_base_free(m->base);
    if (m->pid_fd >= 0)
        close(m->pid_fd);
}

int master_run(const char *ini, const char *env, const atomic_bool *building)
{
    master m = {.ini = ini, .env = env, .building = building, .pid_fd = -1, .began = process_now()};
    TAILQ_INIT(&m.generations);
    notify_open(&m.notifier);
    problems *found = problems_new();
    settings s;
    config *c = master_read_config(&m, &s, found);
    bool placed = c && take_place(&m, &s, found);
    if (placed)
        open_metrics(&m);
    if (placed)
        master_start_generation(&m, c, &s, found);
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
