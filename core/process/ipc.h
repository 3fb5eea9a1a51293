/*
 * What master and workers say to each other, over a pair of connected sockets that keep messages apart. The end of the
 * stream is a message too: the other side has gone.
 */
#ifndef CORE_PROCESS_IPC_H
#define CORE_PROCESS_IPC_H

#include <stdbool.h>
#include <stddef.h>

typedef enum ipc_kind {
    IPC_GONE = 0,
    IPC_NOTHING = 1, /* no message now */
    /* from a worker */
    IPC_READY = 'R',   /* loaded and started; serves as soon as it is told to */
    IPC_PROBLEM = 'P', /* one line: why it cannot start; its exit follows */
    IPC_NO_EXEC = 'X', /* the program could not be executed, and why not; its exit follows */
    /* the first worker of a generation, before it is ready: what it has loaded */
    IPC_PLUGIN = 'M', /* "NAME\tVERSION" */
    IPC_ROUTE = 'U',  /* "METHOD PATH\tPLUGIN" */
    /* from the master */
    IPC_SERVE = 'S',
    IPC_STOP = 'T',   /* finish what runs, then exit */
    IPC_RETIRE = 'E', /* the same, without hurry: others serve already */
    IPC_REOPEN = 'L', /* log files */
} ipc_kind;

enum { IPC_TEXT_MAX = 4096 };

/* Makes the pair; both ends close on exec. */
bool ipc_pair(int ends[2]);

/* Sends one message; a longer text is cut. False when the other side has gone or does not read. */
bool ipc_send(int fd, ipc_kind kind, const char *text);

/* The same, and waits until the other side has room. */
bool ipc_send_patiently(int fd, ipc_kind kind, const char *text);

/* Takes one message without waiting; `text` has room for IPC_TEXT_MAX bytes and gets a NUL. */
ipc_kind ipc_receive(int fd, char *text);

#endif
