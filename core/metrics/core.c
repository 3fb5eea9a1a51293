/*
 * What the core itself counts, and where the rest of the core reports it.
 */
#include <stdio.h>

#include "core/db/db.h"
#include "core/http/http.h"
#include "core/metrics/private.h"
#include "core/pool/pool.h"
#include "core/request/request.h"
#include "core/worker.h"

/* Upper ends, in seconds. */
static const double bounds[DURATION_BUCKETS] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};

static metric *simple(metrics *m, const char *name, const char *help, metric_kind kind)
{
    return metrics_register(m, &(metric_spec){.name = name, .help = help, .kind = kind});
}

static void add_replies(metrics *m)
{
    for (int class = 1; class <= 5; class ++) {
        char labels[32];
        snprintf(labels, sizeof labels, "status=\"%dxx\"", class);
        m->core.replies[class] = metrics_register(m, &(metric_spec){.name = "talelio_http_requests_total",
                                                                    .help = "Requests that were answered",
                                                                    .kind = METRIC_COUNTER,
                                                                    .labels = labels});
    }
}

static void add_durations(metrics *m)
{
    metric_spec spec = {.name = "talelio_http_request_duration_seconds",
                        .help = "From a request's last byte to the handler's answer",
                        .kind = METRIC_BUCKET};
    for (int i = 0; i <= DURATION_BUCKETS; i++) {
        char labels[32] = "le=\"+Inf\"";
        if (i < DURATION_BUCKETS)
            snprintf(labels, sizeof labels, "le=\"%g\"", bounds[i]);
        spec.labels = labels;
        spec.order = i;
        m->core.duration[i] = metrics_register(m, &spec);
    }
    spec.kind = METRIC_SUM;
    spec.labels = NULL;
    spec.order = DURATION_BUCKETS + 1;
    m->core.duration_sum = metrics_register(m, &spec);
}

static void add_build(metrics *m)
{
    char labels[METRIC_LABELS_SIZE];
    metric_label(labels, sizeof labels, "version", TL_VERSION);
    metric_set(metrics_register(m, &(metric_spec){.name = "talelio_build_info",
                                                  .help = "The version of talelio",
                                                  .kind = METRIC_GAUGE,
                                                  .labels = labels}),
               1);
}

void metrics_add_core(worker *w)
{
    metrics *m = w->metrics;
    core_metrics *c = &m->core;
    add_build(m);
    if (w->role == ROLE_HTTP) {
        add_replies(m);
        add_durations(m);
        c->connections = simple(m, "talelio_http_connections", "Open connections of visitors", METRIC_LIVE);
    }
    c->requests_running = simple(m, "talelio_requests_running", "Requests and jobs under way", METRIC_LIVE);
    c->statements = simple(m, "talelio_database_statements_total", "Statements sent to PostgreSQL", METRIC_COUNTER);
    c->statements_failed = simple(m, "talelio_database_errors_total",
                                  "Statements that PostgreSQL refused or did not answer", METRIC_COUNTER);
    c->database_ready =
        simple(m, "talelio_database_ready_processes", "Processes that can use the database now", METRIC_LIVE);
    c->redis_commands = simple(m, "talelio_redis_commands_total", "Commands sent to Redis", METRIC_COUNTER);
    c->redis_failed =
        simple(m, "talelio_redis_errors_total", "Commands that Redis refused or did not answer", METRIC_COUNTER);
    c->pool_waiting = simple(m, "talelio_pool_waiting", "Pieces of work that wait for a blocking thread", METRIC_LIVE);
}

static core_metrics *core_of(const worker *w)
{
    return w->metrics && w->metrics->core.statements ? &w->metrics->core : NULL;
}

void metrics_count_reply(worker *w, int status, int64_t nanoseconds)
{
    core_metrics *c = core_of(w);
    if (!c || !c->duration_sum || status < 100 || status > 599)
        return;
    double seconds = (double)nanoseconds / 1e9;
    int bucket = 0;
    while (bucket < DURATION_BUCKETS && seconds > bounds[bucket])
        bucket++;
    metric_add(c->replies[status / 100], 1);
    metric_add(c->duration[bucket], 1);
    metric_add(c->duration_sum, seconds);
}

void metrics_count_statement(worker *w, bool failed)
{
    core_metrics *c = core_of(w);
    if (!c)
        return;
    metric_add(c->statements, 1);
    if (failed)
        metric_add(c->statements_failed, 1);
}

void metrics_count_redis(worker *w, bool failed)
{
    core_metrics *c = core_of(w);
    if (!c)
        return;
    metric_add(c->redis_commands, 1);
    if (failed)
        metric_add(c->redis_failed, 1);
}

void metrics_sample(worker *w)
{
    core_metrics *c = core_of(w);
    if (!c)
        return;
    if (w->http)
        metric_set_live(c->connections, (double)http_connection_count(w->http));
    metric_set_live(c->requests_running, (double)request_count(w->requests));
    metric_set_live(c->database_ready, w->db && db_state_of(w->db) == DB_READY);
    metric_set_live(c->pool_waiting, (double)pool_waiting(w->pool));
}
