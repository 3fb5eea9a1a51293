/*
 * What a request may take: one that takes more is left, with its clean-ups, and the worker goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include "core/json/json.h"
#include "core/plugin/plugin.h"
#include "tests/unit/support/fixture.h"

#include <cmocka.h>

enum { MEBIBYTE = 1 << 20, LIMIT = 4 * MEBIBYTE };

typedef struct attempt {
    void (*run)(tl_request *req, void *arg);
    bool returned;
    bool cleaned;
    bool ended;
    int rounds;
} attempt;

static int start(void **state)
{
    settings *s = fixture_settings();
    s->request_memory = LIMIT;
    *state = fixture_worker_new(s);
    return 0;
}

static int stop(void **state)
{
    fixture_worker_free(*state);
    return 0;
}

static void note(void *flag)
{
    *(bool *)flag = true;
}

static void limited(tl_request *req, void *arg)
{
    attempt *a = arg;
    static tl_module module = {.name = "greedy"};
    req->module = &module;
    arena_defer(req->arena, note, &a->cleaned);
    a->returned = request_run_limited(req, a->run, a);
    a->ended = true;
}

static attempt try(worker *w, void (*run)(tl_request *req, void *arg))
{
    attempt a = {.run = run};
    fixture_run(w, limited, &a);
    assert_true(a.ended);
    assert_true(a.cleaned);
    return a;
}

static void expect_left(worker *w, void (*run)(tl_request *req, void *arg))
{
    size_t before = fixture_log_count(w, "took more than 4 MiB of memory ([server] request_memory)");
    attempt a = try(w, run);
    assert_false(a.returned);
    assert_int_equal(fixture_log_count(w, "took more than 4 MiB of memory ([server] request_memory)"), before + 1);
}

static const tl_task_api *task(void)
{
    return host_table()->task;
}

static void take_little(tl_request *req, void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        task()->alloc(req, MEBIBYTE);
}

static void take_many_pieces(tl_request *req, void *arg)
{
    for (((attempt *)arg)->rounds = 0; ((attempt *)arg)->rounds < 10 * LIMIT / 1000; ((attempt *)arg)->rounds++)
        task()->alloc(req, 1000);
}

static void take_one_large_piece(tl_request *req, void *arg)
{
    (void)arg;
    task()->alloc(req, (size_t)1 << 40);
}

static void build_json(tl_request *req, void *arg)
{
    (void)arg;
    tl_json *array = json_new_array(req);
    for (int i = 0; i < LIMIT / 10; i++)
        json_append_string(array, "some text");
}

static int take_in_a_scope(tl_request *req, void *arg)
{
    bool *cleaned = arg;
    arena_defer(req->arena, note, cleaned);
    task()->alloc(req, 3 * MEBIBYTE);
    return TL_OK;
}

static bool scope_cleaned;

static void take_in_scopes(tl_request *req, void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++)
        request_scoped(req, take_in_a_scope, &scope_cleaned);
}

static void take_outside_and_in_a_scope(tl_request *req, void *arg)
{
    (void)arg;
    task()->alloc(req, 2 * MEBIBYTE);
    request_scoped(req, take_in_a_scope, &scope_cleaned);
}

static void within_the_limit_nothing_happens(void **state)
{
    assert_true(try(*state, take_little).returned);
}

static void many_pieces_are_too_much_together(void **state)
{
    expect_left(*state, take_many_pieces);
}

static void one_piece_is_refused_before_it_is_taken(void **state)
{
    expect_left(*state, take_one_large_piece);
}

static void json_counts(void **state)
{
    expect_left(*state, build_json);
}

static void what_a_scope_took_counts_no_longer(void **state)
{
    assert_true(try(*state, take_in_scopes).returned);
}

static void a_scope_is_left_with_its_clean_ups(void **state)
{
    scope_cleaned = false;
    expect_left(*state, take_outside_and_in_a_scope);
    assert_true(scope_cleaned);
}

static void the_log_names_the_plugin(void **state)
{
    try(*state, take_one_large_piece);
    assert_true(fixture_log_count(*state, "greedy") > 0);
}

static void without_a_limit_nothing_is_left(void **state)
{
    attempt a = {0};
    fixture_run(*state, take_many_pieces, &a);
    assert_int_equal(a.rounds, 10 * LIMIT / 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(within_the_limit_nothing_happens),
        TEST(many_pieces_are_too_much_together),
        TEST(one_piece_is_refused_before_it_is_taken),
        TEST(json_counts),
        TEST(what_a_scope_took_counts_no_longer),
        TEST(a_scope_is_left_with_its_clean_ups),
        TEST(the_log_names_the_plugin),
        TEST(without_a_limit_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
