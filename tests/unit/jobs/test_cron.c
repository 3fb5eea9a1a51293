/*
 * Reading five fields, and what a wrong one is told about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/jobs/cron.h"

#include <cmocka.h>

static cron parse(const char *text)
{
    cron c;
    char error[CRON_ERROR_SIZE] = "";
    if (!cron_parse(text, &c, error))
        fail_msg("%s: %s", text, error);
    return c;
}

static const char *error_of(const char *text)
{
    static char error[CRON_ERROR_SIZE];
    cron c;
    error[0] = '\0';
    if (cron_parse(text, &c, error))
        fail_msg("'%s' passes", text);
    return error;
}

/* The next minute from `from` on, both as "2026-03-01 04:05". */
static const char *next(const char *schedule, const char *from)
{
    static char text[32];
    struct tm date = {0};
    assert_non_null(strptime(from, "%Y-%m-%d %H:%M", &date));
    cron c = parse(schedule);
    int64_t start = timegm(&date), found;
    if (!cron_next(&c, start, start + INT64_C(50) * 366 * 86400, &found))
        return "never";
    time_t seconds = (time_t)found;
    gmtime_r(&seconds, &date);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M", &date);
    return text;
}

static void fields_have_numbers_lists_ranges_and_steps(void **state)
{
    (void)state;
    cron c = parse("0,30 1-3 */10 2-12/5 1");
    assert_int_equal(c.minutes, UINT64_C(1) | UINT64_C(1) << 30);
    assert_int_equal(c.hours, 1 << 1 | 1 << 2 | 1 << 3);
    assert_int_equal(c.days, 1 << 1 | 1 << 11 | 1 << 21 | 1U << 31);
    assert_int_equal(c.months, 1 << 2 | 1 << 7 | 1 << 12);
    assert_int_equal(c.weekdays, 1 << 1);
}

static void names_stand_for_months_and_weekdays_in_any_case(void **state)
{
    (void)state;
    cron c = parse("0 0 * jan,MAR-may Mon,fri-SUN");
    assert_int_equal(c.months, 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5);
    assert_int_equal(c.weekdays, 1 << 0 | 1 << 1 | 1 << 5 | 1 << 6);
}

static void seven_is_sunday(void **state)
{
    (void)state;
    assert_int_equal(parse("0 0 * * 7").weekdays, 1);
    assert_int_equal(parse("0 0 * * 5-7").weekdays, 1 << 0 | 1 << 5 | 1 << 6);
    assert_int_equal(parse("0 0 * * *").weekdays, 0x7f);
    assert_int_equal(parse("0 0 * * */3").weekdays, 1 << 0 | 1 << 3 | 1 << 6);
}

static void blanks_and_tabs_separate(void **state)
{
    (void)state;
    assert_int_equal(parse(" \t5  4\t* * * ").minutes, 1 << 5);
}

static void words_stand_for_usual_schedules(void **state)
{
    (void)state;
    assert_string_equal(next("@hourly", "2026-01-01 00:01"), "2026-01-01 01:00");
    assert_string_equal(next("@daily", "2026-01-01 00:01"), "2026-01-02 00:00");
    assert_string_equal(next("@midnight", "2026-01-01 00:01"), "2026-01-02 00:00");
    assert_string_equal(next("@weekly", "2026-01-01 00:01"), "2026-01-04 00:00");
    assert_string_equal(next("@monthly", "2026-01-01 00:01"), "2026-02-01 00:00");
    assert_string_equal(next("@yearly", "2026-01-01 00:01"), "2027-01-01 00:00");
    assert_string_equal(next("@annually", "2026-01-01 00:01"), "2027-01-01 00:00");
}

static void the_minute_itself_counts(void **state)
{
    (void)state;
    assert_string_equal(next("5 4 * * *", "2026-03-01 04:05"), "2026-03-01 04:05");
    assert_string_equal(next("5 4 * * *", "2026-03-01 04:06"), "2026-03-02 04:05");
    assert_string_equal(next("59 23 31 12 *", "2026-12-31 23:59"), "2026-12-31 23:59");
}

static void one_of_two_restricted_day_fields_is_enough(void **state)
{
    (void)state;
    /* 2026-06-13 is a Saturday; Fridays are 5, 12, 19, 26 */
    assert_string_equal(next("0 0 13 * fri", "2026-06-06 00:00"), "2026-06-12 00:00");
    assert_string_equal(next("0 0 13 * fri", "2026-06-12 00:01"), "2026-06-13 00:00");
}

