/*
 * Child processes: pg_dump, pg_restore and the command of alarms. Started without a shell, with nothing of this
 * process' environment but what they need, in a group of their own; killed and reaped with the request at the latest.
 *
 * Should this process itself be killed, the pipes close: pg_dump ends at its next byte, pg_restore at the missing end
 * of its input.
 */
#ifndef PLUGINS_BACKUP_CHILD_H
#define PLUGINS_BACKUP_CHILD_H

#include <sys/types.h>

#include "plugins/backup/backup.h"
#include "plugins/backup/conninfo.h"

typedef enum child_output {
    CHILD_DROPPED,  /* what it prints goes to /dev/null */
    CHILD_KEPT,     /* … is collected, up to a few MiB */
    CHILD_STREAMED, /* … is read with child_read */
} child_output;

/* As waitpid would say of exit code 1: no child counts as content before it has said so. */
enum { NOT_ENDED = 1 << 8 };

typedef struct child_plan {
    const char *program;
    const char *const *arguments; /* with the name in front and NULL at the end */
    const conninfo *database;     /* which "service=talelio" stands for; NULL: none */
    bool is_fed;                  /* with child_feed; otherwise it reads /dev/null */
    bool is_nice;                 /* leaves the processor to others */
    child_output output;
} child_plan;

typedef struct child {
    const char *name;
    pid_t pid; /* 0: none, or reaped */
    int in, out, err;
    child_output output;
    int pause;
    int status;
    char *kept; /* with a NUL behind it */
    size_t kept_used, kept_size;
    bool kept_all;     /* nothing was left out */
    char errors[2048]; /* the last of what it said on standard error */
    size_t errors_used;
} child;

/* TL_OK, or TL_ERROR with the task's reason. Does not wait. */
int child_begin(task *t, const child_plan *plan, child **made);

/* Some bytes of its output; `*length` 0 at the end. May wait. */
int child_read(task *t, child *c, void *bytes, size_t size, size_t *length);

/* Gives it bytes. TL_OK also when it wants no more: child_end tells whether it was content. May wait. */
int child_feed(task *t, child *c, const void *bytes, size_t length);

/* Closes its input, takes the rest of its output and waits until it has ended. TL_OK when it exited with 0. May wait.
 */
int child_end(task *t, child *c);

/* After child_end: it has ended by itself, well or not. */
bool child_has_exited(const child *c);

/* Kills it. Does not wait. */
void child_kill(child *c);

#endif
