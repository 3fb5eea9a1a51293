/*
 * The control socket, run_dir/control.sock: how commands talk to the running master. For the server's own user and root
 * alone.
 *
 * A client sends one word and a newline ("reload", "status") and gets one line of JSON; then the connection is closed.
 */
#ifndef CORE_PROCESS_CONTROL_H
#define CORE_PROCESS_CONTROL_H

#include <event2/event.h>
#include <stdbool.h>

#include "core/config/problems.h"
#include "core/config/settings.h"

typedef struct control control;

/* What the master does for clients. */
typedef struct control_calls {
    void (*reload)(void *arg);        /* control_reload_ends answers whoever asked */
    const char *(*status)(void *arg); /* valid until the next call */
    void *arg;
} control_calls;

/* NULL with the reason in `found`. A socket that a dead master left behind is replaced: the pid file's lock is ours. */
control *control_open(struct event_base *base, const settings *s, const control_calls *calls, problems *found);
/* Whoever still waits hears that the server stops. NULL is allowed, here and below. */
void control_close(control *c);

/* A reload begins to read the files: who has asked until now is answered with its result, who asks later with the
 * result of the next one. */
void control_reload_begins(control *c);
void control_reload_ends(control *c, const char *json);

/* For commands: asks, and returns the answer (free it), waiting at most `milliseconds`. NULL with the reason in
 * `found`. */
char *control_ask(const settings *s, const char *word, int64_t milliseconds, problems *found);

#endif
