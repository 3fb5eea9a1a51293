/*
 * The memory in which the processes of a server count: one block a process, made by the master, which lives as long as
 * the server. A block holds the names of what it counts along with the values, so that processes of different
 * generations, with different plugins, can read each other's.
 */
#ifndef CORE_METRICS_AREA_H
#define CORE_METRICS_AREA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    METRIC_NAME_SIZE = 96,
    METRIC_LABELS_SIZE = 128,
    METRIC_HELP_SIZE = 128,
    METRICS_MOST = 384,   /* in one process, the core's with those of all plugins */
    AREA_GENERATIONS = 6, /* the one that serves, one that starts, and those that finish what they have */
};

typedef enum metric_kind {
    METRIC_COUNTER = 1, /* summed, also over processes that have ended */
    METRIC_GAUGE,       /* whoever set it last, even if it has ended since */
    METRIC_LIVE,        /* a gauge, summed over the processes that live */
    METRIC_BUCKET,      /* of a histogram: what fell between the bucket before and this one */
    METRIC_SUM,         /* of the same histogram */
} metric_kind;

/* Written by its own process alone. */
typedef struct metric {
    double value;
    int64_t stamp; /* of a gauge: when it was set, microseconds; 0: never */
} metric;

typedef struct metric_entry {
    metric cell;
    int32_t generation; /* that registered it last */
    uint8_t kind;
    uint8_t order; /* of a histogram's parts */
    char name[METRIC_NAME_SIZE];
    char labels[METRIC_LABELS_SIZE]; /* as they stand between the braces */
    char help[METRIC_HELP_SIZE];
} metric_entry;

typedef struct metric_block {
    int32_t pid; /* 0: nobody's; what was counted stays */
    int32_t generation;
    char process[32];
    uint32_t count; /* published after the entry is whole; never shrinks */
    metric_entry entries[METRICS_MOST];
} metric_block;

/* The master's view. */
typedef struct metric_area metric_area;

/* For so many processes a generation, and the master in block 0. NULL when the memory cannot be had. */
metric_area *metric_area_new(size_t processes);
void metric_area_free(metric_area *a);
int metric_area_fd(const metric_area *a); /* -1 of NULL */

/* A block for a process that is about to start; -1 when too many generations are still about, and of
 * NULL. */
int metric_area_take(metric_area *a);
/* Its process has ended: another one goes on counting in it. -1 is allowed. */
void metric_area_give_back(metric_area *a, int block);

#endif
