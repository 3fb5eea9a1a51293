/* The blocking pool: threads, limits, cancellation. */
#include "tests/unit/support/fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/plugin/plugin.h"
#include "core/pool/pool.h"

enum { NOT_YET = 99, THREADS = 2, QUEUE = 3 };

/* A job that runs until it is let go, so that tests know what is busy. */
struct gate {
    atomic_int running;
    atomic_int ran;
    atomic_bool open;
};

struct caller {
    struct gate *gate;
    int result;
    bool done;
};

static int set_up(void **state)
{
    settings *s = fixture_settings();
    s->blocking_threads = THREADS;
    s->blocking_queue = QUEUE;
    *state = fixture_worker_new(s);
    return 0;
}

static int tear_down(void **state)
{
    fixture_worker_free(*state);
    return 0;
}

static void pass_gate(void *arg)
{
    struct gate *g = arg;
    atomic_fetch_add(&g->running, 1);
    while (!atomic_load(&g->open))
        usleep(500);
    atomic_fetch_sub(&g->running, 1);
    atomic_fetch_add(&g->ran, 1);
}

static void call_pool(tl_request *req, void *arg)
{
    struct caller *c = arg;
    c->result = pool_run(req->worker->pool, req, pass_gate, c->gate);
    c->done = true;
}

static tl_request *start(worker *w, struct caller *c, struct gate *g)
{
    *c = (struct caller){.gate = g, .result = NOT_YET};
    tl_request *req = request_new(w, 0);
    assert_non_null(req);
    assert_true(request_start(req, call_pool, c));
    return req;
}

static void await_running(struct gate *g, int count)
{
    for (int i = 0; i < 20000 && atomic_load(&g->running) < count; i++)
        usleep(500);
    assert_int_equal(atomic_load(&g->running), count);
}

static void open_and_finish(worker *w, struct gate *g)
{
    atomic_store(&g->open, true);
    for (int i = 0; i < 20000 && request_count(w->requests) > 0; i++) {
        event_base_loop(w->base, EVLOOP_NONBLOCK);
        usleep(500);
    }
    assert_int_equal(request_count(w->requests), 0);
}

struct elsewhere {
    pthread_t thread;
    sigset_t blocked;
};

static void note_thread(void *arg)
{
    struct elsewhere *e = arg;
    e->thread = pthread_self();
    pthread_sigmask(SIG_SETMASK, NULL, &e->blocked);
}

struct job {
    void (*run)(void *arg);
    void *arg;
    int result;
};

static void run_job(tl_request *req, void *arg)
{
    struct job *j = arg;
    j->result = pool_run(req->worker->pool, req, j->run, j->arg);
}

static void a_job_runs_on_another_thread(void **state)
{
    struct elsewhere e = {0};
    struct job j = {note_thread, &e, NOT_YET};
    fixture_run(*state, run_job, &j);
    assert_int_equal(j.result, TL_OK);
    assert_false(pthread_equal(e.thread, pthread_self()));
}

static void threads_get_no_signals_but_faults(void **state)
{
    struct elsewhere e = {0};
    struct job j = {note_thread, &e, NOT_YET};
    fixture_run(*state, run_job, &j);
    assert_int_equal(sigismember(&e.blocked, SIGTERM), 1);
    assert_int_equal(sigismember(&e.blocked, SIGHUP), 1);
    assert_int_equal(sigismember(&e.blocked, SIGSEGV), 0);
    sigset_t ours;
    pthread_sigmask(SIG_SETMASK, NULL, &ours);
    assert_int_equal(sigismember(&ours, SIGTERM), 0);
}

static void sleep_shortly(tl_request *req, void *arg)
{
    *(int *)arg = request_sleep(req, 5);
}

static void the_loop_goes_on_meanwhile(void **state)
{
    worker *w = *state;
    struct gate g = {0};
    struct caller c;
    start(w, &c, &g);
    int slept = NOT_YET;
    fixture_run(w, sleep_shortly, &slept);
    assert_int_equal(slept, TL_OK);
    assert_false(c.done);
    open_and_finish(w, &g);
    assert_int_equal(c.result, TL_OK);
}

