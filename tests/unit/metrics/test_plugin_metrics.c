/*
 * A plugin's metrics: from its table to names, and counting by name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/plugin/plugin.h"
#include "tests/unit/support/fixture.h"

#include <cmocka.h>

static worker *w;
static arena *memory;
static problems *found;

static int setup(void **state)
{
    (void)state;
    w = fixture_worker_new(fixture_settings());
    w->metrics = metrics_open(0, -1, "worker 1", 1);
    metrics_add_core(w);
    memory = arena_new(NULL);
    found = problems_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    problems_free(found);
    arena_free(memory);
    metrics_close(w->metrics);
    w->metrics = NULL;
    fixture_worker_free(w);
    return 0;
}

static const tl_metric table[] = {
    {"read_total", TL_COUNTER, "Notes that were read"},
    {"kept", TL_GAUGE, "Notes that are kept"},
    {0},
};

static const tl_plugin plugin = {.name = "notes", .version = "1", .metrics = table};

static tl_module module_of(const tl_plugin *p)
{
    return (tl_module){.name = p->name, .path = "notes.so", .plugin = p};
}

static bool has_line(const char *line)
{
    size_t length = 0;
    char *text = metrics_text(w->metrics, &length);
    assert_non_null(text);
    char *at = strstr(text, line);
    bool has = at && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n';
    free(text);
    return has;
}

static int log_count(const char *part)
{
    return (int)fixture_log_count(w, part);
}

static void names_carry_the_plugin(void **state)
{
    (void)state;
    tl_module m = module_of(&plugin);
    assert_true(metrics_add_module(w->metrics, &m, memory, found));
    metrics_module_add(&m, "read_total", 2);
    metrics_module_set(&m, "kept", 7);
    assert_true(has_line("# HELP talelio_notes_read_total Notes that were read"));
    assert_true(has_line("talelio_notes_read_total 2"));
    assert_true(has_line("# TYPE talelio_notes_kept gauge"));
    assert_true(has_line("talelio_notes_kept 7"));
}

static void names_are_found_by_their_letters_too(void **state)
{
    (void)state;
    tl_module m = module_of(&plugin);
    assert_true(metrics_add_module(w->metrics, &m, memory, found));
    char name[] = "read_total";
    metrics_module_add(&m, name, 1);
    assert_true(has_line("talelio_notes_read_total 1"));
}

static void a_name_that_is_taken_is_a_problem(void **state)
{
    (void)state;
    /* both become talelio_a_b_c_total */
    static const tl_metric first[] = {{"b_c_total", TL_COUNTER, ""}, {0}};
    static const tl_metric second[] = {{"c_total", TL_COUNTER, ""}, {0}};
    static const tl_plugin a = {.name = "a", .metrics = first}, b = {.name = "a_b", .metrics = second};
    tl_module m = module_of(&a), n = module_of(&b);
    assert_true(metrics_add_module(w->metrics, &m, memory, found));
    assert_false(metrics_add_module(w->metrics, &n, memory, found));
    assert_string_equal(
        problems_text(found, 0),
        "notes.so: plugin a_b: metrics: talelio_a_b_c_total is there already, in this plugin, in another "
        "or in the core");
}

static void the_cores_names_are_taken(void **state)
{
    (void)state;
    static const tl_metric own[] = {{"requests_total", TL_GAUGE, ""}, {"x", TL_GAUGE, ""}, {"x", TL_COUNTER, ""}, {0}};
    static const tl_plugin http = {.name = "http", .metrics = own};
    tl_module m = module_of(&http);
    assert_false(metrics_add_module(w->metrics, &m, memory, found));
    assert_int_equal(problems_count(found), 2);
    assert_non_null(strstr(problems_text(found, 0), "talelio_http_requests_total is there already"));
    assert_non_null(strstr(problems_text(found, 1), "talelio_http_x is there already"));
}

