/*
 * The life of a worker: read what the master has left, load, start, say READY, serve when told to, drain when told to.
 */
#include "core/process/worker_main.h"

#include <event2/event.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/http/http.h"
#include "core/jobs/jobs.h"
#include "core/log/log.h"
#include "core/mail/mail.h"
#include "core/pool/isolation.h"
#include "core/process/backtrace.h"
#include "core/process/beat.h"
#include "core/process/crash.h"
#include "core/process/ipc.h"
#include "core/process/privileges.h"
#include "core/process/runtime.h"
#include "core/request/request.h"

enum {
    JOBS_NICENESS = 5,
    IDLE_POLL = 10,            /* milliseconds between looks at whether everything has ended */
    ORPHAN_TIMEOUT = 2000,     /* to leave when the master has gone */
    CANCELLED_PATIENCE = 1000, /* for cancelled requests to end */
    RETIRE_PATIENCE = 5000,    /* with clients that say nothing, when others serve already */
    EXIT_CUT_OFF = 3,
};

typedef struct process {
    runtime runtime;
    config *config;
    settings settings;
    problems *found;
    mailer *mailer;
    jobs *jobs;
    bool strict;
    bool drained; /* no connection is left */
    bool failed;
    bool late; /* the deadline of the stop has passed */
    struct event *control;
    struct event *terminate;
    struct event *idle;
    struct event *deadline;
    struct event *beat;
    char name[24];
} process;

static struct timeval milliseconds(int64_t count)
{
    return (struct timeval){.tv_sec = count / 1000, .tv_usec = count % 1000 * 1000};
}

static void leave_when_idle(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    process *p = arg;
    if (p->drained && request_count(p->runtime.worker.requests) == 0 && jobs_are_idle(p->jobs))
        event_base_loopbreak(p->runtime.worker.base);
}

static void on_drained(void *arg)
{
    process *p = arg;
    p->drained = true;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    process *p = arg;
    p->late = true;
    event_base_loopbreak(p->runtime.worker.base);
}

static void begin_stop(process *p, int64_t timeout)
{
    worker *w = &p->runtime.worker;
    struct timeval limit = milliseconds(timeout);
    event_add(p->deadline, &limit);
    if (w->stopping)
        return;
    w->stopping = true;
    struct timeval poll = milliseconds(IDLE_POLL);
    event_add(p->idle, &poll);
    mailer_free(p->mailer);
    p->mailer = NULL;
    jobs_stop(p->jobs, timeout);
    if (w->http)
        http_server_drain(w->http, on_drained, p);
    else
        p->drained = true;
}

static void on_terminate(evutil_socket_t signal_number, short what, void *arg)
{
    (void)signal_number;
    (void)what;
    process *p = arg;
    begin_stop(p, p->settings.stop_timeout);
}

static void serve(process *p)
{
    worker *w = &p->runtime.worker;
    if (w->stopping)
        return;
    if (w->role == ROLE_JOBS) {
        p->mailer = mailer_new(w);
        p->jobs = jobs_new(w);
        jobs_start(p->jobs);
        return;
    }
    /* Now, while it is small. */
    isolation_start(w->isolation);
    if (!http_server_listen(w->http, WORKER_LISTEN_FD, WORKER_NUDGE_FD)) {
        log_error(w, NULL, "cannot listen; leaving");
        begin_stop(p, 0);
    }
}

static void on_control(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    process *p = arg;
    char text[IPC_TEXT_MAX];
    for (;;) {
        switch (ipc_receive(fd, text)) {
        case IPC_SERVE:
            serve(p);
            break;
        case IPC_RETIRE:
            if (p->runtime.worker.http)
                http_server_be_patient(p->runtime.worker.http, RETIRE_PATIENCE);
            begin_stop(p, p->settings.stop_timeout);
            break;
        case IPC_STOP:
            begin_stop(p, p->settings.stop_timeout);
            break;
        case IPC_REOPEN:
            logger_reopen(p->runtime.worker.log);
            break;
        case IPC_GONE:
            event_del(p->control);
            log_warning(&p->runtime.worker, NULL, "the master has gone; leaving");
            begin_stop(p, ORPHAN_TIMEOUT);
            /* A new server wants the address, and nobody will take what is queued. */
            if (p->runtime.worker.role == ROLE_HTTP)
                shutdown(WORKER_LISTEN_FD, SHUT_RDWR);
            return;
        case IPC_NOTHING:
            return;
        default:
            break;
        }
    }
}

static void start(tl_request *req, void *arg)
{
    process *p = arg;
    if (runtime_start(&p->runtime, req, p->strict, p->found) == TL_OK) {
        ipc_send(WORKER_CONTROL_FD, IPC_READY, NULL);
        return;
    }
    p->failed = true;
    event_base_loopbreak(p->runtime.worker.base);
}

static bool watch(process *p)
{
    worker *w = &p->runtime.worker;
    p->control = event_new(w->base, WORKER_CONTROL_FD, EV_READ | EV_PERSIST, on_control, p);
    p->terminate = evsignal_new(w->base, SIGTERM, on_terminate, p);
    p->idle = event_new(w->base, -1, EV_PERSIST, leave_when_idle, p);
    p->deadline = event_new(w->base, -1, 0, on_deadline, p);
    p->beat = beat_start(w);
    return p->control && p->terminate && p->idle && p->deadline && p->beat && event_add(p->control, NULL) == 0 &&
           event_add(p->terminate, NULL) == 0;
}

