/*
 * Fibers by ucontext and setjmp: a context is made once for each stack, and from then on switched with _setjmp and
 * _longjmp, which leave the signal mask alone and so cost no system call.
 *
 * A stack is two mappings (itself and its guard); Linux allows a process 65530 unless vm.max_map_count says otherwise,
 * so about 32 thousand fibers can live at once. Memory is taken page by page as a stack grows and given back when
 * the stack is unmapped, which happens to those above the pool's `keep`: what idle stacks hold is bounded by that.
 *
 * It does not schedule: who waits for what is core/request's.
 */

/* glibc's fortified longjmp ends the process when it jumps "down" a stack, which a switch to another stack looks like.
 */
#undef _FORTIFY_SOURCE

#include "core/fiber/fiber.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "core/memory/sanitizer.h"

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define HAVE_VALGRIND 1
#endif
#endif

enum {
#ifdef TL_ASAN
    STACK_SIZE = 1024 * 1024, /* instrumented frames are several times larger */
#else
    STACK_SIZE = 256 * 1024,
#endif
    GUARD_SIZE = 64 * 1024, /* more than a page: a frame with a large array must not step over it */
    MAPPING_SIZE = GUARD_SIZE + STACK_SIZE,
};

struct fiber {
    jmp_buf context; /* where it goes on */
    fiber_pool *pool;
    void (*run)(void *arg);
    void *arg;
    bool ended;
    char *mapping; /* guard, then stack */
    fiber *next_idle;
#ifdef TL_ASAN
    void *fake_stack;
#endif
#ifdef HAVE_VALGRIND
    unsigned valgrind_id;
#endif
};

struct fiber_pool {
    jmp_buf loop; /* where the loop goes on */
    fiber *current;
    fiber *idle;
    size_t idle_count;
    size_t keep;
    size_t live;
    size_t limit;
#ifdef TL_ASAN
    void *fake_stack; /* of the loop's stack, as its bounds */
    const void *loop_bottom;
    size_t loop_size;
#endif
};

static _Noreturn void misuse(const char *what)
{
    fprintf(stderr, "talelio: %s\n", what);
    abort();
}

/* The four below tell AddressSanitizer which stack is in use. Nothing may happen between a leave and its switch. */
static inline NO_ASAN void leave_loop(fiber_pool *pool, fiber *f)
{
#ifdef TL_ASAN
    __sanitizer_start_switch_fiber(&pool->fake_stack, f->mapping + GUARD_SIZE, STACK_SIZE);
#else
    (void)pool;
    (void)f;
#endif
}

static inline NO_ASAN void arrive_in_loop(fiber_pool *pool)
{
#ifdef TL_ASAN
    __sanitizer_finish_switch_fiber(pool->fake_stack, NULL, NULL);
#else
    (void)pool;
#endif
}

static inline NO_ASAN void leave_fiber(fiber *f)
{
#ifdef TL_ASAN
    /* Without a place to save it, the fake stack of a fiber that has ended is freed. */
    __sanitizer_start_switch_fiber(f->ended ? NULL : &f->fake_stack, f->pool->loop_bottom, f->pool->loop_size);
    if (f->ended)
        f->fake_stack = NULL;
#else
    (void)f;
#endif
}

static inline NO_ASAN void arrive_in_fiber(fiber *f)
{
#ifdef TL_ASAN
    __sanitizer_finish_switch_fiber(f->fake_stack, &f->pool->loop_bottom, &f->pool->loop_size);
#else
    (void)f;
#endif
}

static NO_ASAN void switch_to_loop(fiber *f)
{
    leave_fiber(f);
    if (_setjmp(f->context) == 0)
        _longjmp(f->pool->loop, 1);
    arrive_in_fiber(f);
}

static NO_ASAN void switch_to_fiber(fiber *f)
{
    fiber_pool *pool = f->pool;
    pool->current = f;
    leave_loop(pool, f);
    if (_setjmp(pool->loop) == 0)
        _longjmp(f->context, 1);
    arrive_in_loop(pool);
    pool->current = NULL;
}