static void a_name_that_is_too_long_is_a_problem(void **state)
{
    (void)state;
    static const tl_metric own[] = {
        {"a_name_that_goes_on_and_on_until_it_is_longer_than_any_name_may_be_and_then_some_more_letters", TL_GAUGE, ""},
        {0}};
    static const tl_plugin p = {.name = "notes", .metrics = own};
    tl_module m = module_of(&p);
    assert_false(metrics_add_module(w->metrics, &m, memory, found));
    assert_non_null(strstr(problems_text(found, 0), "metrics: expected at most 95 characters"));
}

static void mistakes_are_told_once_and_count_nothing(void **state)
{
    (void)state;
    tl_module m = module_of(&plugin);
    assert_true(metrics_add_module(w->metrics, &m, memory, found));
    metrics_module_add(&m, "unknown_total", 1);
    metrics_module_add(&m, "unknown_total", 1);
    assert_int_equal(log_count("mistake in the plugin: metric 'unknown_total' is not in its table"), 1);
    metrics_module_add(&m, "read_total", 3);
    metrics_module_add(&m, "read_total", -1);
    metrics_module_add(&m, "read_total", __builtin_nan(""));
    metrics_module_set(&m, "read_total", 0);
    metrics_module_add(&m, "kept", 1);
    assert_true(has_line("talelio_notes_read_total 3"));
    assert_false(has_line("talelio_notes_kept 1"));
    assert_int_equal(log_count("mistake in the plugin"), 1);
}

static void without_metrics_a_plugin_counts_into_nothing(void **state)
{
    (void)state;
    tl_module m = module_of(&plugin);
    assert_true(metrics_add_module(NULL, &m, memory, found));
    metrics_module_add(&m, "read_total", 2);
    tl_module bare = module_of(&plugin);
    metrics_module_add(&bare, "read_total", 2);
    assert_false(has_line("talelio_notes_read_total 2"));
}

static void the_core_counts_replies_by_class_and_time(void **state)
{
    (void)state;
    metrics_count_reply(w, 200, 400000);
    metrics_count_reply(w, 204, 1000000);
    metrics_count_reply(w, 503, 60000000000);
    metrics_count_reply(w, 0, 1);
    assert_true(has_line("talelio_http_requests_total{status=\"2xx\"} 2"));
    assert_true(has_line("talelio_http_requests_total{status=\"5xx\"} 1"));
    assert_true(has_line("talelio_http_request_duration_seconds_bucket{le=\"0.0005\"} 1"));
    assert_true(has_line("talelio_http_request_duration_seconds_bucket{le=\"0.001\"} 2"));
    assert_true(has_line("talelio_http_request_duration_seconds_bucket{le=\"5\"} 2"));
    assert_true(has_line("talelio_http_request_duration_seconds_bucket{le=\"+Inf\"} 3"));
    assert_true(has_line("talelio_http_request_duration_seconds_sum 60.0014"));
    assert_true(has_line("talelio_http_request_duration_seconds_count 3"));
}

static void the_core_counts_what_servers_are_asked(void **state)
{
    (void)state;
    metrics_count_statement(w, false);
    metrics_count_statement(w, true);
    metrics_count_redis(w, true);
    metrics_sample(w);
    assert_true(has_line("talelio_database_statements_total 2"));
    assert_true(has_line("talelio_database_errors_total 1"));
    assert_true(has_line("talelio_redis_commands_total 1"));
    assert_true(has_line("talelio_redis_errors_total 1"));
    assert_true(has_line("talelio_database_ready_processes 0"));
    assert_true(has_line("talelio_requests_running 0"));
    assert_true(has_line("talelio_pool_waiting 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_carry_the_plugin, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_found_by_their_letters_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_is_taken_is_a_problem, setup, teardown),
        cmocka_unit_test_setup_teardown(the_cores_names_are_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_is_too_long_is_a_problem, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes_are_told_once_and_count_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(without_metrics_a_plugin_counts_into_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(the_core_counts_replies_by_class_and_time, setup, teardown),
        cmocka_unit_test_setup_teardown(the_core_counts_what_servers_are_asked, setup, teardown),
    };
    return cmocka_run_group_tests_name("plugin metrics", tests, NULL, NULL);
}
