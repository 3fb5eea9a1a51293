/*
 * When schedules are due, above all where clocks change; held against a walk over every minute of the C library's
 * clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/jobs/due.h"
#include "tests/unit/jobs/local_clock.h"

#include <cmocka.h>

enum { DAY = 86400 };

static arena *memory;

static int setup(void **state)
{
    (void)state;
    memory = arena_new(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(memory);
    return 0;
}

static cron parse(const char *text)
{
    cron c;
    char error[CRON_ERROR_SIZE] = "";
    if (!cron_parse(text, &c, error))
        fail_msg("%s: %s", text, error);
    return c;
}

static const zone *load(const char *name)
{
    const char *problem = NULL;
    const zone *z = zone_load(memory, name, &problem);
    if (!z)
        fail_msg("%s: %s", name, problem);
    return z;
}

/* What is due after `from` until `to`, as local times with their distance to UTC, one behind the other. */
static const char *due(const char *zone_name, const char *schedule, int64_t from, int64_t to)
{
    static char text[2048];
    cron c = parse(schedule);
    const zone *z = load(zone_name);
    clock_in(zone_name);
    size_t used = 0;
    text[0] = '\0';
    for (int64_t at = due_next(&c, z, from); at <= to && used < sizeof text - 64; at = due_next(&c, z, at)) {
        struct tm local = clock_at(at);
        used += strftime(text + used, sizeof text - used, used ? ", %d %H:%M%z" : "%d %H:%M%z", &local);
    }
    return text;
}

static void a_time_that_does_not_come_in_spring_is_due_right_after_the_gap(void **state)
{
    (void)state;
    int64_t from = utc(2026, 3, 27, 12, 0), to = utc(2026, 3, 30, 12, 0);
    assert_string_equal(due("Europe/Berlin", "30 2 * * *", from, to), "28 02:30+0100, 29 03:00+0200, 30 02:30+0200");
    /* several times in the gap, and one right behind it, are one */
    assert_string_equal(due("Europe/Berlin", "0,15,30 2,3 * * *", utc(2026, 3, 29, 0, 30), utc(2026, 3, 29, 12, 0)),
                        "29 03:00+0200, 29 03:15+0200, 29 03:30+0200");
    assert_string_equal(due("America/New_York", "30 2 * * *", utc(2026, 3, 7, 12, 0), utc(2026, 3, 9, 12, 0)),
                        "08 03:00-0400, 09 02:30-0400");
    assert_string_equal(due("Australia/Lord_Howe", "15 2 * * *", utc(2026, 10, 2, 20, 0), utc(2026, 10, 4, 20, 0)),
                        "04 02:30+1100, 05 02:15+1100");
}

static void a_time_that_comes_twice_in_autumn_is_due_at_its_first(void **state)
{
    (void)state;
    assert_string_equal(due("Europe/Berlin", "30 2 * * *", utc(2026, 10, 24, 12, 0), utc(2026, 10, 26, 12, 0)),
                        "25 02:30+0200, 26 02:30+0100");
    assert_string_equal(due("America/New_York", "0,30 1 * * *", utc(2026, 10, 31, 12, 0), utc(2026, 11, 2, 12, 0)),
                        "01 01:00-0400, 01 01:30-0400, 02 01:00-0500, 02 01:30-0500");
    assert_string_equal(due("Australia/Lord_Howe", "45 1 * * *", utc(2026, 4, 4, 0, 0), utc(2026, 4, 5, 20, 0)),
                        "05 01:45+1100, 06 01:45+1030");
}

static void asking_within_the_repeated_hour_finds_nothing_of_it(void **state)
{
    (void)state;
    /* 02:10 for the second time */
    assert_string_equal(due("Europe/Berlin", "30 2 * * *", utc(2026, 10, 25, 1, 10), utc(2026, 10, 26, 12, 0)),
                        "26 02:30+0100");
}

static void the_end_of_the_gap_is_due_only_once(void **state)
{
    (void)state;
    cron c = parse("30 2 * * *");
    const zone *z = load("Europe/Berlin");
    int64_t end = utc(2026, 3, 29, 1, 0);
    assert_int_equal(due_next(&c, z, end - 1), end);
    assert_int_equal(due_next(&c, z, end), utc(2026, 3, 30, 0, 30));
    assert_int_equal(due_next(&c, z, end + 1), utc(2026, 3, 30, 0, 30));
}

static void schedules_of_every_so_often_count_real_time(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *schedule;
        int64_t every;
    } cases[] = {{"Europe/Berlin", "*/15 * * * *", 900},       {"Europe/Berlin", "* * * * *", 60},
                 {"Europe/Berlin", "0 * * * *", 3600},         {"America/New_York", "*/5 * * * *", 300},
                 {"Australia/Lord_Howe", "*/10 * * * *", 600}, {"Pacific/Apia", "*/20 * * * *", 1200}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cron c = parse(cases[i].schedule);
        const zone *z = load(cases[i].zone);
        int64_t at = due_next(&c, z, utc(2011, 1, 1, 0, 0));
        while (at < utc(2013, 1, 1, 0, 0)) {
            int64_t next = due_next(&c, z, at);
            if (next - at != cases[i].every)
                fail_msg("%s %s: %lld s after %lld", cases[i].zone, cases[i].schedule, (long long)(next - at),
                         (long long)at);
            at = next;
        }
    }
}

