/*
 * The one worker struct: all state of a process that serves, runs jobs, or runs a command. Made by core/process, read
 * by every part of the core. Parts keep their own state behind their own pointer here.
 */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config/settings.h"

struct logger;
struct fiber_pool;
struct arena_pool;
struct request_table;
struct pool;
struct isolation;
struct db;
struct redis;
struct objects;
struct http_server;
struct module_list;
struct migration_list;
struct metrics;
struct scoreboard_slot;

typedef enum worker_role { ROLE_HTTP, ROLE_JOBS, ROLE_COMMAND } worker_role;

typedef struct worker {
    worker_role role;
    int slot; /* 0 … workers-1 */
    int generation;
    int first_copy;          /* descriptor of the copy of the first enabled plugin's file; 0: there are none */
    struct event_base *base; /* no locks, changelist; other threads wake it through an eventfd of their own */
    const settings *settings;
    struct logger *log;
    struct arena_pool *arenas;
    struct fiber_pool *fibers;
    struct request_table *requests;
    struct pool *pool;
    struct isolation *isolation;
    struct db *db;
    struct redis *redis;
    struct objects *objects; /* NULL when no store is configured */
    struct http_server *http;
    struct module_list *modules;
    struct migration_list *migrations; /* what the schema must be */
    struct metrics *metrics;           /* NULL: nothing is counted */
    struct scoreboard_slot *board;     /* shared with the master; never NULL */
    struct scoreboard_slot *boards;    /* of all processes of the generation; NULL: there are no others */
    size_t board_count;
    bool stopping;
} worker;

/* The process' worker: for signal handlers and for host functions that carry no request. Set once by core/process. */
extern worker *the_worker;

/* An event base as the worker needs it: no locks, changelist. NULL when libevent refuses. */
struct event_base *loop_new(void);

/* Milliseconds of a clock that never jumps, a few milliseconds behind at most (cheap). */
int64_t loop_now(const worker *w);

#endif
