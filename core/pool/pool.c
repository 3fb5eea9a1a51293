/*
 * The blocking pool: for each plugin a queue and a few threads, so that the work of one never waits for that of
 * another, and an eventfd through which all tell the loop what has ended. Jobs live on the stacks of the fibers that
 * wait for them, so nothing is allocated for one.
 *
 * A job that waits in the queue can be dropped; one that runs cannot, and its request stays until it has ended.
 */
#include "core/pool/pool.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "core/log/log.h"
#include "core/request/request.h"
#include "core/worker.h"

typedef struct job job;
TAILQ_HEAD(job_list, job);

/* The threads and the queue of one plugin, or of the core. */
typedef struct lane {
    pool *pool;
    const tl_module *owner; /* NULL: the core */
    pthread_t *ids;
    size_t started;
    SLIST_ENTRY(lane) link;

    pthread_cond_t more; /* with the pool's lock, as everything below */
    struct job_list queue;
    size_t queued;
    size_t running;
} lane;

struct job {
    lane *lane;
    void (*run)(void *arg);
    void *arg;
    waiter wait;
    bool queued;           /* stays true when it is dropped from the queue */
    TAILQ_ENTRY(job) link; /* in the queue, or among those that have ended */
};

struct pool {
    worker *worker;
    size_t threads; /* of a lane */
    size_t limit;   /* of what waits in a lane */
    SLIST_HEAD(, lane) lanes;
    int wake; /* eventfd */
    struct event *woken;

    pthread_mutex_t lock; /* of everything below, and of the lanes' queues */
    struct job_list ended;
    bool stopping;
};

static void *thread_main(void *arg)
{
    lane *l = arg;
    pool *p = l->pool;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->stopping && TAILQ_EMPTY(&l->queue))
            pthread_cond_wait(&l->more, &p->lock);
        if (p->stopping)
            break;
        job *j = TAILQ_FIRST(&l->queue);
        TAILQ_REMOVE(&l->queue, j, link);
        j->queued = false;
        l->queued--;
        l->running++;
        pthread_mutex_unlock(&p->lock);

        j->run(j->arg);

        pthread_mutex_lock(&p->lock);
        l->running--;
        bool first = TAILQ_EMPTY(&p->ended);
        TAILQ_INSERT_TAIL(&p->ended, j, link);
        if (first)
            eventfd_write(p->wake, 1);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void finish_ended(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    pool *p = arg;
    eventfd_t count;
    eventfd_read(fd, &count);
    struct job_list ended = TAILQ_HEAD_INITIALIZER(ended);
    pthread_mutex_lock(&p->lock);
    TAILQ_CONCAT(&ended, &p->ended, link);
    pthread_mutex_unlock(&p->lock);
    job *j;
    while ((j = TAILQ_FIRST(&ended))) {
        TAILQ_REMOVE(&ended, j, link);
        wait_finish(&j->wait);
    }
}

pool *pool_new(worker *w, size_t threads, size_t queue)
{
    pool *p = calloc(1, sizeof *p);
    if (!p)
        goto no_pool;
    p->worker = w;
    p->threads = threads;
    p->limit = queue;
    SLIST_INIT(&p->lanes);
    TAILQ_INIT(&p->ended);
    p->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (p->wake < 0)
        goto no_wake;
    p->woken = event_new(w->base, p->wake, EV_READ | EV_PERSIST, finish_ended, p);
    if (!p->woken || event_add(p->woken, NULL) != 0)
        goto no_event;
    pthread_mutex_init(&p->lock, NULL);
    return p;

no_event:
    if (p->woken)
        event_free(p->woken);
    close(p->wake);
no_wake:
    free(p);
no_pool:
    log_error(w, NULL, "the blocking pool cannot be made: %s", strerror(errno));
    return NULL;
}

static void lane_free(lane *l)
{
    for (size_t i = 0; i < l->started; i++)
        pthread_join(l->ids[i], NULL);
    pthread_cond_destroy(&l->more);
    free(l->ids);
    free(l);
}

