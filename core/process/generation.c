/*
 * What a generation does with the news of its processes: while it starts, the first failure ends it; while it serves,
 * who dies is replaced; while it drains, nobody is.
 */
#include "core/process/generation.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/process/ipc.h"

enum { KILL_GRACE = 2000 /* milliseconds beyond stop_timeout, which a process keeps itself */ };

static int write_config(const config *c)
{
    int fd = memfd_create("talelio-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -1;
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    if (!config_write(c, fd) || fcntl(fd, F_ADD_SEALS, seals) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void name_children(generation *g)
{
    for (size_t i = 0; i < g->count; i++) {
        child *c = &g->children[i];
        c->generation = g;
        c->slot = (int)i;
        c->control = -1;
        c->role = i + 1 < g->count ? ROLE_HTTP : ROLE_JOBS;
        if (c->role == ROLE_JOBS)
            snprintf(c->name, sizeof c->name, "jobs");
        else
            snprintf(c->name, sizeof c->name, "worker %d", c->slot + 1);
    }
}

generation *generation_new(struct master *m, struct event_base *base, const listener *l, size_t workers, logger *log,
                           int number, config *c, const settings *s, problems *found)
{
    generation *g = calloc(1, sizeof *g);
    if (!g)
        abort();
    *g = (generation){
        .master = m,
        .base = base,
        .listener = l,
        .log = log,
        .number = number,
        .config = c,
        .settings = *s,
        .count = workers + 1,
        .config_fd = write_config(c),
        .board_fd = board_create(workers + 1),
        .nudge_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
        .contents = contents_new(),
        .found = problems_new(),
    };
    copies_make(&g->copies, c, s);
    g->children = calloc(g->count, sizeof *g->children);
    g->board = g->board_fd < 0 ? NULL : board_map(g->board_fd, g->count);
    if (!g->children || !g->board || g->config_fd < 0 || g->nudge_fd < 0) {
        problems_add(found, NULL, 0,
                     "a generation of workers cannot be set up: are there enough memory and file "
                     "descriptors?");
        generation_free(g);
        return NULL;
    }
    name_children(g);
    return g;
}

void generation_free(generation *g)
{
    if (!g)
        return;
    for (size_t i = 0; g->children && i < g->count; i++)
        if (g->children[i].timer)
            event_free(g->children[i].timer);
    if (g->end)
        event_free(g->end);
    board_unmap(g->board, g->count);
    if (g->board_fd >= 0)
        close(g->board_fd);
    if (g->config_fd >= 0)
        close(g->config_fd);
    if (g->nudge_fd >= 0)
        close(g->nudge_fd);
    free(g->children);
    copies_close(&g->copies);
    contents_free(g->contents);
    problems_free(g->found);
    config_free(g->config);
    free(g);
}

static bool all_gone(const generation *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->children[i].pid > 0)
            return false;
    return true;
}

/* Tells the master once the last process has ended; `g` may be freed after that. */
static void tell_if_gone(generation *g)
{
    if (!all_gone(g))
        return;
    if (g->state == GENERATION_DRAINING)
        master_generation_gone(g->master, g);
    else if (g->state == GENERATION_STARTING && g->failed)
        master_generation_failed(g->master, g);
}

/* The first failure is the reason; what the others wait for does not matter any more. */
static void fail(generation *g)
{
    g->failed = true;
    for (size_t i = 0; i < g->count; i++)
        if (g->children[i].timer)
            event_del(g->children[i].timer);
    generation_kill(g);
}

void generation_start(generation *g)
{
    for (size_t i = 0; i < g->count && !g->failed; i++) {
        child *c = &g->children[i];
        child_start(c);
        if (c->pid > 0) {
            child_arm(c, g->settings.start_timeout);
        } else {
            problems_add(g->found, NULL, 0, "%s cannot be started: are there enough processes and memory?", c->name);
            fail(g);
        }
    }
    tell_if_gone(g);
}

void generation_serve(generation *g)
{
    g->state = GENERATION_SERVING;
    for (size_t i = 0; i < g->count; i++)
        g->children[i].has_served = true;
    for (size_t i = 0; i < g->count; i++)
        child_send(&g->children[i], IPC_SERVE);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    generation *g = arg;
    logger_write(g->log, TL_WARNING, NULL, NULL, "generation %d has not ended in time: what is left of it is killed",
                 g->number);
    generation_kill(g);
}

void generation_drain(generation *g, bool replaced)
{
    bool starting = g->state == GENERATION_STARTING;
    g->state = GENERATION_DRAINING;
    g->drain_began = process_now();
    for (size_t i = 0; i < g->count; i++) {
        child *c = &g->children[i];
        if (c->timer)
            event_del(c->timer);
        child_send(c, replaced ? IPC_RETIRE : IPC_STOP);
    }
    if (starting)
        generation_kill(g);
    int64_t limit = g->settings.stop_timeout + KILL_GRACE;
    g->end = event_new(g->base, -1, 0, on_end, g);
    struct timeval pause = {.tv_sec = limit / 1000, .tv_usec = limit % 1000 * 1000};
    if (g->end)
        event_add(g->end, &pause);
    tell_if_gone(g);
}

void generation_kill(generation *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->children[i].pid > 0)
            kill(g->children[i].pid, SIGKILL);
}

void generation_reopen_logs(generation *g)
{
    for (size_t i = 0; i < g->count; i++)
        child_send(&g->children[i], IPC_REOPEN);
}

void generation_child_ready(generation *g, child *c)
{
    event_del(c->timer);
    if (g->state == GENERATION_SERVING) {
        c->has_served = true;
        child_send(c, IPC_SERVE);
        logger_write(g->log, TL_INFO, NULL, NULL, "%s (pid %d) serves in the place of the one that ended", c->name,
                     (int)c->pid);
        return;
    }
    if (g->state != GENERATION_STARTING || g->failed)
        return;
    for (size_t i = 0; i < g->count; i++)
        if (!g->children[i].ready)
            return;
    master_generation_ready(g->master, g);
}

/* What is wrong with the configuration is wrong in every process: it is told once. */
static void add_once(problems *found, const char *text)
{
    for (size_t i = 0; i < problems_count(found); i++)
        if (strcmp(problems_text(found, i), text) == 0)
            return;
    problems_add(found, NULL, 0, "%s", text);
}

void generation_child_problem(generation *g, child *c, const char *text)
{
    if (g->state == GENERATION_STARTING)
        add_once(g->found, text);
    else
        logger_write(g->log, TL_LOG_ERROR, NULL, NULL, "%s cannot start: %s", c->name, text);
}

void generation_child_tells(generation *g, char kind, const char *text)
{
    if (g->state != GENERATION_STARTING)
        return;
    if (kind == IPC_ROUTE) {
        contents_add_route(g->contents, text);
        return;
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "\t"), text);
    contents_add_plugin(g->contents, text, copies_print(&g->copies, name));
}

