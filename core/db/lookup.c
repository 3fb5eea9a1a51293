/*
 * Names of hosts, by the system's resolver, which blocks for as long as it likes. Not on the worker's blocking pool: a
 * lookup must not wait behind passwords, nor hold up the end of the process.
 */
#include "core/db/lookup.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct lookup {
    atomic_int owners; /* the loop's side and the thread; the last one cleans up */
    int wake;
    struct event *woken;
    places list;
    lookup_error error;
    void (*done)(const places *found, const lookup_error *error, void *arg);
    void *arg;
};

static void release(lookup *l)
{
    if (atomic_fetch_sub(&l->owners, 1) > 1)
        return;
    close(l->wake);
    free(l);
}

static void *run(void *arg)
{
    lookup *l = arg;
    places_resolve(&l->list, &l->error);
    uint64_t one = 1;
    /* Cannot fail: the counter is at 0. */
    ssize_t written = write(l->wake, &one, sizeof one);
    (void)written;
    release(l);
    return NULL;
}

static void on_woken(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    lookup *l = arg;
    l->done(&l->list, &l->error, l->arg);
}

/* Signals are for the thread of the loop. */
static bool start_thread(lookup *l)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, run, l) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

lookup *lookup_start(struct event_base *base, const places *names,
                     void (*done)(const places *found, const lookup_error *error, void *arg), void *arg)
{
    lookup *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->list = *names;
    l->done = done;
    l->arg = arg;
    atomic_init(&l->owners, 2);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->woken = l->wake < 0 ? NULL : event_new(base, l->wake, EV_READ, on_woken, l);
    if (l->woken && event_add(l->woken, NULL) == 0 && start_thread(l))
        return l;
    if (l->woken)
        event_free(l->woken);
    if (l->wake >= 0)
        close(l->wake);
    free(l);
    return NULL;
}

void lookup_free(lookup *l)
{
    if (!l)
        return;
    event_free(l->woken);
    release(l);
}
