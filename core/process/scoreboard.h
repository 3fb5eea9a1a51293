/*
 * The scoreboard: memory that a worker shares with the master, in which it says what it is doing, so that the master
 * can tell what a worker was running when it died. One board a generation, one slot a process.
 */
#ifndef CORE_PROCESS_SCOREBOARD_H
#define CORE_PROCESS_SCOREBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BACKTRACE_SIZE = 1024 };

/* What a crash handler has written; texts are empty when unknown. */
typedef struct crash_report {
    bool filled;
    bool stack_overflow; /* of a fiber */
    int signal;          /* 0 when a sanitizer ended the process */
    char plugin[64];
    char version[32];
    char route[160];
    char request_id[40];
    char backtrace[BACKTRACE_SIZE]; /* "notes.so+0x11a9 talelio+0x2345 …" */
} crash_report;

/* Whether a worker takes new connections. */
typedef enum accepting {
    ACCEPTING_NOT, /* it cannot: not there yet, at its limit, or leaving */
    ACCEPTING,
    ACCEPTING_LATER, /* it has more than others, who are to take the next ones */
} accepting;

typedef struct scoreboard_slot {
    char phase[16]; /* "init" of a plugin and the like; empty while it serves */
    char phase_plugin[64];
    char phase_version[32];
    crash_report crash;
    crash_report asked;           /* the answer to SIGUSR2: what it is doing */
    int64_t beat;                 /* when its loop last turned, by process_now(); 0: not yet */
    uint64_t requests;            /* that it has answered */
    _Atomic uint32_t connections; /* that it has */
    _Atomic uint8_t accepting;    /* an `accepting` */
    int metrics_block;            /* by the master: where it counts; below zero: nowhere */
    bool looping;                 /* by the master: it dies again and again */
} scoreboard_slot;

/* What the process does outside of requests, with which plugin; NULLs: nothing in particular. */
void board_phase(scoreboard_slot *slot, const char *phase, const char *plugin, const char *version);

/* Copies at most size - 1 bytes, and always a NUL behind. Async-signal-safe. NULL gives "". */
void board_copy(char *to, size_t size, const char *from);

/* A board of `count` slots as a descriptor for workers to map; -1 on failure. */
int board_create(size_t count);

/* Maps a board; NULL on failure. The mapping stays until board_unmap. */
scoreboard_slot *board_map(int fd, size_t count);
void board_unmap(scoreboard_slot *board, size_t count);

/* Async-signal-safe. " while it ran plugin notes 1.0, route GET /v1/notes/:id, request 4f…" or " in init of plugin …"
 * or "". */
const char *board_describe(const scoreboard_slot *slot, char *text, size_t size);
/* The same of one report. */
const char *board_describe_report(const crash_report *crash, char *text, size_t size);

#endif
