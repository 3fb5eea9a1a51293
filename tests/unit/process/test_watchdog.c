/*
 * When who dies is started again, and what is done about who hangs. The clock, the timer and kill are the test's own:
 * what is decided is looked at, and nobody has to wait for it.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/process/generation.h"

static char log_path[] = "/tmp/talelio-watchdog-XXXXXX";
static generation the_generation;
static scoreboard_slot the_slot;
static child the_child;
static int64_t now; /* milliseconds */
static int64_t armed;
static char signals[64]; /* in the order in which they were sent */

/* Those of core/process/child.c are not linked. */
int64_t process_now(void)
{
    return now;
}

void child_arm(child *c, int64_t milliseconds)
{
    (void)c;
    armed = milliseconds;
}

int kill(pid_t pid, int number)
{
    assert_int_equal(pid, the_child.pid);
    strcat(strcat(signals, sigabbrev_np(number)), " ");
    return 0;
}

/* It is ready. Its pid is that of a process that runs. */
static void live(void)
{
    the_child.started = now;
    the_child.pid = getpid();
    the_child.ready = true;
}

static int set_up(void **state)
{
    (void)state;
    now = 1000000;
    signals[0] = '\0';
    the_slot = (scoreboard_slot){0};
    the_generation.board = &the_slot;
    the_generation.settings.watchdog = 5000;
    the_child = (child){.generation = &the_generation, .name = "worker 1", .has_served = true};
    live();
    return truncate(log_path, 0);
}

static int count_in_log(const char *text)
{
    static char content[8192];
    int count = 0;
    FILE *file = fopen(log_path, "r");
    assert_non_null(file);
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    for (const char *at = content; (at = strstr(at, text)); at++)
        count++;
    return count;
}

/* It dies at this age: the pause until it is started again. */
static int64_t pause_after(int64_t age)
{
    live();
    now += age;
    the_child.pid = 0;
    the_child.ready = false;
    armed = -1;
    child_start_again(&the_child);
    return armed;
}

static void who_has_served_is_started_again_twice_at_once_and_then_after_100_to_250_ms(void **state)
{
    (void)state;
    static const int expected[] = {0, 0, 100, 200, 250, 250, 250};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(pause_after(1), expected[i]);
}

static void who_never_served_is_started_again_after_up_to_5_seconds(void **state)
{
    (void)state;
    static const int expected[] = {0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000};
    the_child.has_served = false;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(pause_after(1), expected[i]);
    /* Not even in the longest row of deaths is it anything else. */
    the_child.deaths = 1000000;
    assert_int_equal(pause_after(1), 5000);
}

static void who_has_lived_for_ten_seconds_is_started_again_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++)
        pause_after(9999);
    assert_int_equal(armed, 250);
    assert_int_equal(pause_after(10000), 0);
    assert_int_equal(pause_after(1), 0);
    assert_int_equal(pause_after(1), 100);
}

static void six_young_deaths_are_told_once_and_end_with_ten_seconds_of_life(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        pause_after(1);
    assert_false(the_slot.looping);
    for (int i = 0; i < 5; i++)
        pause_after(1);
    assert_true(the_slot.looping);
    assert_int_equal(count_in_log("worker 1 dies again and again (6 times)"), 1);
    assert_int_equal(count_in_log("again and again"), 1);

    /* Its successor is ready, and has to prove itself. */
    live();
    child_look(&the_child, now + 9999);
    assert_true(the_slot.looping);
    child_look(&the_child, now + 10000);
    assert_false(the_slot.looping);
    assert_int_equal(the_child.deaths, 0);
}

static void age_alone_does_not_make_one_well_that_is_not_ready(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++)
        pause_after(1);
    live();
    the_child.ready = false;
    child_look(&the_child, now + 60000);
    assert_true(the_slot.looping);
}

/* The master looks, so many milliseconds after the last turn of the loop. */
static void look_after(int64_t silence)
{
    child_look(&the_child, the_slot.beat + silence);
}

static void who_is_silent_is_asked_told_of_ended_and_killed(void **state)
{
    (void)state;
    the_slot.beat = now;
    look_after(2999);
    assert_string_equal(signals, "");
    the_slot.asked.filled = true; /* an answer of long ago */
    look_after(3000);
    assert_string_equal(signals, "USR2 ");
    assert_false(the_slot.asked.filled);
    assert_int_equal(count_in_log("has not turned its loop"), 0);
    look_after(4000);
    assert_int_equal(count_in_log("has not turned its loop for 4 seconds"), 1);
    look_after(4999);
    assert_string_equal(signals, "USR2 ");
    look_after(5000);
    assert_string_equal(signals, "USR2 ABRT ");
    assert_int_equal(count_in_log("for 5 seconds: it is ended ([server] watchdog)"), 1);
    look_after(6999);
    assert_string_equal(signals, "USR2 ABRT ");
    look_after(7000);
    look_after(60000);
    assert_string_equal(signals, "USR2 ABRT KILL ");
}

static void who_turns_its_loop_again_is_left_alone(void **state)
{
    (void)state;
    the_slot.beat = now;
    look_after(3000);
    look_after(4000);
    the_slot.beat = now + 4500;
    look_after(1000);
    assert_string_equal(signals, "USR2 ");
    /* The next silence is a new one. */
    look_after(6000);
    assert_string_equal(signals, "USR2 USR2 ");
}

static void without_a_watchdog_it_is_told_of_and_not_ended(void **state)
{
    (void)state;
    the_generation.settings.watchdog = 0;
    the_slot.beat = now;
    for (int64_t silence = 3000; silence < 100000; silence += 1000)
        look_after(silence);
    assert_string_equal(signals, "USR2 ");
    assert_int_equal(count_in_log("has not turned its loop"), 1);
}

static void who_has_not_begun_to_turn_its_loop_or_is_away_is_not_silent(void **state)
{
    (void)state;
    look_after(now + 60000);
    the_slot.beat = now;
    the_child.ready = false;
    look_after(60000);
    the_child.ready = true;
    the_child.pid = 0;
    look_after(60000);
    assert_string_equal(signals, "");
}

static int open_log(void **state)
{
    static settings s = {.log_file = log_path, .log_format = "text", .log_level = "debug"};
    (void)state;
    int fd = mkstemp(log_path);
    if (fd < 0)
        return -1;
    close(fd);
    the_generation.log = logger_new(&s, NULL, "master");
    return the_generation.log ? 0 : -1;
}

static int close_log(void **state)
{
    (void)state;
    logger_free(the_generation.log);
    return unlink(log_path);
}

#define TEST(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_has_served_is_started_again_twice_at_once_and_then_after_100_to_250_ms),
        TEST(who_never_served_is_started_again_after_up_to_5_seconds),
        TEST(who_has_lived_for_ten_seconds_is_started_again_at_once),
        TEST(six_young_deaths_are_told_once_and_end_with_ten_seconds_of_life),
        TEST(age_alone_does_not_make_one_well_that_is_not_ready),
        TEST(who_is_silent_is_asked_told_of_ended_and_killed),
        TEST(who_turns_its_loop_again_is_left_alone),
        TEST(without_a_watchdog_it_is_told_of_and_not_ended),
        TEST(who_has_not_begun_to_turn_its_loop_or_is_away_is_not_silent),
    };
    return cmocka_run_group_tests(tests, open_log, close_log);
}