void generation_look(generation *g)
{
    int64_t now = process_now();
    for (size_t i = 0; i < g->count; i++)
        child_look(&g->children[i], now);
}

void generation_child_timer(generation *g, child *c)
{
    if (c->pid > 0) {
        char where[512];
        board_describe(&g->board[c->slot], where, sizeof where);
        char text[640];
        snprintf(text, sizeof text, "%s was not ready after %d seconds ([server] start_timeout)%s", c->name,
                 (int)(g->settings.start_timeout / 1000), where);
        c->told++;
        generation_child_problem(g, c, text);
        if (g->state == GENERATION_STARTING)
            fail(g);
        else
            kill(c->pid, SIGKILL);
        return;
    }
    child_start(c);
    if (c->pid > 0)
        child_arm(c, g->settings.start_timeout);
    else
        child_start_again(c);
}

static void after_death(generation *g, child *c, int status, const char *how)
{
    switch (g->state) {
    case GENERATION_STARTING:
        if (!g->failed && c->told == 0)
            add_once(g->found, how);
        if (!g->failed)
            fail(g);
        break;
    case GENERATION_SERVING:
        logger_write(g->log, TL_LOG_ERROR, NULL, NULL, "%s; it is started again", how);
        metric_add(g->restarts, 1);
        child_start_again(c);
        break;
    case GENERATION_DRAINING:
        if (!WIFEXITED(status) && WTERMSIG(status) != SIGKILL)
            logger_write(g->log, TL_LOG_ERROR, NULL, NULL, "%s", how);
        break;
    }
    tell_if_gone(g);
}

bool generation_reap(generation *g, pid_t pid, int status)
{
    for (size_t i = 0; i < g->count; i++) {
        child *c = &g->children[i];
        if (c->pid != pid)
            continue;
        char how[1024];
        child_bury(c, status, how, sizeof how);
        after_death(g, c, status, how);
        return true;
    }
    return false;
}
