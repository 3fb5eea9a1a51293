/*
 * Counting in shared blocks, and merging them into one text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/metrics/metrics.h"

#include <cmocka.h>

static metric_area *area;

static int setup(void **state)
{
    (void)state;
    area = metric_area_new(2);
    assert_non_null(area);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    metric_area_free(area);
    return 0;
}

typedef struct process {
    int block;
    metrics *metrics;
} process;

static process start(const char *name, int generation)
{
    int block = metric_area_take(area);
    assert_true(block > 0);
    return (process){block, metrics_open(metric_area_fd(area), block, name, generation)};
}

static void end(process p)
{
    metrics_close(p.metrics);
    metric_area_give_back(area, p.block);
}

static metric *add(process p, const char *name, metric_kind kind)
{
    return metrics_register(p.metrics, &(metric_spec){.name = name, .help = "Helps", .kind = kind});
}

static char *text_of(process p)
{
    static char *text;
    free(text);
    size_t length = 0;
    text = metrics_text(p.metrics, &length);
    assert_non_null(text);
    assert_int_equal(strlen(text), length);
    return text;
}

static void expect(process p, const char *line)
{
    const char *text = text_of(p);
    const char *at = strstr(text, line);
    if (!at || (at > text && at[-1] != '\n') || at[strlen(line)] != '\n')
        fail_msg("no line '%s' in:\n%s", line, text);
}

static void expect_none(process p, const char *part)
{
    if (strstr(text_of(p), part))
        fail_msg("'%s' in:\n%s", part, text_of(p));
}

static void counters_are_summed_over_processes(void **state)
{
    (void)state;
    process a = start("worker 1", 1), b = start("worker 2", 1);
    metric_add(add(a, "talelio_hits_total", METRIC_COUNTER), 3);
    metric_add(add(b, "talelio_hits_total", METRIC_COUNTER), 4.5);
    expect(a, "# HELP talelio_hits_total Helps");
    expect(a, "# TYPE talelio_hits_total counter");
    expect(a, "talelio_hits_total 7.5");
    assert_null(strstr(strstr(text_of(a), "# TYPE talelio_hits_total") + 1, "# TYPE talelio_hits_total"));
    end(a);
    end(b);
}

static void a_successor_goes_on_where_the_dead_has_stopped(void **state)
{
    (void)state;
    process a = start("worker 1", 1), b = start("worker 2", 1);
    metric_add(add(a, "talelio_hits_total", METRIC_COUNTER), 3);
    add(b, "talelio_hits_total", METRIC_COUNTER);
    end(a);
    expect(b, "talelio_hits_total 3");
    a = start("worker 1", 1);
    metric *hits = add(a, "talelio_hits_total", METRIC_COUNTER);
    expect(b, "talelio_hits_total 3");
    metric_add(hits, 1);
    expect(b, "talelio_hits_total 4");
    end(a);
    end(b);
}

static void the_gauge_set_last_counts_even_of_the_dead(void **state)
{
    (void)state;
    process a = start("worker 1", 1), b = start("worker 2", 1);
    metric *ours = add(a, "talelio_level", METRIC_GAUGE), *theirs = add(b, "talelio_level", METRIC_GAUGE);
    metric_set(ours, 1);
    usleep(10);
    metric_set(theirs, -2);
    expect(a, "talelio_level -2");
    end(b);
    expect(a, "talelio_level -2");
    usleep(10);
    metric_set(ours, 5);
    expect(a, "talelio_level 5");
    end(a);
}

static void a_gauge_that_nobody_has_set_has_no_value(void **state)
{
    (void)state;
    process a = start("worker 1", 1);
    metric *level = add(a, "talelio_level", METRIC_GAUGE);
    expect_none(a, "\ntalelio_level");
    metric_set(level, 0);
    expect(a, "talelio_level 0");
    end(a);
}

static void what_is_measured_counts_of_the_living(void **state)
{
    (void)state;
    process a = start("worker 1", 1), b = start("worker 2", 1);
    metric_set_live(add(a, "talelio_open", METRIC_LIVE), 3);
    metric_set_live(add(b, "talelio_open", METRIC_LIVE), 4);
    expect(a, "# TYPE talelio_open gauge");
    expect(a, "talelio_open 7");
    end(b);
    expect(a, "talelio_open 3");
    /* and the successor begins at nothing */
    b = start("worker 2", 1);
    add(b, "talelio_open", METRIC_LIVE);
    expect(a, "talelio_open 3");
    end(a);
    end(b);
}

static void generations_with_different_plugins_are_merged_by_name(void **state)
{
    (void)state;
    process old = start("worker 1", 1), new = start("worker 1", 2);
    metric_add(add(old, "talelio_notes_read_total", METRIC_COUNTER), 1);
    metric_add(add(old, "talelio_hits_total", METRIC_COUNTER), 10);
    metric_add(add(new, "talelio_hits_total", METRIC_COUNTER), 20);
    metric_add(add(new, "talelio_songs_heard_total", METRIC_COUNTER), 2);
    expect(new, "talelio_notes_read_total 1");
    expect(new, "talelio_hits_total 30");
    expect(new, "talelio_songs_heard_total 2");
    /* the name that no living process has goes; its count comes back with it */
    end(old);
    expect_none(new, "talelio_notes");
    process next = start("worker 1", 3);
    add(next, "talelio_notes_read_total", METRIC_COUNTER);
    expect(next, "talelio_notes_read_total 1");
    end(new);
    end(next);
}

