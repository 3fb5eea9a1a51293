/*
 * What the files of core/jobs share. Not for others.
 *
 * Every statement is sent from the fiber of one request at a time, the "look": it reads what the tables say, claims
 * what is due, renews leases and writes down results. A job itself runs on a request of its own.
 */
#ifndef CORE_JOBS_PRIVATE_H
#define CORE_JOBS_PRIVATE_H

#include "core/http/http.h"
#include "core/jobs/due.h"
#include "core/jobs/jobs.h"
#include "core/memory/arena.h"
#include "core/metrics/metrics.h"
#include "core/request/request.h"

/* Milliseconds, but for LEASE. */
enum {
    LOOK_MOST = 30000,   /* between two looks, so that a clock that was set does no harm */
    LOOK_BLOCKED = 5000, /* while it runs elsewhere */
    RENEW = 15000,
    RENEW_LATE = 60000, /* a run whose lease could not be renewed for so long is cancelled, while nobody may take it */
    LOOK_AFTER_ERROR = 2000,
    STOP_MARGIN = 2000,
    LEASE_SECONDS = 90, /* a heartbeat older than this is a dead process' */
    ATTEMPTS_MOST = 5,  /* of a run that kills its process */
    SERVER_SIZE = 96,
};

typedef enum job_phase {
    JOB_IDLE,
    JOB_CLAIMED, /* its row is ours; starts from the loop's stack */
    JOB_RUNNING,
    JOB_ENDED, /* still to be written down */
} job_phase;

/* The row that this process has, or wants. Moments in the database are microseconds since 1970. */
typedef struct claim {
    int64_t due;
    int64_t attempts;
    bool manual;
} claim;

typedef struct job {
    struct jobs *owner;
    tl_module *module;
    const tl_job *spec;
    const char *schedule; /* "" : off */
    const char *zone_name;
    cron cron;
    const zone *zone;
    route route; /* stands in the log and in crash reports for what a visitor's request has */
    job_phase phase;
    claim claim;
    tl_request *req; /* while it runs */
    int result;
    bool interrupted; /* cancelled by a stop */
    bool lost;        /* cancelled because the lease ran out: the row may be another's by now */
    int64_t renewed;  /* of loop_now */
    char message[256];
    metric *runs;
    metric *failures;
    metric *last_success; /* of any server, as the tables have it */
    metric *last_duration;
} job;

struct jobs {
    struct worker *worker;
    arena *memory;
    job *all;
    size_t count;
    struct event *tick;  /* a look */
    struct event *begin; /* starts what is claimed */
    struct event *cut;   /* the end of a stop's patience */
    tl_request *looking;
    bool scheduled; /* runs what is due, not only what it is told to */
    bool registered;
    bool stopping;
    char server[SERVER_SIZE];
};

/* What the tables say about a job. */
typedef struct job_state {
    bool known;
    int64_t now;
    int64_t after; /* moments up to this one have been run, or are none of ours */
    bool running;  /* a row without an end */
    bool stale;    /* … and its process has died */
    claim row;
    const char *server;
    int64_t succeeded; /* when a run last ended well; 0: never */
    int64_t took;      /* … and for how long it went on */
} job_state;

/* Reads the schedule and the zone that the options name; false with what is wrong in `*problem`. */
bool job_read(job *j, tl_module *m, const tl_job *spec, arena *memory, const char **problem);

/* Of runner.c: starts what is claimed as soon as the loop turns. */
void jobs_begin(jobs *j);
/* A look now, as far as none is under way; what the timer does. On the loop's stack. */
void jobs_look(jobs *j);

/* Of look.c. The row is this process': it runs as soon as the loop turns. */
void job_take(job *j, const claim *row);

/* What one look does; the milliseconds until the next one is due. */
int64_t look_at_all(tl_request *req, jobs *j);

/* Of store.c; all on a fiber. TL_OK or the error of the database. */
int store_register(tl_request *req, const job *j);
int store_read(tl_request *req, const job *j, job_state *out);
/* `*won`: the row is this process'. */
int store_claim(tl_request *req, const job *j, const claim *wanted, bool *won);
int store_take_over(tl_request *req, const job *j, claim *row, bool *won);
int store_claim_manual(tl_request *req, const job *j, claim *out, bool *won);
/* A dead process' run that is not started again. */
int store_give_up(tl_request *req, const job *j, const claim *row, const char *message);
/* `*ours`: false when somebody else has taken the row. */
int store_renew(tl_request *req, const job *j, bool *ours);
int store_finish(tl_request *req, const job *j, const char *result, const char *message, bool *ours);
int store_release(tl_request *req, const job *j, bool *ours);

#endif
