/*
 * By inotify on the files' folders, as editors, linkers and package managers put a new file in the place of the old.
 * An event says only that something may have happened: what counts is whether a file differs from what it was.
 */
#include "core/process/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MOST_FILES = 512,
    QUIET = 60, /* milliseconds from the first event on: what is written together is looked at together */
    FOLDER_EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB,
};

typedef struct file {
    char *path;
    bool there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
} file;

struct watcher {
    int fd;
    struct event *readable;
    struct event *quiet;
    bool (*changed)(void *arg);
    void *arg;
    file files[MOST_FILES];
    size_t count;
};

static void look(file *f)
{
    struct stat about;
    f->there = stat(f->path, &about) == 0;
    if (!f->there)
        return;
    f->device = about.st_dev;
    f->inode = about.st_ino;
    f->size = about.st_size;
    f->modified = about.st_mtim;
}

static bool differs(const file *f)
{
    file now = {.path = f->path};
    look(&now);
    if (!now.there || !f->there)
        return now.there != f->there;
    return now.device != f->device || now.inode != f->inode || now.size != f->size ||
           now.modified.tv_sec != f->modified.tv_sec || now.modified.tv_nsec != f->modified.tv_nsec;
}

static void look_soon(watcher *w)
{
    if (!event_pending(w->quiet, EV_TIMEOUT, NULL))
        event_add(w->quiet, &(struct timeval){.tv_usec = QUIET * 1000});
}

static void on_quiet(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    watcher *w = arg;
    for (size_t i = 0; i < w->count; i++) {
        if (!differs(&w->files[i]))
            continue;
        if (!w->changed(w->arg))
            look_soon(w);
        return;
    }
}

/* Which file it was does not matter: all are compared once it is quiet. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    watcher *w = arg;
    char events[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
    while (read(fd, events, sizeof events) > 0)
        ;
    look_soon(w);
}

watcher *watcher_new(struct event_base *base, bool (*changed)(void *arg), void *arg)
{
    watcher *w = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->changed = changed;
    w->arg = arg;
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd >= 0) {
        w->readable = event_new(base, w->fd, EV_READ | EV_PERSIST, on_readable, w);
        w->quiet = event_new(base, -1, 0, on_quiet, w);
    }
    if (w->readable && w->quiet && event_add(w->readable, NULL) == 0)
        return w;
    watcher_free(w);
    return NULL;
}

static void forget(watcher *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->files[i].path);
    w->count = 0;
}

void watcher_free(watcher *w)
{
    if (!w)
        return;
    forget(w);
    if (w->readable)
        event_free(w->readable);
    if (w->quiet)
        event_free(w->quiet);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}

/* Folders that no file of the new list lies in stay watched: their events cost a comparison, and change nothing. */
void watcher_begin(watcher *w)
{
    forget(w);
}

void watcher_look(watcher *w, const char *path)
{
    if (w->count >= MOST_FILES)
        return;
    file *f = &w->files[w->count++];
    *f = (file){.path = strdup(path)};
    if (!f->path)
        abort();
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash)
        snprintf(folder, sizeof folder, ".");
    else
        slash[slash == folder] = '\0';
    /* The same folder again is the same watch. */
    (void)inotify_add_watch(w->fd, folder, FOLDER_EVENTS);
    look(f);
}
