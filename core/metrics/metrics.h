/*
 * What a process counts and measures, and how all of it reads in Prometheus' text format. Counting is a plain addition
 * in memory that only this process writes.
 */
#ifndef CORE_METRICS_METRICS_H
#define CORE_METRICS_METRICS_H

#include <talelio/metrics.h>

#include "core/config/problems.h"
#include "core/memory/arena.h"
#include "core/metrics/area.h"

struct worker;
typedef struct metrics metrics;

/*
 * A process' own block of the master's area; `fd` stays the caller's. Without either (0 or below, below 0): memory of
 * its own, which nobody else sees. Never NULL: without any memory it counts into nothing.
 */
metrics *metrics_open(int fd, int block, const char *process, int generation);
void metrics_close(metrics *m);

typedef struct metric_spec {
    const char *name; /* the whole of it, talelio_… */
    const char *help;
    metric_kind kind;
    const char *labels; /* NULL: none */
    int order;
} metric_spec;

/* Where to count; never NULL. When there is no room left it is a place that nobody reads. `m` may be NULL. */
metric *metrics_register(metrics *m, const metric_spec *spec);

/* name="value", escaped. */
void metric_label(char *out, size_t size, const char *name, const char *value);

static inline void metric_add(metric *c, double amount)
{
    double value = c->value + amount;
    __atomic_store(&c->value, &value, __ATOMIC_RELAXED);
}

/* A gauge. */
void metric_set(metric *c, double value);

/* A gauge that is summed over processes: no time is taken down. */
static inline void metric_set_live(metric *c, double value)
{
    __atomic_store(&c->value, &value, __ATOMIC_RELAXED);
}

/* Everything that the live processes have registered, merged by name, with a NUL behind it; the caller frees it. */
char *metrics_text(metrics *m, size_t *length);

/* Something has found no room. */
bool metrics_is_full(const metrics *m);

/* Has this process registered that name? `m` may be NULL. */
bool metrics_has(const metrics *m, const char *name);

/* The metrics of a plugin's descriptor; a name that is there already is a problem. `m` may be NULL. */
bool metrics_add_module(metrics *m, tl_module *module, arena *memory, problems *found);

/* As documented in talelio/metrics.h. */
void metrics_module_add(tl_module *module, const char *name, double amount);
void metrics_module_set(tl_module *module, const char *name, double value);

/* What the core counts. All of it does nothing in a worker without metrics. */
void metrics_add_core(struct worker *w);
void metrics_count_reply(struct worker *w, int status, int64_t nanoseconds);
void metrics_count_statement(struct worker *w, bool failed);
void metrics_count_redis(struct worker *w, bool failed);
/* What is measured now and then: connections, queues, states. */
void metrics_sample(struct worker *w);

#endif
