/* Jobs and metrics on request: a job that leaves a file "at-work", takes its time and ends as its option says, and a
 * counter behind a route. */
#include <fcntl.h>
#include <stdlib.h>
#include <talelio/talelio.h>
#include <unistd.h>

static const char *schedule;
static const char *zone;
static const char *outcome;
static int64_t takes;

static int work(tl_request *req)
{
    tl_metric_add("runs_total", 1);
    tl_log(req, TL_INFO, "works");
    close(open("at-work", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    if (takes > 0 && tl_sleep(req, takes) != TL_OK)
        return TL_CANCELLED;
    if (strcmp(outcome, "crash") == 0)
        abort();
    return strcmp(outcome, "ok") == 0 ? TL_OK : TL_ERROR;
}

static int hit(tl_request *req)
{
    tl_metric_add("hits_total", 1);
    tl_metric_set("last_worker", (double)getpid());
    const char *text = tl_format(req, "%ld", (long)getpid());
    return tl_reply(req, 200, "text/plain", text, strlen(text));
}

static const tl_option options[] = {
    {"schedule", TL_OPTION_STRING, &schedule, "", .help = "when the job runs"},
    {"zone", TL_OPTION_STRING, &zone, "UTC", .help = "where its clock hangs"},
    {"takes", TL_OPTION_DURATION, &takes, "0ms", .help = "how long a run takes"},
    {"outcome", TL_OPTION_CHOICE, &outcome, "ok", .choices = "ok|fail|crash", .help = "how a run ends"},
    {0},
};

static const tl_job jobs[] = {{"work", &schedule, &zone, work, "Takes its time"}, {0}};

static const tl_metric metrics[] = {
    {"hits_total", TL_COUNTER, "Visits"},
    {"last_worker", TL_GAUGE, "The process that was visited last"},
    {"runs_total", TL_COUNTER, "Starts of the job"},
    {0},
};

static const tl_route routes[] = {{TL_GET, "/tasks/hit", hit}, {0}};

TL_PLUGIN(.name = "tasks", .version = "1.0", .options = options, .jobs = jobs, .metrics = metrics, .routes = routes);