static void a_fixed_hour_that_does_not_come_is_made_up_for_once(void **state)
{
    (void)state;
    assert_string_equal(due("Europe/Berlin", "*/20 2 * * *", utc(2026, 3, 28, 12, 0), utc(2026, 3, 30, 0, 10)),
                        "29 03:00+0200, 30 02:00+0200");
    /* with every hour named there is always a next one */
    assert_string_equal(due("Europe/Berlin", "30 * * * *", utc(2026, 3, 29, 0, 0), utc(2026, 3, 29, 2, 0)),
                        "29 01:30+0100, 29 03:30+0200");
}

static void a_gap_at_midnight_belongs_to_the_day_behind_it(void **state)
{
    (void)state;
    /* Brazil went from Saturday 23:59 to Sunday 01:00 */
    assert_string_equal(due("America/Sao_Paulo", "0 0 * * *", utc(2018, 11, 3, 12, 0), utc(2018, 11, 5, 12, 0)),
                        "04 01:00-0200, 05 00:00-0200");
    assert_string_equal(due("America/Sao_Paulo", "30 0 * * sun", utc(2018, 11, 3, 12, 0), utc(2018, 11, 12, 12, 0)),
                        "04 01:00-0200, 11 00:30-0200");
}

static void a_day_that_does_not_come_is_not_made_up_for(void **state)
{
    (void)state;
    assert_string_equal(due("Pacific/Apia", "0 3 * * *", utc(2011, 12, 28, 20, 0), utc(2012, 1, 1, 0, 0)),
                        "29 03:00-1000, 31 03:00+1400, 01 03:00+1400");
    assert_string_equal(due("Pacific/Apia", "0 3 30 12 *", utc(2011, 12, 1, 0, 0), utc(2012, 12, 31, 0, 0)),
                        "30 03:00+1400");
    assert_string_equal(due("Pacific/Apia", "0 3 30 * *", utc(2011, 12, 1, 0, 0), utc(2012, 2, 1, 0, 0)),
                        "30 03:00+1400");
}

/* Every local day that exists has exactly one run. */
static void count_days(const char *zone_name, const char *schedule, int first_year, int last_year)
{
    cron c = parse(schedule);
    const zone *z = load(zone_name);
    clock_in(zone_name);
    int64_t end = utc(last_year + 1, 1, 1, 12, 0);
    int64_t at = due_next(&c, z, utc(first_year, 1, 1, 12, 0));
    while (at < end) {
        int64_t next = due_next(&c, z, at);
        int64_t day = clock_seconds(at) / DAY, next_day = clock_seconds(next) / DAY;
        /* a day in between would have half hours of its own */
        for (int64_t moment = at; moment < next; moment += 1800) {
            int64_t that = clock_seconds(moment) / DAY;
            if (that != day && that != next_day)
                fail_msg("%s %s: no run on day %lld", zone_name, schedule, (long long)that);
        }
        if (next_day == day)
            fail_msg("%s %s: two runs on day %lld", zone_name, schedule, (long long)day);
        at = next;
    }
}

static void daily_schedules_are_due_once_on_every_day(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"};
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        count_days(zones[i], "0 3 * * *", 2008, 2040);
        count_days(zones[i], "30 2 * * *", 2008, 2040);
    }
    count_days("America/Sao_Paulo", "0 0 * * *", 2010, 2020);
    count_days("Africa/Casablanca", "30 2 * * *", 2010, 2040);
    count_days("Asia/Beirut", "15 0 * * *", 2010, 2030);
    count_days("UTC", "59 23 * * *", 2020, 2024);
}

/* What the walk over a clock finds: minute by minute, as the rules of due.h are worded. */
typedef struct walk {
    int64_t start;
    size_t count;
    int64_t *local; /* of every minute */
} walk;

static bool has(uint64_t set, int value)
{
    return set >> value & 1;
}

static bool named(const cron *c, int64_t local)
{
    time_t seconds = (time_t)local;
    struct tm t;
    gmtime_r(&seconds, &t);
    bool date = has(c->days, t.tm_mday), weekday = has(c->weekdays, t.tm_wday);
    bool day = c->day_star || c->weekday_star ? date && weekday : date || weekday;
    return day && has(c->months, t.tm_mon + 1) && has(c->hours, t.tm_hour) && has(c->minutes, t.tm_min);
}

static bool seen(const walk *w, size_t i)
{
    for (size_t j = i > 3 * 1440 ? i - 3 * 1440 : 0; j < i; j++)
        if (w->local[j] == w->local[i])
            return true;
    return false;
}

