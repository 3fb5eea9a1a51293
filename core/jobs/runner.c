/*
 * The jobs of a process: a timer for looks, requests for runs, and stopping.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/jobs/private.h"
#include "core/log/log.h"
#include "core/worker.h"

static void arm(struct event *timer, int64_t milliseconds)
{
    struct timeval pause = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    event_add(timer, &pause);
}

bool jobs_are_idle(const jobs *j)
{
    for (size_t i = 0; j && i < j->count; i++)
        if (j->all[i].phase != JOB_IDLE)
            return false;
    return true;
}

static void end_run(job *j, int result)
{
    j->req = NULL;
    j->result = result;
    j->phase = JOB_ENDED;
    if (!j->owner->looking)
        arm(j->owner->tick, 0);
}

static void describe(job *j, tl_request *req, int result)
{
    const char *how = "";
    if (result == TL_UNAVAILABLE)
        how = "a server that it needs cannot be reached; ";
    else if (result == TL_EXCEEDED)
        how = "it took more time or memory than it may; ";
    else if (req->cancelled)
        how = "it was cancelled; ";
    snprintf(j->message, sizeof j->message, "%sthe log of %s has more, with request %s", how, j->owner->server,
             req->id);
}

static void count(job *j, int result)
{
    metric_add(j->runs, 1);
    if (result != TL_OK && !j->interrupted)
        metric_add(j->failures, 1);
}

typedef struct attempt {
    const tl_job *spec;
    int result;
} attempt;

static void run_plugin(tl_request *req, void *arg)
{
    attempt *a = arg;
    a->result = a->spec->run(req);
}

static void run(tl_request *req, void *arg)
{
    job *j = arg;
    int64_t began = loop_now(req->worker);
    attempt a = {j->spec, TL_EXCEEDED};
    request_run_limited(req, run_plugin, &a);
    int result = a.result;
    double seconds = (double)(loop_now(req->worker) - began) / 1000;
    if (result == TL_OK)
        log_info(req->worker, req, "job %s of plugin %s: done in %.1f s", j->spec->name, j->module->name, seconds);
    else if (j->interrupted)
        log_warning(req->worker, req, "job %s of plugin %s was interrupted after %.1f s", j->spec->name,
                    j->module->name, seconds);
    else
        log_error(req->worker, req, "job %s of plugin %s failed (%d) after %.1f s", j->spec->name, j->module->name,
                  result, seconds);
    if (result != TL_OK)
        describe(j, req, result);
    count(j, result);
    end_run(j, result);
}

static void begin(job *j)
{
    worker *w = j->owner->worker;
    if (j->owner->stopping) {
        j->interrupted = true;
        end_run(j, TL_CANCELLED);
        return;
    }
    tl_request *req = request_new(w, 0);
    if (!req) {
        arm(j->owner->begin, 1000);
        return;
    }
    req->module = j->module;
    req->route = &j->route;
    j->req = req;
    j->phase = JOB_RUNNING;
    if (request_start(req, run, j))
        return;
    log_error(w, NULL, "job %s of plugin %s cannot be started: there is no memory for its stack", j->spec->name,
              j->module->name);
    snprintf(j->message, sizeof j->message, "it could not be started: there was no memory for its stack");
    end_run(j, TL_ERROR);
}

static void on_begin(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    jobs *j = arg;
    for (size_t i = 0; i < j->count; i++)
        if (j->all[i].phase == JOB_CLAIMED)
            begin(&j->all[i]);
}

void jobs_begin(jobs *j)
{
    arm(j->begin, 0);
}

/* While the database is away nobody renews; before somebody else may take a run, it ends here. */
static void cancel_late_runs(jobs *all)
{
    for (size_t i = 0; i < all->count; i++) {
        job *j = &all->all[i];
        if (j->phase != JOB_RUNNING || j->lost || loop_now(all->worker) - j->renewed < RENEW_LATE)
            continue;
        log_error(all->worker, j->req, "job %s of plugin %s is cancelled: its lease could not be renewed for %d s",
                  j->spec->name, j->module->name, RENEW_LATE / 1000);
        j->lost = true;
        request_cancel(j->req, false);
    }
}

static void look(tl_request *req, void *arg)
{
    jobs *j = arg;
    int64_t wait = look_at_all(req, j);
    j->looking = NULL;
    arm(j->begin, 0);
    if (!j->stopping || !jobs_are_idle(j))
        arm(j->tick, wait);
}

