/* Requests: their life, waiting, cancellation, deadlines. */
#include "tests/unit/support/fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/http/http.h"
#include "core/log/log.h"
#include "core/memory/sanitizer.h"
#include "core/plugin/plugin.h"

#ifdef TL_ASAN
enum { MANY = 1000 };
#else
enum { MANY = 10000 };
#endif

enum { NOT_YET = 99 };

/* A service with one wait at a time. */
struct service {
    waiter wait;
    bool uncancellable;
    int cancels;
    int result; /* of the first wait */
    int second; /* of another wait behind it */
    bool done;
    bool cancelled_at_end;
};

static void forget(waiter *w)
{
    ((struct service *)w->owner)->cancels++;
}

static void wait_twice(tl_request *req, void *arg)
{
    struct service *s = arg;
    wait_init(&s->wait, req, s->uncancellable ? NULL : forget, s);
    s->result = request_wait(req, &s->wait);
    s->cancelled_at_end = req->cancelled;
    waiter again;
    wait_init(&again, req, forget, s);
    if (!req->cancelled)
        wait_finish(&again);
    s->second = request_wait(req, &again);
    s->done = true;
}

static int set_up(void **state)
{
    *state = fixture_worker_new(fixture_settings());
    return 0;
}

static int tear_down(void **state)
{
    fixture_worker_free(*state);
    return 0;
}

static tl_request *start_waiting(worker *w, struct service *s, int64_t timeout)
{
    s->result = NOT_YET;
    tl_request *req = request_new(w, timeout);
    assert_non_null(req);
    assert_true(request_start(req, wait_twice, s));
    return req;
}

