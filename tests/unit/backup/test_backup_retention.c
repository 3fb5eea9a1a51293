/*
 * Which backups are kept: rules by example, and what must hold for any dates, over years of nights.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/backup/retention.h"

enum { DAY = 86400, MOST = 4000 };

static const int64_t EPOCH = 1795316400; /* Sunday, 22 November 2026, 03:00 */

static retained items[MOST];
static size_t count;

static void add(int64_t time, bool verified)
{
    assert_true(count < MOST);
    items[count++] = (retained){.time = time, .verified = verified};
}

static int begin(void **state)
{
    (void)state;
    count = 0;
    srand(20261122);
    return 0;
}

static void choose(int64_t daily, int64_t weekly, int64_t monthly)
{
    retention_choose(&(retention_rules){daily, weekly, monthly}, items, count);
}

static size_t kept(void)
{
    size_t number = 0;

    for (size_t i = 0; i < count; i++)
        number += items[i].why != NULL;
    return number;
}

static void nothing_needs_no_decision(void **state)
{
    (void)state;
    choose(7, 4, 12);
    assert_int_equal(kept(), 0);
}

static void the_newest_of_each_of_the_last_days_stays(void **state)
{
    (void)state;
    for (int i = 9; i >= 0; i--) {
        add(EPOCH - i * DAY, true);
        add(EPOCH - i * DAY + 3600, true);
    }
    choose(3, 0, 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(items[i].why != NULL, i == 15 || i == 17 || i == 19);
}

static void days_without_a_backup_do_not_count(void **state)
{
    (void)state;
    add(EPOCH - 400 * DAY, true);
    add(EPOCH - 300 * DAY, true);
    add(EPOCH, true);
    choose(2, 0, 0);
    assert_null(items[0].why);
    assert_non_null(items[1].why);
    assert_non_null(items[2].why);
}

static void weeks_begin_on_monday(void **state)
{
    (void)state;
    /* Sunday 15th, Monday 16th, Sunday 22nd, Monday 23rd. */
    add(EPOCH - 7 * DAY, true);
    add(EPOCH - 6 * DAY, true);
    add(EPOCH, true);
    add(EPOCH + DAY, true);
    choose(0, 2, 0);
    assert_null(items[0].why);
    assert_null(items[1].why);
    assert_string_equal(items[2].why, "weekly");
    assert_non_null(items[3].why);
}

static void months_are_those_of_the_calendar(void **state)
{
    (void)state;
    /* 31 October, 1 November, 22 November. */
    add(EPOCH - 22 * DAY, true);
    add(EPOCH - 21 * DAY, true);
    add(EPOCH, true);
    choose(0, 0, 2);
    assert_string_equal(items[0].why, "monthly");
    assert_null(items[1].why);
    assert_non_null(items[2].why);
}

static void a_verified_one_stands_for_its_day(void **state)
{
    (void)state;
    add(EPOCH - DAY, true);
    add(EPOCH - DAY + 3600, false);
    add(EPOCH, true);
    choose(2, 0, 0);
    assert_non_null(items[0].why);
    assert_null(items[1].why);
    assert_non_null(items[2].why);
}

static void the_last_verified_one_stays_however_old(void **state)
{
    (void)state;
    add(EPOCH - 900 * DAY, true);
    add(EPOCH - 800 * DAY, true);
    for (int i = 30; i >= 0; i--)
        add(EPOCH - i * DAY, false);
    choose(1, 0, 0);
    assert_null(items[0].why);
    assert_string_equal(items[1].why, "the last verified one");
    assert_int_equal(kept(), 2);
}

static void everything_stays_while_nothing_is_verified(void **state)
{
    (void)state;
    for (int i = 30; i >= 0; i--)
        add(EPOCH - i * DAY, false);
    choose(1, 1, 1);
    assert_int_equal(kept(), count);
}

/* Five years of nights, each followed by a deletion, with nights that fail: what a site has at any time. */
static void night_after_night_enough_is_left(void **state)
{
    (void)state;
    for (int night = 0; night < 5 * 365; night++) {
        int64_t now = EPOCH + (int64_t)night * DAY + rand() % 7200;
        if (rand() % 20 != 0)
            add(now, rand() % 30 != 0);
        choose(7, 4, 12);
        size_t left = 0;
        for (size_t i = 0; i < count; i++)
            if (items[i].why)
                items[left++] = items[i];
        count = left;
        if (night == 0 || count == 0)
            continue;
        assert_true(count <= 7 + 4 + 12 + 1 || night < 60);
        if (night < 500)
            continue;
        /* One of each of the last twelve months, and nothing is older than thirteen. */
        for (int month = 1; month < 12; month++) {
            bool found = false;
            for (size_t i = 0; i < count; i++)
                found = found || (now - items[i].time > (month - 1) * INT64_C(30) * DAY &&
                                  now - items[i].time <= (month + 1) * INT64_C(31) * DAY);
            assert_true(found);
        }
        assert_true(now - items[0].time < INT64_C(13) * 31 * DAY);
        assert_true(count >= 14);
    }
}

/* Any set of times: as many periods as asked for, each by one, and the order of time is all that matters. */
static void any_dates_obey_the_rules(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        count = 0;
        int64_t at = EPOCH + rand();
        bool is_any_verified = false;
        for (int i = rand() % 200; i >= 0; i--) {
            add(at, rand() % 3 != 0);
            is_any_verified = is_any_verified || items[count - 1].verified;
            at += rand() % (rand() % 2 ? 3600 : 40 * DAY);
        }
        int64_t daily = rand() % 10;
        choose(daily, 0, 0);
        size_t days = 0, last = count;
        for (size_t i = count; i > 0; i--) {
            bool is_new_day = last == count || items[last].time / DAY != items[i - 1].time / DAY;
            days += is_new_day;
            last = i - 1;
        }
        size_t wanted = days < (size_t)daily ? days : (size_t)daily;
        if (!is_any_verified)
            assert_int_equal(kept(), count);
        else
            assert_in_range(kept(), wanted, wanted + 1);
        /* More is never kept by asking for less. */
        size_t before = kept();
        choose(daily + 1, 2, 2);
        assert_true(kept() >= before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_needs_no_decision, begin),
        cmocka_unit_test_setup(the_newest_of_each_of_the_last_days_stays, begin),
        cmocka_unit_test_setup(days_without_a_backup_do_not_count, begin),
        cmocka_unit_test_setup(weeks_begin_on_monday, begin),
        cmocka_unit_test_setup(months_are_those_of_the_calendar, begin),
        cmocka_unit_test_setup(a_verified_one_stands_for_its_day, begin),
        cmocka_unit_test_setup(the_last_verified_one_stays_however_old, begin),
        cmocka_unit_test_setup(everything_stays_while_nothing_is_verified, begin),
        cmocka_unit_test_setup(night_after_night_enough_is_left, begin),
        cmocka_unit_test_setup(any_dates_obey_the_rules, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
