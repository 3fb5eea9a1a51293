/* Isolated work: whatever it does, it ends, and the worker goes on. */
#include "tests/unit/support/fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/memory/sanitizer.h"
#include "core/pool/isolation.h"

enum { NOT_YET = 99, PROCESSES = 2, QUEUE = 3, LARGE = 5 << 20, SOON = 50 /* milliseconds of CPU */ };

/* Shared with the processes, which see everything else as copies. */
struct shared {
    atomic_int started;
    atomic_int beats;
    atomic_bool open;
};

static struct shared *shared;

struct caller {
    tl_isolated_run *run;
    const char *input;
    size_t length;
    int64_t limit;
    int result;
    char *output; /* a copy */
    size_t output_length;
    bool done;
};

static int set_up(void **state)
{
    settings *s = fixture_settings();
    s->blocking_threads = PROCESSES;
    s->blocking_queue = QUEUE;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    *state = fixture_worker_new(s);
    return 0;
}

static int tear_down(void **state)
{
    fixture_worker_free(*state);
    munmap(shared, sizeof *shared);
    return 0;
}

static void call(tl_request *req, void *arg)
{
    struct caller *c = arg;
    const void *output = NULL;
    c->result = isolation_run(req->worker->isolation, req, c->run, c->input, c->length, c->limit ? c->limit : 10000,
                              &output, &c->output_length);
    if (c->result == TL_OK) {
        c->output = malloc(c->output_length + 1);
        memcpy(c->output, output, c->output_length + 1);
    }
    c->done = true;
}

static int result_of(worker *w, tl_isolated_run *run, int64_t limit)
{
    struct caller c = {.run = run, .input = "", .limit = limit, .result = NOT_YET};
    fixture_run(w, call, &c);
    free(c.output);
    return c.result;
}

static tl_request *start(worker *w, struct caller *c, tl_isolated_run *run)
{
    *c = (struct caller){.run = run, .input = "", .result = NOT_YET};
    tl_request *req = request_new(w, 0);
    assert_non_null(req);
    assert_true(request_start(req, call, c));
    return req;
}

static void turn_until(worker *w, const atomic_int *count, int least)
{
    for (int i = 0; i < 20000 && atomic_load(count) < least; i++) {
        event_base_loop(w->base, EVLOOP_NONBLOCK);
        usleep(500);
    }
    assert_true(atomic_load(count) >= least);
}

static void *reverse(const void *input, size_t length, size_t *output_length)
{
    const char *from = input;
    char *to = malloc(length + 1);
    for (size_t i = 0; i < length; i++)
        to[i] = from[length - 1 - i];
    *output_length = length;
    return to;
}

static void *never_return(const void *input, size_t length, size_t *output_length)
{
    (void)input, (void)length, (void)output_length;
    for (;;)
        atomic_fetch_add(&shared->beats, 1);
    return NULL;
}

static void *wait_at_gate(const void *input, size_t length, size_t *output_length)
{
    (void)input, (void)length;
    atomic_fetch_add(&shared->started, 1);
    while (!atomic_load(&shared->open))
        usleep(500);
    *output_length = 0;
    return malloc(1);
}

static void *beat_slowly(const void *input, size_t length, size_t *output_length)
{
    (void)input, (void)length, (void)output_length;
    atomic_fetch_add(&shared->started, 1);
    for (;;) {
        atomic_fetch_add(&shared->beats, 1);
        usleep(1000);
    }
    return NULL;
}

static void *stay_at_gate(const void *input, size_t length, size_t *output_length)
{
    signal(SIGIO, SIG_IGN);
    return wait_at_gate(input, length, output_length);
}

static void *crash(const void *input, size_t length, size_t *output_length)
{
    (void)input, (void)length, (void)output_length;
    raise(SIGKILL);
    return NULL;
}

static void *find_no_memory(const void *input, size_t length, size_t *output_length)
{
    (void)input, (void)length, (void)output_length;
    return NULL;
}

static void *return_too_much(const void *input, size_t length, size_t *output_length)
{
    (void)input, (void)length;
    *output_length = (size_t)2 << 20;
    return calloc(1, *output_length);
}

