/*
 * Scopes: a part of a request whose memory goes before the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include "core/plugin/plugin.h"
#include "tests/unit/support/fixture.h"

#include <cmocka.h>

static char order[16];
static size_t ordered;

static void note(void *letter)
{
    order[ordered++] = *(const char *)letter;
}

static int start(void **state)
{
    ordered = 0;
    memset(order, 0, sizeof order);
    *state = fixture_worker_new(fixture_settings());
    return 0;
}

static int stop(void **state)
{
    fixture_worker_free(*state);
    return 0;
}

static int inner(tl_request *req, void *number)
{
    arena_defer(req->arena, note, "c");
    arena_defer(req->arena, note, "b");
    return *(const int *)number;
}

static void outer(tl_request *req, void *result)
{
    int seven = 7;
    arena_defer(req->arena, note, "e");
    note("a");
    *(int *)result = host_table()->task->scoped(req, inner, &seven);
    note("d");
}

static void test_clean_ups_run_at_the_end_of_their_scope(void **state)
{
    int result = 0;
    fixture_run(*state, outer, &result);
    assert_int_equal(result, 7);
    assert_string_equal(order, "abcde");
}

static int sleeps(tl_request *req, void *kept)
{
    char *own = arena_copy(req->arena, "own");
    if (request_sleep(req, 5) != TL_OK)
        return TL_CANCELLED;
    return strcmp(own, "own") == 0 && strcmp(kept, "kept") == 0 ? TL_OK : TL_ERROR;
}

static int nests(tl_request *req, void *kept)
{
    char *own = arena_copy(req->arena, "between");
    int result = request_scoped(req, sleeps, kept);
    return strcmp(own, "between") == 0 ? result : TL_ERROR;
}

static void nest(tl_request *req, void *result)
{
    char *kept = arena_copy(req->arena, "kept");
    *(int *)result = request_scoped(req, nests, kept);
    if (strcmp(kept, "kept") != 0)
        *(int *)result = TL_ERROR;
}

static void test_scopes_nest_and_wait(void **state)
{
    int result = TL_ERROR;
    fixture_run(*state, nest, &result);
    assert_int_equal(result, TL_OK);
}

static int allocates(tl_request *req, void *address)
{
    /* More than a block that arenas keep for reuse. */
    char *bytes = arena_alloc(req->arena, 1 << 20);
    bytes[0] = 1;
    *(void **)address = bytes;
    return TL_OK;
}

static void allocate_much(tl_request *req, void *unused)
{
    (void)unused;
    void *address;
    for (int i = 0; i < 1000; i++)
        request_scoped(req, allocates, &address);
}

static long peak_kib(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_maxrss;
}

static void test_memory_stays_flat(void **state)
{
    /* 1 GB altogether. AddressSanitizer keeps 256 MB of what is freed. */
    long before = peak_kib();
    fixture_run(*state, allocate_much, NULL);
    assert_in_range(peak_kib() - before, 0, 400 << 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_clean_ups_run_at_the_end_of_their_scope),
        TEST(test_scopes_nest_and_wait),
        TEST(test_memory_stays_flat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