void pool_free(pool *p)
{
    if (!p)
        return;
    lane *l;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    SLIST_FOREACH(l, &p->lanes, link)
    {
        pthread_cond_broadcast(&l->more);
    }
    pthread_mutex_unlock(&p->lock);
    while ((l = SLIST_FIRST(&p->lanes))) {
        SLIST_REMOVE_HEAD(&p->lanes, link);
        lane_free(l);
    }
    pthread_mutex_destroy(&p->lock);
    event_free(p->woken);
    close(p->wake);
    free(p);
}

/* The lane of that plugin, made when it is asked for first. NULL without memory. */
static lane *lane_of(pool *p, const tl_module *owner)
{
    lane *l;
    SLIST_FOREACH(l, &p->lanes, link)
    {
        if (l->owner == owner)
            return l;
    }
    l = calloc(1, sizeof *l);
    pthread_t *ids = calloc(p->threads, sizeof *ids);
    if (!l || !ids) {
        free(l);
        free(ids);
        return NULL;
    }
    *l = (lane){.pool = p, .owner = owner, .ids = ids};
    TAILQ_INIT(&l->queue);
    pthread_cond_init(&l->more, NULL);
    SLIST_INSERT_HEAD(&p->lanes, l, link);
    return l;
}

/* False when not even one thread could be started. */
static bool start_threads(lane *l)
{
    pool *p = l->pool;
    if (l->started > 0)
        return true;
    /* Signals are the loop's. The ones that a fault raises stay open, or the crash report would be skipped. */
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    int error = 0;
    while (l->started < p->threads && error == 0) {
        error = pthread_create(&l->ids[l->started], NULL, thread_main, l);
        if (error == 0)
            l->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        log_error(p->worker, NULL, "blocking pool: %zu of %zu threads started: %s", l->started, p->threads,
                  strerror(error));
    return l->started > 0;
}

static bool enqueue(lane *l, job *j)
{
    pool *p = l->pool;
    pthread_mutex_lock(&p->lock);
    /* A job that an idle thread is about to take does not count as waiting. */
    bool room = l->queued < p->limit + (l->started - l->running);
    if (room) {
        TAILQ_INSERT_TAIL(&l->queue, j, link);
        j->queued = true;
        l->queued++;
        pthread_cond_signal(&l->more);
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}

/* Takes the job out of the queue. One that a thread has taken stays as it is: pool_run sees to that. */
static void cancel_job(waiter *w)
{
    job *j = w->owner;
    lane *l = j->lane;
    pthread_mutex_lock(&l->pool->lock);
    if (j->queued) {
        TAILQ_REMOVE(&l->queue, j, link);
        l->queued--;
    }
    pthread_mutex_unlock(&l->pool->lock);
}

int pool_run(pool *p, tl_request *req, void (*run)(void *arg), void *arg)
{
    if (req->cancelled || req->ended)
        return TL_CANCELLED;
    job j = {.lane = lane_of(p, req->module), .run = run, .arg = arg};
    wait_init(&j.wait, req, cancel_job, &j);
    if (!j.lane || !start_threads(j.lane) || !enqueue(j.lane, &j))
        return TL_UNAVAILABLE;
    int result = request_wait(req, &j.wait);
    /* Cancelled, and not out of the queue by that: a thread works on memory of this request. It must end first. */
    if (result == TL_CANCELLED && !j.queued) {
        wait_init(&j.wait, req, NULL, &j);
        request_wait(req, &j.wait);
    }
    return result;
}

size_t pool_waiting(pool *p)
{
    size_t count = 0;
    const lane *l;
    pthread_mutex_lock(&p->lock);
    SLIST_FOREACH(l, &p->lanes, link)
    {
        count += l->queued;
    }
    pthread_mutex_unlock(&p->lock);
    return count;
}