static void *count_descriptors(const void *input, size_t length, size_t *output_length)
{
    (void)input, (void)length;
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    char *text = malloc(16);
    *output_length = (size_t)snprintf(text, 16, "%d", count);
    return text;
}

static void bytes_go_in_and_others_come_out(void **state)
{
    struct caller c = {.run = reverse, .input = "stressed", .length = 8};
    fixture_run(*state, call, &c);
    assert_int_equal(c.result, TL_OK);
    assert_int_equal(c.output_length, 8);
    assert_string_equal(c.output, "desserts");
    free(c.output);
}

static void more_than_a_socket_holds_goes_both_ways(void **state)
{
    char *text = malloc(LARGE);
    for (int i = 0; i < LARGE; i++)
        text[i] = (char)(i % 251);
    struct caller c = {.run = reverse, .input = text, .length = LARGE};
    fixture_run(*state, call, &c);
    assert_int_equal(c.result, TL_OK);
    assert_int_equal(c.output_length, LARGE);
    for (int i = 0; i < LARGE; i++)
        assert_int_equal(c.output[i], text[LARGE - 1 - i]);
    free(c.output);
    free(text);
}

static void work_that_never_returns_ends_at_its_limit(void **state)
{
    assert_int_equal(result_of(*state, never_return, SOON), TL_EXCEEDED);
    /* it is over: nothing counts on */
    int beats = atomic_load(&shared->beats);
    usleep(20000);
    assert_int_equal(atomic_load(&shared->beats), beats);
    assert_true(beats > 0);
}

static void a_crash_ends_the_work_alone(void **state)
{
    assert_int_equal(result_of(*state, crash, 0), TL_ERROR);
    assert_int_equal(result_of(*state, reverse, 0), TL_OK);
    assert_int_equal(fixture_log_count(*state, "its isolated work was killed by SIGKILL"), 1);
}

static void work_without_memory_has_exceeded(void **state)
{
    assert_int_equal(result_of(*state, find_no_memory, 0), TL_EXCEEDED);
}

#ifndef TL_ASAN /* its shadow is larger than any limit of the address space */

static void *ask_for_a_gigabyte(const void *input, size_t length, size_t *output_length)
{
    (void)input, (void)length;
    *output_length = 0;
    return malloc((size_t)1 << 30);
}

static void memory_is_limited(void **state)
{
    assert_int_equal(result_of(*state, ask_for_a_gigabyte, 0), TL_EXCEEDED);
}

#endif

static void output_is_limited(void **state)
{
    worker *w = *state;
    settings *s = (settings *)w->settings;
    s->request_memory = 1 << 20;
    assert_int_equal(result_of(w, return_too_much, 0), TL_EXCEEDED);
    s->request_memory = 256 << 20;
    assert_int_equal(result_of(w, return_too_much, 0), TL_OK);
}

static void it_has_none_of_the_workers_descriptors(void **state)
{
    struct caller c = {.run = count_descriptors, .input = ""};
    fixture_run(*state, call, &c);
    /* ".", "..", the folder itself, the socket, and the three standard ones */
    assert_int_equal(c.result, TL_OK);
    assert_in_range(atoi(c.output), 4, 7);
    free(c.output);
}

static void work_of_a_cancelled_request_is_killed(void **state)
{
    worker *w = *state;
    struct caller c;
    tl_request *req = start(w, &c, beat_slowly);
    turn_until(w, &shared->started, 1);
    turn_until(w, &shared->beats, 2);

    request_cancel(req, false);
    assert_true(fixture_until(w, &c.done, 10000));
    assert_int_equal(c.result, TL_CANCELLED);
    int before = -1;
    for (int i = 0; i < 1000 && before != atomic_load(&shared->beats); i++) {
        before = atomic_load(&shared->beats);
        usleep(20000);
    }
    assert_int_equal(atomic_load(&shared->beats), before);
    assert_int_equal(result_of(w, reverse, 0), TL_OK);
}

