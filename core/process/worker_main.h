/*
 * A worker or the jobs process: what `talelio --worker …` runs. Only the master starts it.
 */
#ifndef CORE_PROCESS_WORKER_MAIN_H
#define CORE_PROCESS_WORKER_MAIN_H

/* The word of the command line that means a worker, for main. */
#define WORKER_WORD "--worker"

/* Descriptors that the master leaves open for a worker. */
enum {
    WORKER_CONTROL_FD = 3,
    WORKER_CONFIG_FD,
    WORKER_BOARD_FD,
    WORKER_METRICS_FD,
    WORKER_LISTEN_FD,       /* not in the jobs process */
    WORKER_NUDGE_FD,        /* nor this: an eventfd of all workers of the generation; see core/http/balance.c */
    WORKER_FIRST_PLUGIN_FD, /* the copy of the first enabled plugin's file, then those of the others; some are missing
                             */
    WORKER_FD_COUNT = WORKER_FIRST_PLUGIN_FD - WORKER_CONTROL_FD,
};

/*
 * argv: talelio --worker http|jobs SLOT GENERATION first|again. "first" is a start of the whole generation, in which a
 * database that refuses is a reason to give up; "again" is the successor of a worker that died.
 */
int worker_main(int argc, char **argv);

#endif
