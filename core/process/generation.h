/*
 * A generation: the processes that serve one reading of the configuration, from start to the end of the last of them.
 * It belongs to the master, which hears of its fate through three functions.
 */
#ifndef CORE_PROCESS_GENERATION_H
#define CORE_PROCESS_GENERATION_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "core/config/config.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/process/contents.h"
#include "core/process/copies.h"
#include "core/process/listen.h"
#include "core/process/scoreboard.h"
#include "core/worker.h"

struct generation;
struct master;

/* A worker or the jobs process, whether it lives at the moment or not. */
typedef struct child {
    struct generation *generation;
    worker_role role;
    int slot; /* of scoreboard and, for a worker, listening socket */
    char name[24];
    pid_t pid; /* 0: none now */
    int control;
    struct event *control_event;
    struct event *timer; /* while it starts: its deadline; while it is away: when it is started again */
    int64_t started;     /* milliseconds */
    bool ready;
    size_t told;     /* problems it has told */
    bool has_served; /* this process or one before it */
    bool looping;    /* dies again and again */
    int deaths;      /* one after the other, each of them young */
    int64_t all_deaths;
    int metrics_block;
    int stall; /* how far the watchdog has gone; 0: its loop turns */
} child;

typedef enum generation_state { GENERATION_STARTING, GENERATION_SERVING, GENERATION_DRAINING } generation_state;

typedef struct generation {
    struct master *master;
    struct event_base *base;
    const listener *listener;
    logger *log; /* the master's */
    int number;
    generation_state state;
    bool failed; /* while starting: the rest is being killed */
    config *config;
    settings settings;
    int config_fd;
    int board_fd;
    int nudge_fd; /* for its workers among themselves */
    scoreboard_slot *board;
    metric_area *metrics; /* the master's, NULL: there is none */
    metric *restarts;
    child *children;
    size_t count;
    copies copies;
    contents *contents; /* as its first worker has told */
    int64_t drain_began;
    struct event *end; /* when draining has to be over */
    problems *found;
    TAILQ_ENTRY(generation) in_master;
} generation;

/* Takes the config (also when it fails, NULL then) and settings bound from it. */
generation *generation_new(struct master *m, struct event_base *base, const listener *l, size_t workers, logger *log,
                           int number, config *c, const settings *s, problems *found);
/* No process of it may be alive. */
void generation_free(generation *g);

/* Starts every process; one of master_generation_… follows later. */
void generation_start(generation *g);
/* All are ready: they may serve. */
void generation_serve(generation *g);
/* They finish what they have; those that take longer than stop_timeout are killed. `replaced`: another one serves
 * already, so clients that say nothing at the moment need not be hurried. */
void generation_drain(generation *g, bool replaced);
void generation_kill(generation *g);
void generation_reopen_logs(generation *g);

/* Once a second, while it serves: who hangs, and who dies again and again. */
void generation_look(generation *g);

/* A process has ended; false when it is none of this generation's. */
bool generation_reap(generation *g, pid_t pid, int status);

/* Of core/process/master.c. */
void master_generation_ready(struct master *m, generation *g);
void master_generation_failed(struct master *m, generation *g); /* none of it lives; g->found says why */
void master_generation_gone(struct master *m, generation *g);   /* drained, or killed */

/* Of core/process/child.c. */
void child_start(child *c);
void child_send(child *c, char kind);
/* Reads what it has said. */
void child_listen(child *c);
/* Its process has ended: says how in `text`, and closes what belonged to it. */
const char *child_bury(child *c, int status, char *text, size_t size);
void child_arm(child *c, int64_t milliseconds);

/* Of core/process/watchdog.c. */
void child_look(child *c, int64_t now);
/* Starts it again, at once or after a pause that grows as long as it dies young. */
void child_start_again(child *c);
bool child_is_looping(const child *c, int64_t now);

/* Of core/process/generation.c, for what child.c hears. */
void generation_child_ready(generation *g, child *c);
void generation_child_problem(generation *g, child *c, const char *text);
void generation_child_tells(generation *g, char kind, const char *text);
/* The child's timer has fired. */
void generation_child_timer(generation *g, child *c);

int64_t process_now(void);

#endif