static void a_slot_is_taken_until_its_process_has_ended(void **state)
{
    /* given work of cancelled requests that has not ended yet */
    worker *w = *state;
    struct caller gone[PROCESSES], next;
    for (int i = 0; i < PROCESSES; i++) {
        tl_request *req = start(w, &gone[i], stay_at_gate);
        turn_until(w, &shared->started, i + 1);
        request_cancel(req, false);
        assert_true(fixture_until(w, &gone[i].done, 10000));
    }

    /* when there is more */
    start(w, &next, wait_at_gate);
    fixture_until(w, &next.done, 20);

    /* then it waits */
    assert_int_equal(atomic_load(&shared->started), PROCESSES);
    atomic_store(&shared->open, true);
    assert_true(fixture_until(w, &next.done, 20000));
    assert_int_equal(next.result, TL_OK);
    free(next.output);
}

static void more_than_the_queue_holds_is_refused(void **state)
{
    worker *w = *state;
    struct caller c[PROCESSES + QUEUE];
    for (int i = 0; i < PROCESSES + QUEUE; i++)
        start(w, &c[i], wait_at_gate);
    turn_until(w, &shared->started, PROCESSES);
    assert_int_equal(result_of(w, reverse, 0), TL_UNAVAILABLE);

    /* those that wait have their turn */
    atomic_store(&shared->open, true);
    for (int i = 0; i < PROCESSES + QUEUE; i++) {
        assert_true(fixture_until(w, &c[i].done, 20000));
        assert_int_equal(c[i].result, TL_OK);
        free(c[i].output);
    }
    assert_int_equal(atomic_load(&shared->started), PROCESSES + QUEUE);
}

static void one_that_waits_can_be_cancelled(void **state)
{
    worker *w = *state;
    struct caller busy[PROCESSES], waiting;
    for (int i = 0; i < PROCESSES; i++)
        start(w, &busy[i], wait_at_gate);
    tl_request *req = start(w, &waiting, wait_at_gate);
    turn_until(w, &shared->started, PROCESSES);
    request_cancel(req, false);
    assert_true(fixture_until(w, &waiting.done, 10000));
    assert_int_equal(waiting.result, TL_CANCELLED);
    atomic_store(&shared->open, true);
    for (int i = 0; i < PROCESSES; i++) {
        assert_true(fixture_until(w, &busy[i].done, 20000));
        free(busy[i].output);
    }
    assert_int_equal(atomic_load(&shared->started), PROCESSES);
}

static void kill_parent(tl_request *req, void *arg)
{
    (void)req;
    kill(*(pid_t *)arg, SIGKILL);
}

static void *tell_parent(const void *input, size_t length, size_t *output_length)
{
    (void)input, (void)length;
    char *text = malloc(16);
    *output_length = (size_t)snprintf(text, 16, "%d", (int)getppid());
    return text;
}

static void a_keeper_that_dies_is_replaced(void **state)
{
    worker *w = *state;
    struct caller who = {.run = tell_parent, .input = ""};
    fixture_run(w, call, &who);
    assert_int_equal(who.result, TL_OK);
    pid_t keeper = atoi(who.output);
    free(who.output);

    struct caller c;
    start(w, &c, wait_at_gate);
    turn_until(w, &shared->started, 1);
    fixture_run(w, kill_parent, &keeper);
    assert_true(fixture_until(w, &c.done, 10000));
    assert_int_equal(c.result, TL_UNAVAILABLE);
    assert_int_equal(result_of(w, reverse, 0), TL_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_go_in_and_others_come_out),
        TEST(more_than_a_socket_holds_goes_both_ways),
        TEST(work_that_never_returns_ends_at_its_limit),
        TEST(a_crash_ends_the_work_alone),
        TEST(work_without_memory_has_exceeded),
#ifndef TL_ASAN
        TEST(memory_is_limited),
#endif
        TEST(output_is_limited),
        TEST(it_has_none_of_the_workers_descriptors),
        TEST(work_of_a_cancelled_request_is_killed),
        TEST(a_slot_is_taken_until_its_process_has_ended),
        TEST(more_than_the_queue_holds_is_refused),
        TEST(one_that_waits_can_be_cancelled),
        TEST(a_keeper_that_dies_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
