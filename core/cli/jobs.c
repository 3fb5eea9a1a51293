/* talelio jobs: the list, and a run by hand. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/cli/command.h"
#include "core/jobs/jobs.h"
#include "core/process/crash.h"

enum { COLUMNS = 7 };

typedef struct work {
    host *host;
    jobs *jobs;
    const char *plugin; /* NULL: the list */
    const char *job;
    struct event *signals[2];
    int code;
} work;

static void fill_cells(const job_line *line, const char *cells[COLUMNS])
{
    bool off = !*line->schedule;
    cells[0] = line->plugin;
    cells[1] = line->job;
    cells[2] = off ? "off" : line->schedule;
    cells[3] = off ? "-" : line->zone;
    cells[4] = *line->next ? line->next : "-";
    cells[5] = *line->last ? line->last : "never";
    cells[6] = *line->result ? line->result : "-";
}

static void print_row(const char *const cells[COLUMNS], const int widths[COLUMNS])
{
    for (int i = 0; i < COLUMNS - 1; i++)
        printf("%-*s  ", widths[i], cells[i]);
    printf("%s\n", cells[COLUMNS - 1]);
}

static void print_lines(const job_line *lines, int count)
{
    static const char *const heads[COLUMNS] = {"PLUGIN", "JOB", "SCHEDULE", "ZONE", "NEXT RUN", "LAST RUN", "RESULT"};
    int widths[COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        widths[i] = (int)strlen(heads[i]);
    const char *cells[COLUMNS];
    for (int row = 0; row < count; row++) {
        fill_cells(&lines[row], cells);
        for (int i = 0; i < COLUMNS; i++)
            if ((int)strlen(cells[i]) > widths[i])
                widths[i] = (int)strlen(cells[i]);
    }
    print_row(heads, widths);
    for (int row = 0; row < count; row++) {
        fill_cells(&lines[row], cells);
        print_row(cells, widths);
    }
}

static void list(tl_request *req, void *arg)
{
    work *w = arg;
    job_line *lines;
    int count = jobs_list(req, w->jobs, &lines);
    if (count < 0) {
        problems_add(w->host->found, NULL, 0, "[postgres] the database cannot be used: `talelio check` says why");
        return;
    }
    print_lines(lines, count);
    w->code = CLI_OK;
}

static void run_one(tl_request *req, void *arg)
{
    work *w = arg;
    if (runtime_start(&w->host->runtime, req, true, w->host->found) != TL_OK)
        return;
    const char *why;
    if (jobs_run_now(req, w->jobs, w->plugin, w->job, &why) != TL_OK) {
        problems_add(w->host->found, NULL, 0, "job %s of plugin %s: %s", w->job, w->plugin, why);
        return;
    }
    printf("job %s of plugin %s: ok\n", w->job, w->plugin);
    w->code = CLI_OK;
}

static void unwatch(work *w)
{
    for (size_t i = 0; i < sizeof w->signals / sizeof w->signals[0]; i++) {
        if (w->signals[i])
            event_free(w->signals[i]);
        w->signals[i] = NULL;
    }
}

/* Ctrl-C: the run ends as cancelled, and that is written down. A second one ends the process as ever. */
static void on_interrupt(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    work *w = arg;
    jobs_stop(w->jobs, 0);
    unwatch(w);
}

static void run_watched(work *w)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        w->signals[i] = evsignal_new(w->host->runtime.worker.base, numbers[i], on_interrupt, w);
        if (w->signals[i])
            event_add(w->signals[i], NULL);
    }
    runtime_run(&w->host->runtime, run_one, w);
    unwatch(w);
}

int command_jobs(const invocation *in)
{
    bool run = in->argc == 4 && strcmp(in->argv[1], "run") == 0;
    if (in->argc > 1 && !run)
        return cli_misused(cli_find("jobs"), "expected nothing, or run PLUGIN JOB");
    host h;
    work w = {.host = &h, .code = CLI_FAILED};
    if (!host_read(&h, in) || !crash_handler_install(true) || !host_load(&h, false))
        return host_close(&h, CLI_FAILED);
    w.jobs = jobs_new(&h.runtime.worker);
    if (w.jobs && run) {
        w.plugin = in->argv[2];
        w.job = in->argv[3];
        run_watched(&w);
    } else if (w.jobs) {
        runtime_run(&h.runtime, list, &w);
    }
    if (runtime_settle(&h.runtime, 1000))
        jobs_free(w.jobs);
    return host_close(&h, w.code);
}
