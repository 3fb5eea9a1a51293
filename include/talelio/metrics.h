/*
 * Metrics, for Prometheus. Values live in memory that the processes of this server share; counters are summed over
 * them.
 */
#ifndef TALELIO_METRICS_H
#define TALELIO_METRICS_H

#include "base.h"

typedef enum tl_metric_type { TL_COUNTER = 1, TL_GAUGE } tl_metric_type;

/* One metric of the plugin's table. Its full name is talelio_<plugin>_<name>; units and `_total` as Prometheus has
 * them. */
typedef struct tl_metric {
    const char *name; /* a-z, 0-9, '_' */
    tl_metric_type type;
    const char *help; /* one line */
} tl_metric;

typedef struct tl_metrics_api {
    size_t struct_size;
    void (*add)(tl_module *module, const char *name, double amount);
    void (*set)(tl_module *module, const char *name, double value);
    const char *(*text)(tl_request *req, size_t *length);
} tl_metrics_api;

/* Counts up by `amount` (a counter: not below zero). Does not wait. */
static inline void tl_metric_add(const char *name, double amount)
{
    tl_the_host->metrics->add(tl_self, name, amount);
}

/* Sets a gauge; the process that set it last counts. Does not wait. */
static inline void tl_metric_set(const char *name, double value)
{
    tl_the_host->metrics->set(tl_self, name, value);
}

/* All metrics in Prometheus' text format, version 0.0.4. Does not wait. */
static inline const char *tl_metrics_text(tl_request *req, size_t *length)
{
    return tl_the_host->metrics->text(req, length);
}

#endif