static void the_newest_generation_says_what_a_name_is(void **state)
{
    (void)state;
    process old = start("worker 1", 1), new = start("worker 1", 2);
    metric_add(add(old, "talelio_thing", METRIC_COUNTER), 10);
    metric *thing = add(new, "talelio_thing", METRIC_GAUGE);
    metric_set(thing, 3);
    expect(old, "# TYPE talelio_thing gauge");
    expect(old, "talelio_thing 3");
    end(old);
    /* the old count is no gauge's value, whoever takes over its block */
    old = start("worker 1", 3);
    add(old, "talelio_thing", METRIC_GAUGE);
    expect(old, "talelio_thing 3");
    end(old);
    end(new);
}

static void a_histogram_adds_up_its_buckets(void **state)
{
    (void)state;
    process p[] = {start("worker 1", 1), start("worker 2", 1)};
    static const char *const bounds[] = {"le=\"0.5\"", "le=\"2.5\"", "le=\"10\"", "le=\"+Inf\""};
    for (int i = 0; i < 2; i++) {
        metric_spec spec = {.name = "talelio_took_seconds", .help = "Helps", .kind = METRIC_BUCKET};
        for (spec.order = 0; spec.order < 4; spec.order++) {
            spec.labels = bounds[spec.order];
            metric_add(metrics_register(p[i].metrics, &spec), spec.order + 1);
        }
        spec.kind = METRIC_SUM;
        spec.labels = NULL;
        metric_add(metrics_register(p[i].metrics, &spec), 12.25);
    }
    const char *text = strstr(text_of(p[0]), "# HELP talelio_took");
    static const char wanted[] = "# HELP talelio_took_seconds Helps\n"
                                 "# TYPE talelio_took_seconds histogram\n"
                                 "talelio_took_seconds_bucket{le=\"0.5\"} 2\n"
                                 "talelio_took_seconds_bucket{le=\"2.5\"} 6\n"
                                 "talelio_took_seconds_bucket{le=\"10\"} 12\n"
                                 "talelio_took_seconds_bucket{le=\"+Inf\"} 20\n"
                                 "talelio_took_seconds_sum 24.5\n"
                                 "talelio_took_seconds_count 20\n";
    assert_non_null(text);
    assert_memory_equal(text, wanted, sizeof wanted - 1);
    end(p[0]);
    end(p[1]);
}

static void labels_make_values_of_their_own(void **state)
{
    (void)state;
    process a = start("worker 1", 1);
    char labels[METRIC_LABELS_SIZE];
    metric_label(labels, sizeof labels, "name", "a\"b\\c\nd");
    metric_add(metrics_register(a.metrics, &(metric_spec){"talelio_x_total", "Line\none \\", METRIC_COUNTER, labels}),
               1);
    metric_add(metrics_register(a.metrics, &(metric_spec){"talelio_x_total", "", METRIC_COUNTER, "name=\"z\""}), 2);
    expect(a, "# HELP talelio_x_total Line\\none \\\\");
    expect(a, "talelio_x_total{name=\"a\\\"b\\\\c\\nd\"} 1");
    expect(a, "talelio_x_total{name=\"z\"} 2");
    end(a);
}

static void a_long_label_is_cut_whole(void **state)
{
    (void)state;
    char labels[24];
    metric_label(labels, sizeof labels, "name", "\\\\\\\\\\\\\\\\\\\\\\\\\\\\");
    size_t length = strlen(labels);
    assert_true(length < sizeof labels);
    assert_int_equal(labels[length - 1], '"');
    assert_int_equal((length - strlen("name=\"\"")) % 2, 0);
}

static void numbers_read_back_as_they_were(void **state)
{
    (void)state;
    process a = start("worker 1", 1);
    metric *level = add(a, "talelio_level", METRIC_GAUGE);
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {1772323200.25, "1772323200.25"},
                 {1.0 / 3, "0.3333333333333333"},
                 {123456789012345, "123456789012345"},
                 {1e300, "1e+300"},
                 {-0.5, "-0.5"},
                 {__builtin_nan(""), "NaN"},
                 {__builtin_inf(), "+Inf"},
                 {-__builtin_inf(), "-Inf"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "talelio_level %s", cases[i].text);
        metric_set(level, cases[i].value);
        usleep(2);
        expect(a, line);
    }
    end(a);
}

