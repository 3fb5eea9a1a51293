/* Fibers: switching, limits, and the guard below a stack. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/fiber/fiber.h"
#include "core/memory/sanitizer.h"

#ifdef TL_ASAN
enum { MANY = 1000 };
#else
enum { MANY = 10000 };
#endif

struct task {
    fiber_pool *pool;
    fiber *self;
    int rounds;
    int done;
};

static void set_done(void *arg)
{
    ((struct task *)arg)->done = 1;
}

static void work(void *arg)
{
    struct task *t = arg;
    t->self = fiber_current(t->pool);
    /* Values in locals and in the stack's memory must survive the others' turns. */
    char text[64];
    memset(text, t->rounds, sizeof text);
    double sum = 0.5;
    for (int i = 0; i < t->rounds; i++) {
        sum += i;
        fiber_suspend(t->pool);
        if (fiber_current(t->pool) != t->self)
            return;
    }
    for (size_t i = 0; i < sizeof text; i++) {
        if (text[i] != (char)t->rounds)
            return;
    }
    if (sum == 0.5 + t->rounds * (t->rounds - 1) / 2.0)
        t->done = 1;
}

static void runs_to_its_end_at_once(void **state)
{
    (void)state;
    fiber_pool *pool = fiber_pool_new(1, 1);
    struct task t = {pool};
    assert_true(fiber_start(pool, set_done, &t));
    assert_int_equal(t.done, 1);
    assert_int_equal(fiber_count(pool), 0);
    assert_null(fiber_current(pool));
    fiber_pool_free(pool);
}

static void goes_on_where_it_stopped(void **state)
{
    (void)state;
    fiber_pool *pool = fiber_pool_new(1, 1);
    struct task t = {pool, .rounds = 3};
    assert_true(fiber_start(pool, work, &t));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(t.done, 0);
        assert_int_equal(fiber_count(pool), 1);
        assert_null(fiber_current(pool));
        fiber_resume(t.self);
    }
    assert_int_equal(t.done, 1);
    assert_int_equal(fiber_count(pool), 0);
    fiber_pool_free(pool);
}

static void many_live_at_once(void **state)
{
    (void)state;
    /* `keep` is far below: most stacks are unmapped at their end, the rest is used again in the second round. */
    fiber_pool *pool = fiber_pool_new(100, MANY);
    struct task *tasks = calloc(MANY, sizeof *tasks);
    assert_non_null(tasks);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            tasks[i] = (struct task){pool, .rounds = 1 + i % 5};
            assert_true(fiber_start(pool, work, &tasks[i]));
        }
        assert_int_equal(fiber_count(pool), MANY);
        for (int turn = 1; fiber_count(pool) > 0; turn++) {
            for (int i = 0; i < MANY; i++) {
                if (tasks[i].rounds >= turn)
                    fiber_resume(tasks[i].self);
            }
        }
        for (int i = 0; i < MANY; i++)
            assert_int_equal(tasks[i].done, 1);
    }
    free(tasks);
    fiber_pool_free(pool);
}

static void stops_at_the_limit(void **state)
{
    (void)state;
    fiber_pool *pool = fiber_pool_new(2, 2);
    struct task a = {pool, .rounds = 1};
    struct task b = {pool, .rounds = 1};
    struct task c = {pool};
    assert_true(fiber_start(pool, work, &a));
    assert_true(fiber_start(pool, work, &b));
    assert_false(fiber_start(pool, set_done, &c));
    assert_int_equal(c.done, 0);
    fiber_resume(a.self);
    assert_true(fiber_start(pool, set_done, &c));
    fiber_resume(b.self);
    fiber_pool_free(pool);
}

static void no_memory_for_a_stack_is_told(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {1, 1};
        fiber_pool *pool = fiber_pool_new(1, 10);
        struct task t = {pool};
        setrlimit(RLIMIT_AS, &limit);
        bool started = fiber_start(pool, set_done, &t);
        _exit(!started && !t.done && fiber_count(pool) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static fiber_pool *pool_of_child;

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    _exit(fiber_is_overflow(pool_of_child, info->si_addr) ? 42 : 43);
}

static int run_off(volatile int depth)
{
    volatile char frame[1024];
    frame[depth % 1024] = (char)depth;
    return depth < 0 ? frame[0] : run_off(depth + 1) + frame[depth % 1024];
}

static void overflow(void *arg)
{
    (void)arg;
    run_off(0);
}

static void write_to_null(void *arg)
{
    (void)arg;
    *(volatile int *)(uintptr_t)sysconf(_SC_PAGESIZE) = 1; // NOLINT: the fault is the point
}

/* The exit code of a process in which `run` has faulted on a fiber: 42 for an overflow, 43 for anything else. */
static int fault_in_child(void (*run)(void *arg))
{
    pid_t child = fork();
    if (child == 0) {
        stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
        sigaltstack(&stack, NULL);
        struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        sigaction(SIGSEGV, &action, NULL);
        pool_of_child = fiber_pool_new(1, 1);
        fiber_start(pool_of_child, run, NULL);
        _exit(44);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void an_overflow_is_told_from_other_faults(void **state)
{
    (void)state;
    assert_int_equal(fault_in_child(overflow), 42);
    assert_int_equal(fault_in_child(write_to_null), 43);
}

static void nothing_overflows_on_the_loops_stack(void **state)
{
    (void)state;
    fiber_pool *pool = fiber_pool_new(1, 1);
    int here;
    assert_false(fiber_is_overflow(pool, &here));
    assert_false(fiber_is_overflow(pool, NULL));
    fiber_pool_free(pool);
}

static void touch_much(void *arg)
{
    volatile char *sum = arg;
    volatile char bytes[200 * 1024];
    for (size_t i = 0; i < sizeof bytes; i += 1024)
        bytes[i] = 1;
    for (size_t i = 0; i < sizeof bytes; i += 1024)
        *sum = (char)(*sum + bytes[i]);
}

static void a_stack_holds_200_kilobytes(void **state)
{
    (void)state;
    fiber_pool *pool = fiber_pool_new(1, 1);
    char sum = 0;
    assert_true(fiber_start(pool, touch_much, &sum));
    assert_int_equal((unsigned char)sum, 200);
    fiber_pool_free(pool);
}

static void start_inside(void *arg)
{
    fiber_start(arg, set_done, NULL);
}

static void suspend_outside(void *arg)
{
    fiber_suspend(arg);
}

static void free_alive(void *arg)
{
    fiber_pool *pool = arg;
    struct task t = {pool, .rounds = 1};
    fiber_start(pool, work, &t);
    fiber_pool_free(pool);
}

static bool aborts(void (*run)(void *arg), bool on_fiber)
{
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        fiber_pool *pool = fiber_pool_new(1, 3);
        if (on_fiber)
            fiber_start(pool, run, pool);
        else
            run(pool);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void misuse_ends_the_process(void **state)
{
    (void)state;
    assert_true(aborts(start_inside, true));
    assert_true(aborts(suspend_outside, false));
    assert_true(aborts(free_alive, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_to_its_end_at_once),
        cmocka_unit_test(goes_on_where_it_stopped),
        cmocka_unit_test(many_live_at_once),
        cmocka_unit_test(stops_at_the_limit),
        cmocka_unit_test(no_memory_for_a_stack_is_told),
        cmocka_unit_test(an_overflow_is_told_from_other_faults),
        cmocka_unit_test(nothing_overflows_on_the_loops_stack),
        cmocka_unit_test(a_stack_holds_200_kilobytes),
        cmocka_unit_test(misuse_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