void jobs_look(jobs *j)
{
    cancel_late_runs(j);
    if (j->looking || (j->stopping && jobs_are_idle(j)))
        return;
    tl_request *req = request_new(j->worker, 0);
    j->looking = req;
    if (req && request_start(req, look, j))
        return;
    j->looking = NULL;
    arm(j->tick, LOOK_AFTER_ERROR);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    jobs_look(arg);
}

/* The stop has waited for long enough: what still runs is cancelled, and written down as interrupted. */
static void on_cut(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    jobs *all = arg;
    for (size_t i = 0; i < all->count; i++) {
        job *j = &all->all[i];
        if (j->phase != JOB_RUNNING)
            continue;
        j->interrupted = true;
        request_cancel(j->req, false);
    }
}

static size_t count_jobs(const module_list *list)
{
    size_t count = 0;
    for (const tl_module *m = module_first(list); m; m = m->next)
        for (const tl_job *spec = m->plugin ? m->plugin->jobs : NULL; spec && spec->name; spec++)
            count++;
    return count;
}

static void add_metrics(metrics *m, job *j)
{
    char labels[METRIC_LABELS_SIZE];
    /* Names of plugins and jobs are letters, digits and '_'. */
    snprintf(labels, sizeof labels, "plugin=\"%s\",job=\"%s\"", j->module->name, j->spec->name);
    j->runs = metrics_register(
        m, &(metric_spec){"talelio_job_runs_total", "Runs of a job that have ended here", METRIC_COUNTER, labels});
    j->failures = metrics_register(
        m, &(metric_spec){"talelio_job_failures_total", "Runs of a job that have failed here", METRIC_COUNTER, labels});
    j->last_success =
        metrics_register(m, &(metric_spec){"talelio_job_last_success_timestamp_seconds",
                                           "When a run of a job last ended well, on any server", METRIC_GAUGE, labels});
    j->last_duration = metrics_register(
        m, &(metric_spec){"talelio_job_last_success_duration_seconds", "How long that run took", METRIC_GAUGE, labels});
}

/* jobs_check has been here before: what fails now is a file of tzdata that has gone since. */
static void read_jobs(jobs *j)
{
    j->all = arena_alloc(j->memory, (count_jobs(j->worker->modules) + 1) * sizeof *j->all);
    for (const tl_module *m = module_first(j->worker->modules); m; m = m->next) {
        for (const tl_job *spec = m->plugin ? m->plugin->jobs : NULL; spec && spec->name; spec++) {
            const char *problem = NULL;
            job *next = &j->all[j->count];
            if (*spec->schedule && job_read(next, (tl_module *)m, spec, j->memory, &problem)) {
                next->owner = j;
                add_metrics(j->worker->metrics, next);
                j->count++;
            } else {
                log_error(j->worker, NULL, "job %s of plugin %s cannot run: %s", spec->name, m->name,
                          problem ? problem : "it has no schedule");
            }
        }
    }
}

jobs *jobs_new(worker *w)
{
    arena *memory = arena_new(NULL);
    jobs *j = arena_alloc(memory, sizeof *j);
    j->worker = w;
    j->memory = memory;
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    snprintf(j->server, sizeof j->server, "%s:%ld", host, (long)getpid());
    read_jobs(j);
    j->tick = event_new(w->base, -1, 0, on_tick, j);
    j->begin = event_new(w->base, -1, 0, on_begin, j);
    j->cut = event_new(w->base, -1, 0, on_cut, j);
    if (j->tick && j->begin && j->cut)
        return j;
    log_error(w, NULL, "jobs: the loop has no room");
    jobs_free(j);
    return NULL;
}

void jobs_start(jobs *j)
{
    if (!j || j->count == 0)
        return;
    j->scheduled = true;
    arm(j->tick, 0);
}

void jobs_stop(jobs *j, int64_t timeout)
{
    if (!j)
        return;
    j->stopping = true;
    int64_t margin = timeout / 4 < STOP_MARGIN ? timeout / 4 : STOP_MARGIN;
    arm(j->cut, timeout - margin);
    if (!jobs_are_idle(j) && !j->looking)
        arm(j->tick, 0);
}

void jobs_free(jobs *j)
{
    if (!j)
        return;
    struct event *events[] = {j->tick, j->begin, j->cut};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i])
            event_free(events[i]);
    arena_free(j->memory);
}
