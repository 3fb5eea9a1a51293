/*
 * Servers that share a database agree on who runs what, by a clock that the test sets.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include "tests/unit/jobs/servers.h"

static const char *row(void)
{
    return sql("SELECT result || ' ' || attempts || ' ' || server FROM job_runs");
}

static void what_was_due_before_a_job_was_first_seen_is_not_run(void **state)
{
    (void)state;
    server *a = server_new("0 3 * * *", "UTC");
    look_once(a);
    assert_int_equal(script.runs, 0);
    assert_string_equal(sql("SELECT schedule || ' ' || zone || ' ' || (since = now()) FROM job_schedules"),
                        "0 3 * * * UTC true");
    clock_set("2026-01-02 02:59:59Z");
    look_once(a);
    assert_int_equal(script.runs, 0);
    clock_set("2026-01-02 03:00Z");
    look_once(a);
    assert_int_equal(script.runs, 1);
    assert_string_equal(sql("SELECT due_at AT TIME ZONE 'UTC' FROM job_runs"), "2026-01-02 03:00:00");
    server_free(a);
}

static void two_servers_run_every_moment_once(void **state)
{
    (void)state;
    server *a = server_new("*/10 * * * *", "UTC");
    server *b = server_new("*/10 * * * *", "UTC");
    look_once(a);
    for (int i = 0; i < 60; i++) {
        clock_move("5 minutes");
        jobs_look(a->jobs);
        jobs_look(b->jobs);
        settle_down(a);
        settle_down(b);
    }
    assert_int_equal(script.runs, 30);
    assert_int_equal(script.most, 1);
    assert_string_equal(sql("SELECT count(*) || ' ' || count(DISTINCT due_at) FROM job_runs WHERE result = 'ok'"),
                        "30 30");
    server_free(a);
    server_free(b);
}

/* Days of the local clock, and how often they have another number of runs than one. */
static void daily(const char *schedule, const char *from, int days)
{
    clean_database(NULL);
    clock_set(from);
    server *a = server_new(schedule, "Europe/Berlin");
    server *b = server_new(schedule, "Europe/Berlin");
    look_once(a);
    for (int i = 0; i < days * 24 * 4; i++) {
        clock_move("15 minutes");
        look_once(i % 3 ? a : b);
        look_once(i % 3 ? b : a);
    }
    char days_text[16];
    snprintf(days_text, sizeof days_text, "%d", days);
    assert_string_equal(sql("SELECT count(DISTINCT (started_at AT TIME ZONE 'Europe/Berlin')::date) FROM job_runs"),
                        days_text);
    assert_int_equal(script.runs, days);
    server_free(a);
    server_free(b);
}

static void a_daily_job_runs_once_on_each_local_day_when_clocks_change(void **state)
{
    (void)state;
    daily("0 3 * * *", "2026-03-26 12:00+1", 5);
    daily("30 2 * * *", "2026-03-26 12:00+1", 5);
    daily("0 3 * * *", "2026-10-22 12:00+2", 5);
    daily("30 2 * * *", "2026-10-22 12:00+2", 5);
}

static void an_outage_is_caught_up_on_once(void **state)
{
    (void)state;
    server *a = server_new("0 * * * *", "UTC");
    look_once(a);
    server_free(a);
    clock_set("2026-01-06 10:20Z");
    a = server_new("0 * * * *", "UTC");
    look_once(a);
    look_once(a);
    assert_int_equal(script.runs, 1);
    assert_string_equal(sql("SELECT due_at AT TIME ZONE 'UTC' FROM job_runs"), "2026-01-06 10:00:00");
    clock_set("2026-01-06 11:00Z");
    look_once(a);
    assert_int_equal(script.runs, 2);
    server_free(a);
}

static void a_clock_that_is_set_back_repeats_nothing(void **state)
{
    (void)state;
    server *a = server_new("0 * * * *", "UTC");
    look_once(a);
    clock_set("2026-01-01 13:00:30Z");
    look_once(a);
    clock_set("2026-01-01 12:59Z");
    look_once(a);
    clock_set("2026-01-01 13:00Z");
    look_once(a);
    assert_int_equal(script.runs, 1);
    server_free(a);
}

