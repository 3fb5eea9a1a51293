/*
 * The blocking pool: a queue, a few threads, and an eventfd through which they tell the loop what has ended. Jobs live
 * on the stacks of the fibers that wait for them, so nothing is allocated for one.
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

typedef struct job {
    pool *pool;
    void (*run)(void *arg);
    void *arg;
    waiter wait;
    bool queued;           /* stays true when it is dropped from the queue */
    TAILQ_ENTRY(job) link; /* in the queue, or among those that have ended */
} job;

TAILQ_HEAD(job_list, job);

struct pool {
    worker *worker;
    size_t threads;
    size_t limit;
    pthread_t *ids;
    size_t started;
    int wake; /* eventfd */
    struct event *woken;

    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t more;
    struct job_list queue;
    struct job_list ended;
    size_t queued;
    size_t running;
    bool stopping;
};

static void *thread_main(void *arg)
{
    pool *p = arg;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->stopping && TAILQ_EMPTY(&p->queue))
            pthread_cond_wait(&p->more, &p->lock);
        if (p->stopping)
            break;
        job *j = TAILQ_FIRST(&p->queue);
        TAILQ_REMOVE(&p->queue, j, link);
        j->queued = false;
        p->queued--;
        p->running++;
        pthread_mutex_unlock(&p->lock);

        j->run(j->arg);

        pthread_mutex_lock(&p->lock);
        p->running--;
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
    TAILQ_INIT(&p->queue);
    TAILQ_INIT(&p->ended);
    p->ids = calloc(threads, sizeof *p->ids);
    if (!p->ids)
        goto no_ids;
    p->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (p->wake < 0)
        goto no_wake;
    p->woken = event_new(w->base, p->wake, EV_READ | EV_PERSIST, finish_ended, p);
    if (!p->woken || event_add(p->woken, NULL) != 0)
        goto no_event;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    return p;

no_event:
    if (p->woken)
        event_free(p->woken);
    close(p->wake);
no_wake:
    free(p->ids);
no_ids:
    free(p);
no_pool:
    log_error(w, NULL, "the blocking pool cannot be made: %s", strerror(errno));
    return NULL;
}

void pool_free(pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->started; i++)
        pthread_join(p->ids[i], NULL);
    pthread_cond_destroy(&p->more);
    pthread_mutex_destroy(&p->lock);
    event_free(p->woken);
    close(p->wake);
    free(p->ids);
    free(p);
}

/* False when not even one thread could be started. */
static bool start_threads(pool *p)
{
    if (p->started > 0)
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
    while (p->started < p->threads && error == 0) {
        error = pthread_create(&p->ids[p->started], NULL, thread_main, p);
        if (error == 0)
            p->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        log_error(p->worker, NULL, "blocking pool: %zu of %zu threads started: %s", p->started, p->threads,
                  strerror(error));
    return p->started > 0;
}

static bool enqueue(pool *p, job *j)
{
    pthread_mutex_lock(&p->lock);
    /* A job that an idle thread is about to take does not count as waiting. */
    bool room = p->queued < p->limit + (p->started - p->running);
    if (room) {
        TAILQ_INSERT_TAIL(&p->queue, j, link);
        j->queued = true;
        p->queued++;
        pthread_cond_signal(&p->more);
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}

/* Takes the job out of the queue. One that a thread has taken stays as it is: pool_run sees to that. */
static void cancel_job(waiter *w)
{
    job *j = w->owner;
    pool *p = j->pool;
    pthread_mutex_lock(&p->lock);
    if (j->queued) {
        TAILQ_REMOVE(&p->queue, j, link);
        p->queued--;
    }
    pthread_mutex_unlock(&p->lock);
}

int pool_run(pool *p, tl_request *req, void (*run)(void *arg), void *arg)
{
    if (req->cancelled || req->ended)
        return TL_CANCELLED;
    job j = {.pool = p, .run = run, .arg = arg};
    wait_init(&j.wait, req, cancel_job, &j);
    if (!start_threads(p) || !enqueue(p, &j))
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
    pthread_mutex_lock(&p->lock);
    size_t count = p->queued;
    pthread_mutex_unlock(&p->lock);
    return count;
}