static void turn(worker *w)
{
    event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static void a_finished_wait_goes_on_in_the_next_turn_only(void **state)
{
    worker *w = *state;
    struct service s = {0};
    start_waiting(w, &s, 0);
    assert_int_equal(s.result, NOT_YET);
    wait_finish(&s.wait);
    assert_int_equal(s.result, NOT_YET); /* not inside of wait_finish */
    turn(w);
    assert_int_equal(s.result, TL_OK);
    assert_int_equal(s.second, TL_OK); /* had finished before it waited */
    assert_int_equal(s.cancels, 0);
    assert_int_equal(request_count(w->requests), 0);
}

struct callback {
    struct service *service;
    int result_inside;
};

static void finish_in_callback(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct callback *c = arg;
    wait_finish(&c->service->wait);
    c->result_inside = c->service->result;
}

static void an_answer_in_a_callback_is_used_in_the_same_turn(void **state)
{
    worker *w = *state;
    struct service s = {0};
    start_waiting(w, &s, 0);
    struct callback c = {&s, 0};
    struct event *e = event_new(w->base, -1, 0, finish_in_callback, &c);
    event_active(e, EV_TIMEOUT, 1);
    turn(w);
    assert_int_equal(c.result_inside, NOT_YET);
    assert_int_equal(s.result, TL_OK);
    event_free(e);
}

static void cancel_ends_a_wait(void **state)
{
    worker *w = *state;
    struct service s = {0};
    tl_request *req = start_waiting(w, &s, 0);
    request_cancel(req, false);
    assert_int_equal(s.cancels, 1);
    assert_int_equal(s.result, NOT_YET);
    request_cancel(req, true); /* changes nothing any more */
    assert_false(req->timed_out);
    turn(w);
    assert_int_equal(s.result, TL_CANCELLED);
    assert_int_equal(s.second, TL_CANCELLED); /* a cancelled request waits for nothing */
    assert_int_equal(s.cancels, 2);           /* once for each */
    assert_int_equal(request_count(w->requests), 0);
}

static void cancel_after_the_answer_keeps_the_answer(void **state)
{
    worker *w = *state;
    struct service s = {0};
    tl_request *req = start_waiting(w, &s, 0);
    wait_finish(&s.wait);
    request_cancel(req, false);
    turn(w);
    assert_int_equal(s.result, TL_OK);
    assert_int_equal(s.second, TL_CANCELLED);
    assert_int_equal(s.cancels, 1);
}

static void cancel_before_the_start_fails_the_first_wait(void **state)
{
    worker *w = *state;
    struct service s = {.result = NOT_YET};
    tl_request *req = request_new(w, 0);
    request_cancel(req, false);
    assert_true(request_start(req, wait_twice, &s));
    assert_int_equal(s.result, TL_CANCELLED);
    assert_int_equal(s.cancels, 2);
    assert_int_equal(request_count(w->requests), 0);
}

static void a_wait_without_cancel_ends_with_its_answer(void **state)
{
    worker *w = *state;
    struct service s = {.uncancellable = true};
    tl_request *req = start_waiting(w, &s, 0);
    request_cancel(req, false);
    turn(w);
    assert_int_equal(s.result, NOT_YET);
    wait_finish(&s.wait);
    turn(w);
    assert_int_equal(s.result, TL_OK);
    assert_true(s.cancelled_at_end);
}

static void cancel_itself(tl_request *req, void *arg)
{
    request_cancel(req, false);
    wait_twice(req, arg);
}

static void a_request_may_be_cancelled_while_it_runs(void **state)
{
    struct service s = {.result = NOT_YET};
    fixture_run(*state, cancel_itself, &s);
    assert_int_equal(s.result, TL_CANCELLED);
}

static void the_deadline_cancels(void **state)
{
    worker *w = *state;
    struct service late = {0};
    struct service early = {0};
    start_waiting(w, &late, 50);
    tl_request *without = start_waiting(w, &early, 0);
    /* Nothing but the table's own timer sweeps here. */
    assert_true(fixture_until(w, &late.done, 5000));
    assert_int_equal(late.result, TL_CANCELLED);
    assert_int_equal(early.result, NOT_YET);
    assert_false(without->cancelled);
    wait_finish(&early.wait);
    turn(w);
    assert_int_equal(early.result, TL_OK);
}

static void note_reason(tl_request *req, void *arg)
{
    bool *timed_out = arg;
    request_sleep(req, 20000);
    *timed_out = req->timed_out;
}

static void the_deadline_is_the_reason(void **state)
{
    worker *w = *state;
    bool timed_out = false;
    assert_true(request_start(request_new(w, 10), note_reason, &timed_out));
    assert_true(fixture_until(w, &timed_out, 5000));
}

static void an_idle_worker_has_no_timer(void **state)
{
    worker *w = *state;
    int before = event_base_get_num_events(w->base, EVENT_BASE_COUNT_ADDED);
    bool timed_out = false;
    assert_true(request_start(request_new(w, 10), note_reason, &timed_out));
    assert_int_equal(event_base_get_num_events(w->base, EVENT_BASE_COUNT_ADDED), before + 2); /* sweep and sleep */
    assert_true(fixture_until(w, &timed_out, 5000));
    bool never = false;
    fixture_until(w, &never, 300);
    /* The last sweep has found nobody: what is left is what was there before. */
    assert_int_equal(event_base_get_num_events(w->base, EVENT_BASE_COUNT_ADDED), before);
}

static void cancel_all_reaches_everyone(void **state)
{
    worker *w = *state;
    static struct service s[20];
    for (int i = 0; i < 20; i++)
        start_waiting(w, &s[i], 0);
    request_cancel_all(w->requests);
    turn(w);
    for (int i = 0; i < 20; i++)
        assert_int_equal(s[i].result, TL_CANCELLED);
    assert_int_equal(request_count(w->requests), 0);
}

static void many_requests_wait_at_once(void **state)
{
    (void)state;
    settings *limits = fixture_settings();
    limits->max_requests = MANY;
    worker *w = fixture_worker_new(limits);
    struct service *s = calloc(MANY, sizeof *s);
    for (int i = 0; i < MANY; i++)
        start_waiting(w, &s[i], 30000);
    assert_int_equal(request_count(w->requests), MANY);
    for (int i = 0; i < MANY; i++)
        wait_finish(&s[(i * 7 + 3) % MANY].wait);
    turn(w);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(s[i].result, TL_OK);
    assert_int_equal(request_count(w->requests), 0);
    free(s);
    fixture_worker_free(w);
}

static void no_more_requests_than_allowed(void **state)
{
    (void)state;
    settings *limits = fixture_settings();
    limits->max_requests = 2;
    worker *w = fixture_worker_new(limits);
    tl_request *a = request_new(w, 0);
    tl_request *b = request_new(w, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(request_new(w, 0));
    request_free(a);
    a = request_new(w, 0);
    assert_non_null(a);
    request_free(a);
    request_free(b);
    fixture_worker_free(w);
}

static void note_run(tl_request *req, void *arg)
{
    (void)req;
    *(bool *)arg = true;
}

static void set_flag(void *arg)
{
    *(bool *)arg = true;
}

static void without_a_fiber_the_request_is_freed(void **state)
{
    worker *w = *state;
    fiber_pool *none = fiber_pool_new(0, 0);
    fiber_pool *before = w->fibers;
    w->fibers = none;
    bool ran = false;
    bool cleaned = false;
    tl_request *req = request_new(w, 0);
    arena_defer(req->arena, set_flag, &cleaned);
    assert_false(request_start(req, note_run, &ran));
    assert_false(ran);
    assert_true(cleaned);
    assert_int_equal(request_count(w->requests), 0);
    w->fibers = before;
    fiber_pool_free(none);
}

struct ending {
    tl_request *req;
    struct service service;
    bool on_loop;
    bool known;
    bool ran;
};

static void clean_up(void *arg)
{
    struct ending *e = arg;
    e->on_loop = fiber_current(e->req->worker->fibers) == NULL;
    e->known = request_current(e->req->worker->requests) == e->req;
    wait_init(&e->service.wait, e->req, forget, &e->service);
    e->service.result = request_wait(e->req, &e->service.wait);
    e->ran = true;
}

static void defer_clean_up(tl_request *req, void *arg)
{
    struct ending *e = arg;
    e->req = req;
    arena_defer(req->arena, clean_up, e);
    request_sleep(req, 1);
    e->known = e->ran;
}

static void clean_ups_run_at_the_end_and_cannot_wait(void **state)
{
    worker *w = *state;
    struct ending e = {0};
    fixture_run(w, defer_clean_up, &e);
    assert_true(e.ran);
    assert_true(e.on_loop);
    assert_true(e.known);
    assert_int_equal(e.service.result, TL_CANCELLED);
    assert_int_equal(e.service.cancels, 1);
    assert_null(request_current(w->requests));
}

static void wait_elsewhere(worker *w)
{
    tl_request *req = request_new(w, 0);
    waiter wait;
    wait_init(&wait, req, NULL, NULL);
    request_wait(req, &wait);
}

static void waiting_outside_of_the_fiber_ends_the_process(void **state)
{
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        wait_elsewhere(*state);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void ids_are_unique(void **state)
{
    worker *w = *state;
    request_table *other = request_table_new(w);
    tl_request *a = request_new(w, 0);
    tl_request *b = request_new(w, 0);
    char first[40];
    strcpy(first, a->id);
    assert_int_equal(strlen(first), 32);
    assert_int_equal(strspn(first, "0123456789abcdef"), 32);
    assert_string_not_equal(first, b->id);
    request_make_id(a);
    assert_string_not_equal(first, a->id);
    assert_string_not_equal(b->id, a->id);
    /* Another table, as in another process, starts elsewhere. */
    request_table *before = w->requests;
    w->requests = other;
    request_make_id(b);
    assert_memory_not_equal(first, b->id, 16);
    w->requests = before;
    request_free(a);
    request_free(b);
    request_table_free(other);
}

static void sleep_a_while(tl_request *req, void *arg)
{
    int64_t *times = arg;
    times[0] = loop_now(req->worker);
    times[2] = request_sleep(req, 30);
    times[1] = loop_now(req->worker);
}

static void sleeps_at_least_as_long_as_asked(void **state)
{
    int64_t times[3];
    fixture_run(*state, sleep_a_while, times);
    assert_int_equal(times[2], TL_OK);
    assert_true(times[1] - times[0] >= 30 - 10); /* two readings of a coarse clock */
}

static void sleep_not_at_all(tl_request *req, void *arg)
{
    int *results = arg;
    results[0] = request_sleep(req, 0);
    results[1] = request_sleep(req, -5);
}

static void zero_is_a_short_sleep(void **state)
{
    int results[2] = {NOT_YET, NOT_YET};
    fixture_run(*state, sleep_not_at_all, results);
    assert_int_equal(results[0], TL_OK);
    assert_int_equal(results[1], TL_OK);
}

static void sleep_long(tl_request *req, void *arg)
{
    int *results = arg;
    results[0] = request_sleep(req, 3600000);
    results[1] = request_sleep(req, 3600000);
}

static void cancel_wakes_a_sleeper(void **state)
{
    worker *w = *state;
    int results[2] = {NOT_YET, NOT_YET};
    tl_request *req = request_new(w, 0);
    assert_true(request_start(req, sleep_long, results));
    request_cancel(req, false);
    turn(w);
    assert_int_equal(results[0], TL_CANCELLED);
    assert_int_equal(results[1], TL_CANCELLED);
    assert_int_equal(request_count(w->requests), 0);
}

static tl_module slow_module = {.name = "snail"};
static const route slow_route = {.path = "/v1/slow/:id", .module = &slow_module};

static void hold_the_loop(tl_request *req, void *arg)
{
    req->module = &slow_module;
    req->route = &slow_route;
    request_sleep(req, 400); /* does not count */
    if (*(bool *)arg)
        usleep(400000);
}

static bool log_names_the_slow_one(worker *w)
{
    logger_flush(w->log);
    char line[1024];
    bool found = false;
    FILE *file = fopen(fixture_log_path(), "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        found = found || (strstr(line, "snail") && strstr(line, "/v1/slow/:id") && strstr(line, "held the loop"));
    fclose(file);
    return found;
}

/* Whether the log tells of work that does, or does not, hold the loop for twice the limit. */
static bool is_told(worker_role role, bool holds)
{
    settings *limits = fixture_settings();
    limits->log_slow_handler = 200;
    worker *w = fixture_worker_new(limits);
    w->role = role;
    assert_int_equal(truncate(fixture_log_path(), 0), 0);
    fixture_run(w, hold_the_loop, &holds);
    bool told = log_names_the_slow_one(w);
    fixture_worker_free(w);
    return told;
}

static void a_handler_that_holds_the_loop_is_named(void **state)
{
    (void)state;
    assert_false(is_told(ROLE_HTTP, false));
    assert_true(is_told(ROLE_HTTP, true));
}

static void nobody_waits_for_a_command(void **state)
{
    (void)state;
    assert_false(is_told(ROLE_COMMAND, true));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_finished_wait_goes_on_in_the_next_turn_only),
        TEST(an_answer_in_a_callback_is_used_in_the_same_turn),
        TEST(cancel_ends_a_wait),
        TEST(cancel_after_the_answer_keeps_the_answer),
        TEST(cancel_before_the_start_fails_the_first_wait),
        TEST(a_wait_without_cancel_ends_with_its_answer),
        TEST(a_request_may_be_cancelled_while_it_runs),
        TEST(the_deadline_cancels),
        TEST(the_deadline_is_the_reason),
        TEST(an_idle_worker_has_no_timer),
        TEST(cancel_all_reaches_everyone),
        cmocka_unit_test(many_requests_wait_at_once),
        cmocka_unit_test(no_more_requests_than_allowed),
        TEST(without_a_fiber_the_request_is_freed),
        TEST(clean_ups_run_at_the_end_and_cannot_wait),
        TEST(waiting_outside_of_the_fiber_ends_the_process),
        TEST(ids_are_unique),
        TEST(sleeps_at_least_as_long_as_asked),
        TEST(zero_is_a_short_sleep),
        TEST(cancel_wakes_a_sleeper),
        cmocka_unit_test(a_handler_that_holds_the_loop_is_named),
        cmocka_unit_test(nobody_waits_for_a_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
