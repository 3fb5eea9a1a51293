/*
 * The master's state, for the files that are the master: master.c, reload.c, status.c. Nobody else includes this.
 */
#ifndef CORE_PROCESS_STATE_H
#define CORE_PROCESS_STATE_H

#include <json-c/json.h>
#include <stdatomic.h>

#include "core/process/control.h"
#include "core/process/generation.h"
#include "core/process/notify.h"
#include "core/process/watch.h"

enum { SIGNAL_COUNT = 6 };

typedef struct master {
    const char *ini;
    const char *env;
    const atomic_bool *building; /* watches whatever [server] watch says, while it is false; NULL: as that says */
    struct event_base *base;
    struct event *signals[SIGNAL_COUNT];
    struct event *tick;  /* every second: who hangs */
    struct event *alive; /* for the supervisor's watchdog; NULL: it has none */
    listener listener;
    size_t workers; /* of every generation */
    int pid_fd;
    logger *log;
    metric_area *area;
    metrics *metrics; /* the master's own */
    metric *restarts;
    metric *generation;
    control *control;
    watcher *watcher;
    notifier notifier;
    TAILQ_HEAD(generation_list, generation) generations; /* the newest first */
    generation *serving;
    generation *starting;
    int number;        /* of the newest generation */
    bool reload_again; /* asked for while one was starting */
    bool told_to_wait;
    bool stopping;
    int64_t began;        /* milliseconds, as the others */
    int64_t reload_began; /* of the reload under way, or the last */
    int64_t stop_began;
    json_object *last_reload; /* NULL: none yet */
    json_object *status;      /* as last asked for */
    int exit_code;
} master;

/* Of core/process/reload.c. */
config *master_read_config(const master *m, settings *s, problems *found);
void master_start_generation(master *m, config *c, const settings *s, problems *found);
void master_reload(master *m);
size_t master_worker_count(const settings *s);

/* Of core/process/status.c. The caller puts it. */
json_object *master_status(const master *m);
/* The time of day, RFC 3339. */
const char *master_time(char *text, size_t size);

/* Of core/process/master.c. */
void master_leave(master *m, int code);
void master_leave_if_empty(master *m);

#endif