static void add_one(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void run_two_hundred(tl_request *req, void *arg)
{
    for (int i = 0; i < 200; i++) {
        if (pool_run(req->worker->pool, req, add_one, arg) != TL_OK)
            return;
    }
}

static void jobs_one_after_the_other_all_run(void **state)
{
    atomic_int count = 0;
    fixture_run(*state, run_two_hundred, &count);
    assert_int_equal(atomic_load(&count), 200);
}

static void a_full_queue_refuses(void **state)
{
    worker *w = *state;
    struct gate g = {0};
    struct caller c[THREADS + QUEUE + 2];
    for (int i = 0; i < THREADS + QUEUE; i++)
        start(w, &c[i], &g);
    await_running(&g, THREADS);
    for (int i = THREADS + QUEUE; i < THREADS + QUEUE + 2; i++) {
        start(w, &c[i], &g);
        assert_int_equal(c[i].result, TL_UNAVAILABLE);
    }
    open_and_finish(w, &g);
    for (int i = 0; i < THREADS + QUEUE; i++)
        assert_int_equal(c[i].result, TL_OK);
    assert_int_equal(atomic_load(&g.ran), THREADS + QUEUE);
}

static void call_pool_for_another_plugin(tl_request *req, void *arg)
{
    static tl_module other = {.name = "other"};
    req->module = &other;
    call_pool(req, arg);
}

static void the_work_of_one_plugin_never_waits_for_that_of_another(void **state)
{
    /* given one plugin's work on all of its threads, and in all of its queue */
    worker *w = *state;
    struct gate slow = {0};
    struct caller c[THREADS + QUEUE];
    for (int i = 0; i < THREADS + QUEUE; i++)
        start(w, &c[i], &slow);
    await_running(&slow, THREADS);

    /* when another plugin has work */
    struct gate open = {.open = true};
    struct caller other = {.gate = &open, .result = NOT_YET};
    fixture_run(w, call_pool_for_another_plugin, &other);

    /* then that is done while the first still waits */
    assert_int_equal(other.result, TL_OK);
    assert_int_equal(atomic_load(&slow.ran), 0);
    open_and_finish(w, &slow);
}

static void room_comes_back(void **state)
{
    worker *w = *state;
    a_full_queue_refuses(state);
    struct gate g = {0};
    struct caller c;
    start(w, &c, &g);
    open_and_finish(w, &g);
    assert_int_equal(c.result, TL_OK);
}

static void a_queued_job_is_dropped_when_cancelled(void **state)
{
    worker *w = *state;
    struct gate g = {0};
    struct caller busy[THREADS];
    struct caller queued[2];
    for (int i = 0; i < THREADS; i++)
        start(w, &busy[i], &g);
    await_running(&g, THREADS);
    tl_request *req = start(w, &queued[0], &g);
    start(w, &queued[1], &g);
    request_cancel(req, false);
    event_base_loop(w->base, EVLOOP_NONBLOCK);
    assert_int_equal(queued[0].result, TL_CANCELLED); /* at once, with the threads still busy */
    open_and_finish(w, &g);
    assert_int_equal(queued[1].result, TL_OK);
    assert_int_equal(atomic_load(&g.ran), THREADS + 1);
}

static void a_cancelled_job_makes_room(void **state)
{
    worker *w = *state;
    struct gate g = {0};
    struct caller c[THREADS + QUEUE];
    tl_request *last = NULL;
    for (int i = 0; i < THREADS + QUEUE; i++)
        last = start(w, &c[i], &g);
    await_running(&g, THREADS);
    request_cancel(last, false);
    struct caller next;
    start(w, &next, &g);
    assert_int_equal(next.result, NOT_YET);
    open_and_finish(w, &g);
    assert_int_equal(next.result, TL_OK);
}

static void a_running_job_ends_before_its_request(void **state)
{
    worker *w = *state;
    struct gate g = {0};
    struct caller c;
    tl_request *req = start(w, &c, &g);
    await_running(&g, 1);
    request_cancel(req, false);
    for (int i = 0; i < 10; i++) {
        event_base_loop(w->base, EVLOOP_NONBLOCK);
        usleep(1000);
    }
    assert_int_equal(c.result, NOT_YET);
    assert_int_equal(request_count(w->requests), 1);
    open_and_finish(w, &g);
    assert_int_equal(atomic_load(&g.ran), 1);
    assert_int_equal(c.result, TL_CANCELLED);
}

static void cancel_between_end_and_news_is_safe(void **state)
{
    worker *w = *state;
    struct gate g = {.open = true};
    struct caller c;
    tl_request *req = start(w, &c, &g);
    for (int i = 0; i < 20000 && atomic_load(&g.ran) == 0; i++)
        usleep(500);
    usleep(20000); /* the thread has told the loop, which has not looked */
    request_cancel(req, false);
    open_and_finish(w, &g);
    assert_true(c.result == TL_OK || c.result == TL_CANCELLED);
    assert_true(c.done);
}

static void cancel_first(tl_request *req, void *arg)
{
    request_cancel(req, false);
    call_pool(req, arg);
}

static void a_cancelled_request_starts_nothing(void **state)
{
    struct gate g = {.open = true};
    struct caller c = {.gate = &g, .result = NOT_YET};
    fixture_run(*state, cancel_first, &c);
    assert_int_equal(c.result, TL_CANCELLED);
    assert_int_equal(atomic_load(&g.ran), 0);
}

static void an_unused_pool_is_freed(void **state)
{
    pool *p = pool_new(*state, 4, 4);
    assert_non_null(p);
    pool_free(p);
    pool_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_runs_on_another_thread),
        TEST(threads_get_no_signals_but_faults),
        TEST(the_loop_goes_on_meanwhile),
        TEST(jobs_one_after_the_other_all_run),
        TEST(a_full_queue_refuses),
        TEST(the_work_of_one_plugin_never_waits_for_that_of_another),
        TEST(room_comes_back),
        TEST(a_queued_job_is_dropped_when_cancelled),
        TEST(a_cancelled_job_makes_room),
        TEST(a_running_job_ends_before_its_request),
        TEST(cancel_between_end_and_news_is_safe),
        TEST(a_cancelled_request_starts_nothing),
        TEST(an_unused_pool_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