static void a_day_field_that_begins_with_a_star_restricts_the_other(void **state)
{
    (void)state;
    /* the first odd day that is a Friday */
    assert_string_equal(next("0 0 */2 * fri", "2026-06-06 00:00"), "2026-06-19 00:00");
    assert_string_equal(next("0 0 13 * *", "2026-06-06 00:00"), "2026-06-13 00:00");
}

static void leap_days_come_when_they_come(void **state)
{
    (void)state;
    assert_string_equal(next("0 0 29 2 *", "2025-01-01 00:00"), "2028-02-29 00:00");
    /* 2100 is no leap year */
    assert_string_equal(next("0 0 29 2 *", "2096-03-01 00:00"), "2104-02-29 00:00");
    /* a Sunday: the rarest date a schedule can name */
    assert_string_equal(next("0 0 29 2 */7", "2089-01-01 00:00"), "2128-02-29 00:00");
}

static void what_is_wrong_names_field_and_expectation(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"60 * * * *", "minute '60': expected numbers from 0 to 59"},
        {"* 24 * * *", "hour '24': expected numbers from 0 to 23"},
        {"* * 0 * *", "day of month '0': expected numbers from 1 to 31"},
        {"* * 32 * *", "day of month '32': expected numbers from 1 to 31"},
        {"* * * 13 *", "month '13': expected numbers from 1 to 12 or names from jan to dec"},
        {"* * * * 8", "day of week '8': expected numbers from 0 to 7 (0 and 7 are Sunday) or names from sun to sat"},
        {"* * * january *", "month 'january': expected numbers, ranges (1-5), steps (*/5) and lists of them (1,3,5), "
                            "without anything else"},
        {"5/10 * * * *", "minute '5/10': expected a step behind '*' or a range, as in */5 or 10-30/5"},
        {"*/0 * * * *", "minute '*/0': expected a step of 1 or more that fits into the range"},
        {"*/60 * * * *", "minute '*/60': expected a step of 1 or more that fits into the range"},
        {"30-10 * * * *", "minute '30-10': expected a range whose end is not below its start"},
        {"1,,2 * * * *", "minute '1,,2': expected a value on each side of a comma"},
        {"1, * * * *", "minute '1,': expected a value on each side of a comma"},
        {"-1 * * * *", "minute '-1': expected numbers from 0 to 59"},
        {"* * * *", "expected five fields (minute, hour, day of month, month, day of week), found 4"},
        {"* * * * * *", "expected five fields (minute, hour, day of month, month, day of week), found 6"},
        {"", "expected five fields (minute, hour, day of month, month, day of week), found 0"},
        {"0 0 31 2 *", "day of month and month: no such date ever comes"},
        {"0 0 31 4,6,9,11 *", "day of month and month: no such date ever comes"},
        {"0 0 30-31 2 */2", "day of month and month: no such date ever comes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(error_of(cases[i][0]), cases[i][1]);
    assert_non_null(strstr(error_of("@reboot"), "'@reboot': expected @yearly"));
    assert_non_null(strstr(error_of("x * * * *"), "minute 'x': expected numbers from 0 to 59"));
    assert_non_null(strstr(error_of("00000000000000000000000000000000000000000000000000000000000005 * * * *"), "…"));
}

static void every_sound_form_passes(void **state)
{
    (void)state;
    static const char *const cases[] = {"* * * * *",       "*/15 * * * *",   "0 0 31 1-12 *",   "0 0 31 2 mon",
                                        "0 0 29 feb *",    "59 23 31 12 7",  "0-59/59 * * * *", "0 0 1-31/31 * 0-7",
                                        "00 03 01 01 sun", "0 0 * * sat-sun"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        parse(cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_have_numbers_lists_ranges_and_steps),
        cmocka_unit_test(names_stand_for_months_and_weekdays_in_any_case),
        cmocka_unit_test(seven_is_sunday),
        cmocka_unit_test(blanks_and_tabs_separate),
        cmocka_unit_test(words_stand_for_usual_schedules),
        cmocka_unit_test(the_minute_itself_counts),
        cmocka_unit_test(one_of_two_restricted_day_fields_is_enough),
        cmocka_unit_test(a_day_field_that_begins_with_a_star_restricts_the_other),
        cmocka_unit_test(leap_days_come_when_they_come),
        cmocka_unit_test(what_is_wrong_names_field_and_expectation),
        cmocka_unit_test(every_sound_form_passes),
    };
    return cmocka_run_group_tests_name("cron", tests, NULL, NULL);
}
