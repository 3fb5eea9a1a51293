/*
 * Watch mode: notices that one of a list of files has been written, replaced, made or removed, once it has been left
 * alone for a moment.
 */
#ifndef CORE_PROCESS_WATCH_H
#define CORE_PROCESS_WATCH_H

#include <event2/event.h>
#include <stdbool.h>

typedef struct watcher watcher;

/*
 * `changed(arg)` is called when a file differs from what it was at watcher_look; when it returns false, it is called
 * again in a moment, unless the file has been looked at meanwhile. NULL when the system refuses.
 */
watcher *watcher_new(struct event_base *base, bool (*changed)(void *arg), void *arg);
void watcher_free(watcher *w);

/* Begins a new list of files; those that are named again go on being watched. */
void watcher_begin(watcher *w);
/* Remembers what the file is now; one that is not there is watched too, as long as its folder is. */
void watcher_look(watcher *w, const char *path);

#endif