static bool walk_is_due(const walk *w, const cron *c, size_t i)
{
    bool real = c->minute_star || c->hour_star;
    int64_t here = w->local[i], before = w->local[i - 1];
    if (named(c, here) && (real || !seen(w, i)))
        return true;
    for (int64_t skipped = before + 60; !c->hour_star && skipped < here; skipped += 60)
        if (named(c, skipped) && (skipped / DAY == here / DAY || skipped / DAY == before / DAY))
            return true;
    return false;
}

static uint32_t random_state = 20260301;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % limit;
}

/* Mostly about the hours in which clocks change. */
static void random_schedule(char *text, size_t size)
{
    static const char *const minutes[] = {"0", "30", "15,45", "*/15", "*", "5-55/10", "59"};
    static const char *const hours[] = {"2", "1", "0", "3", "*", "*/2", "0-3", "1,2,3", "23", "2-23/7"};
    static const char *const days[] = {"*", "*", "*", "1", "30", "25-31", "*/2", "29"};
    static const char *const months[] = {"*", "*", "*", "3,10,11,12", "1-4", "*/3"};
    static const char *const weekdays[] = {"*", "*", "*", "sun", "0,6", "*/2", "mon-fri"};
#define PICK(list) list[random_below(sizeof list / sizeof list[0])]
    snprintf(text, size, "%s %s %s %s %s", PICK(minutes), PICK(hours), PICK(days), PICK(months), PICK(weekdays));
}

static void compare_year(const char *zone_name, int year, int schedules)
{
    const zone *z = load(zone_name);
    clock_in(zone_name);
    walk w = {.start = utc(year, 1, 1, 0, 0), .count = 366 * 1440};
    w.local = malloc(w.count * sizeof *w.local);
    for (size_t i = 0; i < w.count; i++)
        w.local[i] = clock_seconds(w.start + (int64_t)i * 60);
    for (int n = 0; n < schedules; n++) {
        char text[100];
        random_schedule(text, sizeof text);
        cron c = parse(text);
        int64_t next = due_next(&c, z, w.start);
        for (size_t i = 1; i < w.count; i++) {
            int64_t moment = w.start + (int64_t)i * 60;
            bool wanted = walk_is_due(&w, &c, i);
            if (wanted != (moment == next))
                fail_msg("%s '%s' at %lld: %sdue", zone_name, text, (long long)moment, wanted ? "" : "not ");
            if (wanted)
                next = due_next(&c, z, next);
        }
    }
    free(w.local);
}

static void a_walk_over_every_minute_finds_the_same(void **state)
{
    (void)state;
    compare_year("Europe/Berlin", 2026, 6);
    compare_year("America/New_York", 2030, 6);
    compare_year("Australia/Lord_Howe", 2041, 6);
    compare_year("Pacific/Apia", 2011, 6);
    compare_year("America/Sao_Paulo", 2018, 6);
    compare_year("Africa/Casablanca", 2026, 4);
    compare_year("UTC", 2028, 2);
}

static void the_latest_is_the_last_of_all(void **state)
{
    (void)state;
    const zone *z = load("Europe/Berlin");
    for (int n = 0; n < 300; n++) {
        char text[100];
        random_schedule(text, sizeof text);
        cron c = parse(text);
        int64_t from = utc(2026, 1, 1, 0, 0) + (int64_t)random_below(300 * 1440) * 60;
        int64_t until = from + (int64_t)random_below(n % 2 ? 60 : 90 * 1440) * 60;
        int64_t last = INT64_MIN;
        for (int64_t at = due_next(&c, z, from); at <= until; at = due_next(&c, z, at))
            last = at;
        assert_int_equal(due_latest(&c, z, from, until), last);
    }
}

static void rare_dates_are_found(void **state)
{
    (void)state;
    cron c = parse("0 0 29 2 */7");
    assert_int_equal(due_next(&c, load("UTC"), utc(2089, 1, 1, 0, 0)), utc(2128, 2, 29, 0, 0));
    assert_int_equal(due_latest(&c, load("UTC"), utc(2089, 1, 1, 0, 0), utc(2130, 2, 1, 0, 0)), utc(2128, 2, 29, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_time_that_does_not_come_in_spring_is_due_right_after_the_gap, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_time_that_comes_twice_in_autumn_is_due_at_its_first, setup, teardown),
        cmocka_unit_test_setup_teardown(asking_within_the_repeated_hour_finds_nothing_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_of_the_gap_is_due_only_once, setup, teardown),
        cmocka_unit_test_setup_teardown(schedules_of_every_so_often_count_real_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fixed_hour_that_does_not_come_is_made_up_for_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gap_at_midnight_belongs_to_the_day_behind_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_day_that_does_not_come_is_not_made_up_for, setup, teardown),
        cmocka_unit_test_setup_teardown(daily_schedules_are_due_once_on_every_day, setup, teardown),
        cmocka_unit_test_setup_teardown(a_walk_over_every_minute_finds_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(the_latest_is_the_last_of_all, setup, teardown),
        cmocka_unit_test_setup_teardown(rare_dates_are_found, setup, teardown),
    };
    return cmocka_run_group_tests_name("due", tests, NULL, NULL);
}