/* The bottom of every stack: runs one function after the other, as the pool hands the stack out again. */
static NO_ASAN void stack_main(unsigned high, unsigned low)
{
    fiber *f = (fiber *)((uintptr_t)high << 32 | low); // NOLINT: makecontext passes ints only
    arrive_in_fiber(f);
    for (;;) {
        switch_to_loop(f);
        f->run(f->arg);
        f->ended = true;
    }
}

/* Enters the new stack once, so that its context can be jumped to from then on. */
static NO_ASAN bool make_context(fiber *f)
{
    ucontext_t start;
    if (getcontext(&start) != 0)
        return false;
    start.uc_stack.ss_sp = f->mapping + GUARD_SIZE;
    start.uc_stack.ss_size = STACK_SIZE;
    start.uc_link = NULL;
    uintptr_t address = (uintptr_t)f;
    makecontext(&start, (void (*)(void))stack_main, 2, (unsigned)(address >> 32), (unsigned)address);
    leave_loop(f->pool, f);
    if (_setjmp(f->pool->loop) == 0)
        setcontext(&start);
    arrive_in_loop(f->pool);
    return true;
}

static void stack_free(fiber *f)
{
#ifdef HAVE_VALGRIND
    VALGRIND_STACK_DEREGISTER(f->valgrind_id);
#endif
    munmap(f->mapping, MAPPING_SIZE);
    free(f);
}

static fiber *stack_new(fiber_pool *pool)
{
    fiber *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->pool = pool;
    f->mapping = mmap(NULL, MAPPING_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (f->mapping == MAP_FAILED)
        goto no_mapping;
    if (mprotect(f->mapping, GUARD_SIZE, PROT_NONE) != 0)
        goto no_guard;
#ifdef HAVE_VALGRIND
    f->valgrind_id = VALGRIND_STACK_REGISTER(f->mapping + GUARD_SIZE, f->mapping + MAPPING_SIZE);
#endif
    if (!make_context(f)) {
        stack_free(f);
        return NULL;
    }
    return f;

no_guard:
    munmap(f->mapping, MAPPING_SIZE);
no_mapping:
    free(f);
    return NULL;
}

fiber_pool *fiber_pool_new(size_t keep, size_t limit)
{
    fiber_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        misuse("out of memory");
    pool->keep = keep;
    pool->limit = limit;
    return pool;
}

void fiber_pool_free(fiber_pool *pool)
{
    if (!pool)
        return;
    if (pool->live > 0)
        misuse("fiber_pool_free: fibers are alive");
    while (pool->idle) {
        fiber *f = pool->idle;
        pool->idle = f->next_idle;
        stack_free(f);
    }
    free(pool);
}

static void run_slice(fiber *f)
{
    switch_to_fiber(f);
    if (!f->ended)
        return;
    fiber_pool *pool = f->pool;
    pool->live--;
    if (pool->idle_count == pool->keep) {
        stack_free(f);
        return;
    }
    f->next_idle = pool->idle;
    pool->idle = f;
    pool->idle_count++;
}

bool fiber_start(fiber_pool *pool, void (*run)(void *arg), void *arg)
{
    if (pool->current)
        misuse("fiber_start: called on a fiber");
    if (pool->live == pool->limit)
        return false;
    fiber *f = pool->idle;
    if (f) {
        pool->idle = f->next_idle;
        pool->idle_count--;
    } else {
        f = stack_new(pool);
        if (!f)
            return false;
    }
    pool->live++;
    f->run = run;
    f->arg = arg;
    f->ended = false;
    run_slice(f);
    return true;
}

fiber *fiber_current(const fiber_pool *pool)
{
    return pool->current;
}

void fiber_suspend(fiber_pool *pool)
{
    if (!pool->current)
        misuse("fiber_suspend: called on the loop's stack");
    switch_to_loop(pool->current);
}

void fiber_resume(fiber *f)
{
    if (f->pool->current)
        misuse("fiber_resume: called on a fiber");
    run_slice(f);
}

size_t fiber_count(const fiber_pool *pool)
{
    return pool->live;
}

bool fiber_is_overflow(const fiber_pool *pool, const void *address)
{
    const fiber *f = pool->current;
    if (!f)
        return false;
    uintptr_t guard = (uintptr_t)f->mapping;
    return (uintptr_t)address >= guard && (uintptr_t)address < guard + GUARD_SIZE;
}
