/*
 * One child process: fork and exec of this very program, what it says on its control socket, and its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/process/generation.h"
#include "core/process/ipc.h"
#include "core/process/worker_main.h"

enum { NUMBER_SIZE = 16 };

static const char SELF[] = "/proc/self/exe";

int64_t process_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * In the child, between fork and exec: only system calls. Puts `fds` to their fixed numbers; -1 stays closed. They are
 * first moved out of the way, as one may stand where another belongs.
 */
static bool place_fds(int *fds, int count)
{
    for (int i = 0; i < count; i++) {
        if (fds[i] < 0)
            continue;
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, WORKER_CONTROL_FD + count);
        if (fds[i] < 0)
            return false;
    }
    for (int i = 0; i < count; i++)
        if (fds[i] >= 0 && dup2(fds[i], WORKER_CONTROL_FD + i) < 0)
            return false;
    return true;
}

/*
 * This program as it was started, even when its file has been replaced or removed since. Tools that run a program
 * inside of theirs (valgrind) show the way to it by the link's text alone.
 */
static const char *own_program(void)
{
    static char path[PATH_MAX];
    if (path[0])
        return path;
    struct stat named;
    struct stat running;
    ssize_t length = readlink(SELF, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    if (length <= 0 || stat(path, &named) != 0 || stat(SELF, &running) != 0 ||
        (named.st_ino == running.st_ino && named.st_dev == running.st_dev))
        memcpy(path, SELF, sizeof SELF);
    return path;
}

static _Noreturn void become_worker(const char *program, int *fds, int count, char *const *argv, const sigset_t *mask)
{
    static const int ours[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGCHLD};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        signal(ours[i], SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    /* Also what whoever started the master has left open. Where the kernel cannot, that stays open and does no harm. */
    close_range(WORKER_CONTROL_FD, ~0U, CLOSE_RANGE_CLOEXEC);
    if (place_fds(fds, count)) {
        execv(program, argv);
        ipc_send(WORKER_CONTROL_FD, IPC_NO_EXEC, strerrordesc_np(errno));
    }
    _exit(127);
}

static pid_t spawn(child *c, int control)
{
    const generation *g = c->generation;
    char slot[NUMBER_SIZE];
    char number[NUMBER_SIZE];
    snprintf(slot, sizeof slot, "%d", c->slot);
    snprintf(number, sizeof number, "%d", g->number);
    char *argv[] = {"talelio", WORKER_WORD, c->role == ROLE_JOBS ? "jobs" : "http",
                    slot,      number,      g->state == GENERATION_STARTING ? "first" : "again",
                    NULL};
    bool listens = c->role == ROLE_HTTP;
    int count = WORKER_FD_COUNT + (int)g->copies.count;
    int *fds = calloc((size_t)count, sizeof *fds);
    if (!fds)
        return -1;
    memcpy(fds,
           (int[WORKER_FD_COUNT]){control, g->config_fd, g->board_fd, metric_area_fd(g->metrics),
                                  listens ? g->listener->fd : -1, listens ? g->nudge_fd : -1},
           sizeof(int[WORKER_FD_COUNT]));
    for (size_t i = 0; i < g->copies.count; i++)
        fds[WORKER_FD_COUNT + i] = g->copies.items[i].fd;
    const char *program = own_program();
    /* A signal in the child must not run the master's handlers. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        become_worker(program, fds, count, argv, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    free(fds);
    return pid;
}

static void on_control(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    child_listen(arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    child *c = arg;
    generation_child_timer(c->generation, c);
}

void child_arm(child *c, int64_t milliseconds)
{
    if (!c->timer)
        c->timer = event_new(c->generation->base, -1, 0, on_timer, c);
    struct timeval pause = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    if (c->timer)
        event_add(c->timer, &pause);
}

static void close_control(child *c)
{
    if (c->control_event)
        event_free(c->control_event);
    c->control_event = NULL;
    if (c->control >= 0)
        close(c->control);
    c->control = -1;
}

void child_start(child *c)
{
    generation *g = c->generation;
    c->ready = false;
    c->told = 0;
    c->started = process_now();
    c->stall = 0;
    c->metrics_block = metric_area_take(g->metrics);
    g->board[c->slot] = (scoreboard_slot){.looping = c->looping, .metrics_block = c->metrics_block};
    int ends[2] = {-1, -1};
    if (!ipc_pair(ends))
        goto failed;
    c->control = ends[0];
    c->control_event = event_new(g->base, c->control, EV_READ | EV_PERSIST, on_control, c);
    if (!c->control_event || event_add(c->control_event, NULL) != 0)
        goto failed;
    c->pid = spawn(c, ends[1]);
    if (c->pid < 0)
        goto failed;
    close(ends[1]);
    return;

failed:
    logger_write(g->log, TL_LOG_ERROR, NULL, NULL, "%s cannot be started: %s", c->name, strerror(errno));
    c->pid = 0;
    metric_area_give_back(g->metrics, c->metrics_block);
    if (ends[1] >= 0)
        close(ends[1]);
    close_control(c);
}

void child_send(child *c, char kind)
{
    if (c->control >= 0)
        ipc_send(c->control, (ipc_kind)kind, NULL);
}

static void tell_of_program(child *c, const char *why)
{
    char path[PATH_MAX];
    ssize_t length = readlink(SELF, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    char text[PATH_MAX + 128];
    snprintf(text, sizeof text, "the program %s cannot be executed: %.64s", path, why);
    generation_child_problem(c->generation, c, text);
}

void child_listen(child *c)
{
    char text[IPC_TEXT_MAX];
    while (c->control >= 0) {
        ipc_kind kind = ipc_receive(c->control, text);
        switch (kind) {
        case IPC_READY:
            c->ready = true;
            generation_child_ready(c->generation, c);
            break;
        case IPC_PROBLEM:
            c->told++;
            generation_child_problem(c->generation, c, text);
            break;
        case IPC_NO_EXEC:
            c->told++;
            tell_of_program(c, text);
            break;
        case IPC_PLUGIN:
        case IPC_ROUTE:
            generation_child_tells(c->generation, (char)kind, text);
            break;
        case IPC_NOTHING:
            return;
        default: /* gone; SIGCHLD tells how */
            close_control(c);
            return;
        }
    }
}

const char *child_bury(child *c, int status, char *text, size_t size)
{
    child_listen(c);
    close_control(c);
    if (c->timer)
        event_del(c->timer);
    char where[512];
    board_describe(&c->generation->board[c->slot], where, sizeof where);
    if (WIFSIGNALED(status))
        snprintf(text, size, "%s (pid %d) was killed by SIG%s (%s)%s", c->name, (int)c->pid,
                 sigabbrev_np(WTERMSIG(status)), strsignal(WTERMSIG(status)), where);
    else
        snprintf(text, size, "%s (pid %d) ended with exit code %d%s", c->name, (int)c->pid, WEXITSTATUS(status), where);
    const char *trace = c->generation->board[c->slot].crash.backtrace;
    if (trace[0]) {
        size_t length = strlen(text);
        snprintf(text + length, size - length, "; backtrace: %.*s", (int)BACKTRACE_SIZE - 1, trace);
    }
    c->generation->board[c->slot].accepting = ACCEPTING_NOT;
    c->pid = 0;
    c->ready = false;
    metric_area_give_back(c->generation->metrics, c->metrics_block);
    c->all_deaths++;
    return text;
}
