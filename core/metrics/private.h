/*
 * What the files of core/metrics share. Not for others.
 */
#ifndef CORE_METRICS_PRIVATE_H
#define CORE_METRICS_PRIVATE_H

#include "core/metrics/metrics.h"

enum { DURATION_BUCKETS = 12 };

/* NULL before metrics_add_core. */
typedef struct core_metrics {
    metric *replies[6]; /* by the first digit of the status */
    metric *duration[DURATION_BUCKETS + 1];
    metric *duration_sum;
    metric *connections;
    metric *requests_running;
    metric *statements;
    metric *statements_failed;
    metric *database_ready;
    metric *redis_commands;
    metric *redis_failed;
    metric *pool_waiting;
} core_metrics;

struct metrics {
    metric_block *blocks; /* all of them */
    size_t count;
    metric_block *own;
    bool mine[METRICS_MOST]; /* the entries that this process has registered */
    bool shared;
    metric nowhere; /* for what found no room */
    bool full;
    core_metrics core;
};

/* Microseconds since 1970. */
int64_t metrics_now(void);

#endif