static void a_run_that_goes_on_keeps_others_away(void **state)
{
    (void)state;
    server *a = server_new("0 * * * *", "UTC");
    server *b = server_new("0 * * * *", "UTC");
    look_once(a);
    script.hold = true;
    clock_set("2026-01-01 13:00Z");
    look_once(a);
    for (int i = 0; i < 12 * 60; i++) {
        clock_move("15 seconds");
        job_of(a)->renewed -= RENEW;
        look_once(a);
        look_once(b);
    }
    assert_int_equal(script.runs, 1);
    assert_string_equal(sql("SELECT now() AT TIME ZONE 'UTC'"), "2026-01-01 16:00:00");
    script.hold = false;
    settle_down(a);
    /* what came due meanwhile is one run */
    look_once(b);
    look_once(a);
    assert_int_equal(script.runs, 2);
    assert_string_equal(sql("SELECT string_agg(to_char(due_at AT TIME ZONE 'UTC', 'HH24'), ' ' ORDER BY due_at)"
                            " FROM job_runs WHERE result = 'ok'"),
                        "13 16");
    assert_int_equal(script.most, 1);
    server_free(a);
    server_free(b);
}

static void a_dead_process_run_is_taken_over_when_its_lease_is_over(void **state)
{
    (void)state;
    /* given a process that is killed while it runs the job */
    clock_set("2026-01-01 12:59Z");
    server *b = server_new("0 * * * *", "UTC");
    look_once(b);
    clock_set("2026-01-01 13:00Z");
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        server *a = server_new("0 * * * *", "UTC");
        strcpy(a->jobs->server, "victim");
        script.hold = true;
        look_once(a);
        if (script.running != 1 || write(ready[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            turn(a);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_string_equal(sql("SELECT server FROM job_runs WHERE finished_at IS NULL"), "victim");
    /* when the lease is not over yet */
    clock_move("90 seconds");
    look_once(b);
    assert_int_equal(script.runs, 0);
    /* when it is */
    clock_move("1 second");
    look_once(b);
    assert_int_equal(script.runs, 1);
    char wanted[200];
    snprintf(wanted, sizeof wanted, "ok 2 %s", b->jobs->server);
    assert_string_equal(row(), wanted);
    close(ready[0]);
    close(ready[1]);
    server_free(b);
}

static void who_has_lost_its_lease_is_cancelled_and_writes_nothing(void **state)
{
    (void)state;
    server *a = server_new("0 * * * *", "UTC");
    server *b = server_new("0 * * * *", "UTC");
    look_once(a);
    clock_set("2026-01-01 13:00Z");
    script.hold = true;
    look_once(a);
    /* a is frozen for so long that b takes over */
    clock_move("91 seconds");
    look_once(b);
    assert_int_equal(script.runs, 2);
    /* a comes back: its next look finds out */
    job_of(a)->renewed -= RENEW;
    jobs_look(a->jobs);
    for (int i = 0; i < 5000 && job_of(a)->phase != JOB_IDLE; i++) {
        turn(a);
        usleep(100);
    }
    assert_int_equal(job_of(a)->phase, JOB_IDLE);
    assert_int_equal(script.cancelled, 1);
    assert_string_equal(sql("SELECT server FROM job_runs WHERE finished_at IS NULL AND attempts = 2"), b->jobs->server);
    script.hold = false;
    settle_down(b);
    char wanted[200];
    snprintf(wanted, sizeof wanted, "ok 2 %s", b->jobs->server);
    assert_string_equal(row(), wanted);
    server_free(a);
    server_free(b);
}

static void a_lease_that_cannot_be_renewed_ends_the_run_before_it_is_over(void **state)
{
    (void)state;
    server *a = server_new("0 * * * *", "UTC");
    look_once(a);
    clock_set("2026-01-01 13:00Z");
    script.hold = true;
    look_once(a);
    assert_int_equal(job_of(a)->phase, JOB_RUNNING);
    job_of(a)->renewed -= RENEW_LATE;
    jobs_look(a->jobs);
    for (int i = 0; i < 5000 && job_of(a)->phase != JOB_IDLE; i++) {
        turn(a);
        usleep(100);
    }
    assert_int_equal(script.cancelled, 1);
    assert_string_equal(sql("SELECT count(*) FROM job_runs WHERE finished_at IS NULL"), "1");
    server_free(a);
}

static void a_failure_is_written_down_and_waits_for_the_next_moment(void **state)
{
    (void)state;
    server *a = server_new("0 * * * *", "UTC");
    look_once(a);
    script.result = TL_UNAVAILABLE;
    clock_set("2026-01-01 13:00Z");
    look_once(a);
    clock_set("2026-01-01 13:30Z");
    look_once(a);
    assert_int_equal(script.runs, 1);
    assert_non_null(strstr(sql("SELECT result || ' ' || message FROM job_runs"),
                           "failed a server that it needs cannot be reached; the log of server"));
    clock_set("2026-01-01 14:00Z");
    look_once(a);
    assert_int_equal(script.runs, 2);
    server_free(a);
}

static void a_run_that_kills_its_process_is_given_up_at_some_time(void **state)
{
    (void)state;
    server *a = server_new("0 * * * *", "UTC");
    look_once(a);
    clock_set("2026-01-01 13:00Z");
    sql("INSERT INTO job_runs (plugin, job, due_at, heartbeat_at, server, attempts)"
        " VALUES ('p', 'work', now(), '2026-01-01 11:00Z', 'gone', 5)");
    clock_set("2026-01-01 13:10Z");
    look_once(a);
    assert_int_equal(script.runs, 0);
    assert_string_equal(row(), "lost 5 gone");
    clock_set("2026-01-01 14:00Z");
    look_once(a);
    assert_int_equal(script.runs, 1);
    server_free(a);
}

static void a_moment_that_came_meanwhile_makes_up_for_a_lost_run(void **state)
{
    (void)state;
    server *a = server_new("0 * * * *", "UTC");
    look_once(a);
    clock_set("2026-01-01 13:00Z");
    sql("INSERT INTO job_runs (plugin, job, due_at, heartbeat_at, server) VALUES ('p', 'work', now(), '-infinity', "
        "'x')");
    clock_set("2026-01-01 17:30Z");
    look_once(a);
    look_once(a);
    assert_int_equal(script.runs, 1);
    assert_string_equal(
        sql("SELECT string_agg(to_char(due_at AT TIME ZONE 'UTC', 'HH24 ') || result, ', ' ORDER BY due_at)"
            " FROM job_runs"),
        "13 lost, 17 ok");
    server_free(a);
}

static void another_schedule_counts_from_when_it_is_seen(void **state)
{
    (void)state;
    server *a = server_new("0 20 * * *", "UTC");
    look_once(a);
    server_free(a);
    clock_set("2026-01-01 18:00Z");
    a = server_new("0 17 * * *", "UTC");
    look_once(a);
    assert_int_equal(script.runs, 0);
    clock_set("2026-01-02 17:00Z");
    look_once(a);
    assert_int_equal(script.runs, 1);
    server_free(a);
}

static void a_job_that_is_switched_off_does_not_run_nor_catch_up(void **state)
{
    (void)state;
    server *a = server_new("0 * * * *", "UTC");
    look_once(a);
    server_free(a);
    a = server_new("", "UTC");
    clock_set("2026-01-03 00:00Z");
    look_once(a);
    assert_int_equal(script.runs, 0);
    server_free(a);
    a = server_new("0 * * * *", "UTC");
    clock_set("2026-01-04 00:30Z");
    look_once(a);
    assert_int_equal(script.runs, 0);
    clock_set("2026-01-04 01:00Z");
    look_once(a);
    assert_int_equal(script.runs, 1);
    server_free(a);
}

static void a_stop_hands_the_run_over(void **state)
{
    (void)state;
    server *a = server_new("0 * * * *", "UTC");
    server *b = server_new("0 * * * *", "UTC");
    look_once(a);
    clock_set("2026-01-01 13:00Z");
    script.hold = true;
    look_once(a);
    /* a second of patience, of which the last quarter is for writing it down */
    jobs_stop(a->jobs, 1000);
    look_once(a);
    assert_int_equal(script.cancelled, 0);
    for (int i = 0; i < 30000 && !jobs_are_idle(a->jobs); i++) {
        turn(a);
        usleep(100);
    }
    assert_true(jobs_are_idle(a->jobs));
    assert_int_equal(script.cancelled, 1);
    script.hold = false;
    look_once(b);
    assert_int_equal(script.runs, 2);
    char wanted[200];
    snprintf(wanted, sizeof wanted, "ok 2 %s", b->jobs->server);
    assert_string_equal(row(), wanted);
    server_free(a);
    server_free(b);
}

static void after_a_stop_nothing_begins(void **state)
{
    (void)state;
    server *a = server_new("0 * * * *", "UTC");
    look_once(a);
    jobs_stop(a->jobs, 1000);
    clock_set("2026-01-01 13:00Z");
    look_once(a);
    assert_int_equal(script.runs, 0);
    assert_true(jobs_are_idle(a->jobs));
    server_free(a);
}

static void old_runs_go_but_the_last_twenty_stay(void **state)
{
    (void)state;
    server *a = server_new("0 * * * *", "UTC");
    look_once(a);
    sql("INSERT INTO job_runs (plugin, job, due_at, finished_at, server, result)"
        " SELECT 'p', 'work', now() - d * interval '1 day', now(), 'x', 'ok' FROM generate_series(25, 100) d");
    clock_set("2026-01-01 13:00Z");
    look_once(a);
    assert_string_equal(sql("SELECT count(*) FROM job_runs"), "20");
    server_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_due_before_a_job_was_first_seen_is_not_run, clean_database),
        cmocka_unit_test_setup(two_servers_run_every_moment_once, clean_database),
        cmocka_unit_test_setup(a_daily_job_runs_once_on_each_local_day_when_clocks_change, clean_database),
        cmocka_unit_test_setup(an_outage_is_caught_up_on_once, clean_database),
        cmocka_unit_test_setup(a_clock_that_is_set_back_repeats_nothing, clean_database),
        cmocka_unit_test_setup(a_run_that_goes_on_keeps_others_away, clean_database),
        cmocka_unit_test_setup(a_dead_process_run_is_taken_over_when_its_lease_is_over, clean_database),
        cmocka_unit_test_setup(who_has_lost_its_lease_is_cancelled_and_writes_nothing, clean_database),
        cmocka_unit_test_setup(a_lease_that_cannot_be_renewed_ends_the_run_before_it_is_over, clean_database),
        cmocka_unit_test_setup(a_failure_is_written_down_and_waits_for_the_next_moment, clean_database),
        cmocka_unit_test_setup(a_run_that_kills_its_process_is_given_up_at_some_time, clean_database),
        cmocka_unit_test_setup(a_moment_that_came_meanwhile_makes_up_for_a_lost_run, clean_database),
        cmocka_unit_test_setup(another_schedule_counts_from_when_it_is_seen, clean_database),
        cmocka_unit_test_setup(a_job_that_is_switched_off_does_not_run_nor_catch_up, clean_database),
        cmocka_unit_test_setup(a_stop_hands_the_run_over, clean_database),
        cmocka_unit_test_setup(after_a_stop_nothing_begins, clean_database),
        cmocka_unit_test_setup(old_runs_go_but_the_last_twenty_stay, clean_database),
    };
    return cmocka_run_group_tests_name("job runs", tests, make_database, drop_database);
}