static void unwatch(process *p)
{
    struct event *events[] = {p->control, p->terminate, p->idle, p->deadline, p->beat};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i])
            event_free(events[i]);
}

static int tell_problems(process *p)
{
    size_t count = problems_count(p->found);
    for (size_t i = 0; i < count; i++)
        ipc_send(WORKER_CONTROL_FD, IPC_PROBLEM, problems_text(p->found, i));
    return count > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The config's descriptor is shared with the other workers, its offset too: each opens its own. */
static bool read_config(process *p)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", WORKER_CONFIG_FD);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    close(WORKER_CONFIG_FD);
    if (fd < 0) {
        problems_add(p->found, NULL, 0, "the configuration that the master has left cannot be read");
        return false;
    }
    p->config = config_read(fd, p->found);
    close(fd);
    return p->config && config_bind_core(p->config, &p->settings, p->found) && problems_count(p->found) == 0;
}

static bool open_board(runtime_plan *plan)
{
    struct stat size;
    if (fstat(WORKER_BOARD_FD, &size) != 0)
        return false;
    plan->board_count = (size_t)size.st_size / sizeof(scoreboard_slot);
    if (plan->slot < 0 || (size_t)plan->slot >= plan->board_count)
        return false;
    plan->boards = board_map(WORKER_BOARD_FD, plan->board_count);
    close(WORKER_BOARD_FD);
    plan->board = plan->boards ? &plan->boards[plan->slot] : NULL;
    return plan->board != NULL;
}

static void open_runtime(process *p, const runtime_plan *plan)
{
    worker *w = &p->runtime.worker;
    runtime_open(&p->runtime, p->config, &p->settings, plan, p->found);
    /* Once more: what the plugins have loaded themselves. */
    backtrace_learn();
    if (plan->role != ROLE_HTTP || !w->modules)
        return;
    router *routes = module_list_router(w->modules, p->found);
    if (problems_count(p->found) == 0 && w->slot == 0 && p->strict)
        tell_contents(w, routes, WORKER_CONTROL_FD);
    if (problems_count(p->found) == 0)
        w->http = http_server_new(w, routes);
    else
        router_free(routes);
}

/* Serves until the end of the loop; the exit code. */
static int run(process *p)
{
    worker *w = &p->runtime.worker;
    tl_request *req = problems_count(p->found) == 0 ? request_new(w, 0) : NULL;
    if (req && watch(p) && request_start(req, start, p)) {
        /* Where no plugin waits, `start` has ended already. */
        if (!p->failed)
            event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY);
    } else if (problems_count(p->found) == 0) {
        problems_add(p->found, NULL, 0, "the event loop cannot be set up: are there enough file descriptors?");
    }
    if (p->late)
        log_warning(w, NULL, "%zu requests were cut off: they had not ended when the time to stop was over",
                    request_count(w->requests));
    if (!runtime_settle(&p->runtime, CANCELLED_PATIENCE)) {
        /* Their stacks cannot be unwound: what they hold goes with the process. */
        tell_problems(p);
        logger_flush(w->log);
        _exit(EXIT_CUT_OFF);
    }
    unwatch(p);
    jobs_free(p->jobs);
    return p->late ? EXIT_CUT_OFF : EXIT_SUCCESS;
}

int worker_main(int argc, char **argv)
{
    if (argc != 6 || fcntl(WORKER_CONTROL_FD, F_GETFD) < 0) {
        fprintf(stderr, "talelio: %s is for the master alone\n", WORKER_WORD);
        return 2;
    }
    /* What a terminal sends goes to the master too, and it decides. */
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    static process p;
    p.found = problems_new();
    p.strict = strcmp(argv[5], "first") == 0;
    runtime_plan plan = {
        .role = strcmp(argv[2], "jobs") == 0 ? ROLE_JOBS : ROLE_HTTP,
        .slot = atoi(argv[3]),
        .generation = atoi(argv[4]),
        .name = p.name,
        .first_copy = WORKER_FIRST_PLUGIN_FD,
        .metrics_fd = WORKER_METRICS_FD,
    };
    if (plan.role == ROLE_JOBS)
        snprintf(p.name, sizeof p.name, "jobs");
    else
        snprintf(p.name, sizeof p.name, "worker %d", plan.slot + 1);
    /* What nobody waits for gives way to what visitors wait for; its threads and children too. */
    if (plan.role == ROLE_JOBS)
        setpriority(PRIO_PROCESS, 0, JOBS_NICENESS);
    close_range(WORKER_CONTROL_FD, ~0U, CLOSE_RANGE_CLOEXEC);
    int code = EXIT_FAILURE;
    if (!open_board(&plan))
        problems_add(p.found, NULL, 0, "the scoreboard cannot be mapped");
    else if (read_config(&p)) {
        process_limits(&p.settings);
        if (!crash_handler_install(false))
            problems_add(p.found, NULL, 0, "the crash handler cannot be installed");
        plan.metrics_block = plan.board->metrics_block;
        open_runtime(&p, &plan);
        code = run(&p);
        int problem = tell_problems(&p);
        runtime_close(&p.runtime);
        code = problem ? problem : code;
    } else {
        tell_problems(&p);
    }
    config_free(p.config);
    problems_free(p.found);
    return code;
}