static void when_there_is_no_room_nothing_else_suffers(void **state)
{
    (void)state;
    process a = start("worker 1", 1);
    metric *first = add(a, "talelio_n0_total", METRIC_COUNTER);
    for (int i = 1; i < METRICS_MOST; i++) {
        char name[64];
        snprintf(name, sizeof name, "talelio_n%d_total", i);
        add(a, name, METRIC_COUNTER);
    }
    assert_false(metrics_is_full(a.metrics));
    metric *beyond = add(a, "talelio_beyond_total", METRIC_COUNTER);
    assert_true(metrics_is_full(a.metrics));
    metric_add(beyond, 7);
    metric_add(first, 1);
    expect(a, "talelio_n0_total 1");
    expect_none(a, "beyond");
    /* names that are there are found again */
    assert_ptr_equal(add(a, "talelio_n0_total", METRIC_COUNTER), first);
    end(a);
}

static void a_name_that_is_too_long_is_not_cut(void **state)
{
    (void)state;
    process a = start("worker 1", 1);
    char name[METRIC_NAME_SIZE + 1];
    memset(name, 'n', METRIC_NAME_SIZE);
    name[METRIC_NAME_SIZE] = '\0';
    metric_add(add(a, name, METRIC_COUNTER), 1);
    expect_none(a, "nnn");
    assert_true(metrics_is_full(a.metrics));
    end(a);
}

static void more_processes_than_blocks_count_for_themselves(void **state)
{
    (void)state;
    int taken = 0;
    while (metric_area_take(area) > 0)
        taken++;
    assert_int_equal(taken, 2 * AREA_GENERATIONS);
    process alone = {-1, metrics_open(metric_area_fd(area), -1, "worker 1", 9)};
    metric_add(add(alone, "talelio_hits_total", METRIC_COUNTER), 2);
    expect(alone, "talelio_hits_total 2");
    end(alone);
    metric_area_give_back(area, 1);
    assert_int_equal(metric_area_take(area), 1);
    /* the master's own block is nobody else's */
    metric_area_give_back(area, 0);
    assert_int_equal(metric_area_take(area), -1);
}

static void without_a_master_a_process_counts_for_itself(void **state)
{
    (void)state;
    assert_int_equal(metric_area_fd(NULL), -1);
    assert_int_equal(metric_area_take(NULL), -1);
    metric_area_give_back(NULL, 1);
    process command = {-1, metrics_open(0, 0, "command", 0)};
    metric_add(add(command, "talelio_hits_total", METRIC_COUNTER), 1);
    expect(command, "talelio_hits_total 1");
    metrics_close(command.metrics);
    metric_add(metrics_register(NULL, &(metric_spec){"talelio_x", "", METRIC_COUNTER, NULL, 0}), 1);
}

static void memory_of_every_live_process_is_told(void **state)
{
    (void)state;
    process a = start("worker 1", 1);
    const char *line = strstr(text_of(a), "talelio_process_resident_bytes{process=\"worker 1\"} ");
    assert_non_null(line);
    assert_true(atof(strchr(line, '}') + 1) > 100000);
    /* of two with a name, the newer */
    process b = start("worker 1", 2);
    line = strstr(text_of(a), "talelio_process_resident_bytes{process=\"worker 1\"} ");
    assert_non_null(line);
    assert_null(strstr(strchr(line, '\n'), "process=\"worker 1\""));
    end(a);
    end(b);
    process c = start("jobs", 3);
    expect_none(c, "worker 1");
    end(c);
}

enum { PROCESSES = 4, TIMES = 200000 };

static void processes_that_count_at_once_lose_nothing(void **state)
{
    (void)state;
    process reader = start("worker 1", 1);
    add(reader, "talelio_hits_total", METRIC_COUNTER);
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        int block = metric_area_take(area);
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        process p = {block, metrics_open(metric_area_fd(area), block, "worker", 1)};
        metric *hits = add(p, "talelio_hits_total", METRIC_COUNTER);
        for (int n = 0; n < TIMES; n++)
            metric_add(hits, 1);
        _exit(0);
    }
    double before = 0;
    for (int ended = 0; ended < PROCESSES;) {
        while (waitpid(pids[ended], NULL, WNOHANG) == pids[ended] && ++ended < PROCESSES)
            ;
        double now = atof(strstr(text_of(reader), "\ntalelio_hits_total ") + strlen("\ntalelio_hits_total "));
        assert_true(now >= before);
        before = now;
    }
    char line[64];
    snprintf(line, sizeof line, "talelio_hits_total %d", PROCESSES * TIMES);
    expect(reader, line);
    end(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counters_are_summed_over_processes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_successor_goes_on_where_the_dead_has_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(the_gauge_set_last_counts_even_of_the_dead, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gauge_that_nobody_has_set_has_no_value, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_measured_counts_of_the_living, setup, teardown),
        cmocka_unit_test_setup_teardown(generations_with_different_plugins_are_merged_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(the_newest_generation_says_what_a_name_is, setup, teardown),
        cmocka_unit_test_setup_teardown(a_histogram_adds_up_its_buckets, setup, teardown),
        cmocka_unit_test_setup_teardown(labels_make_values_of_their_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_label_is_cut_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_read_back_as_they_were, setup, teardown),
        cmocka_unit_test_setup_teardown(when_there_is_no_room_nothing_else_suffers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_is_too_long_is_not_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(more_processes_than_blocks_count_for_themselves, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_master_a_process_counts_for_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_of_every_live_process_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(processes_that_count_at_once_lose_nothing, setup, teardown),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
