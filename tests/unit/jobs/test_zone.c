/*
 * Time zones from tzdata, held against the C library's.
 */
#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/jobs/zone.h"
#include "tests/unit/jobs/local_clock.h"

#include <cmocka.h>

#define ZONEINFO "/usr/share/zoneinfo"

static arena *memory;

static int setup(void **state)
{
    (void)state;
    unsetenv("TZDIR");
    memory = arena_new(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(memory);
    return 0;
}

static const zone *load(const char *name)
{
    const char *problem = NULL;
    const zone *z = zone_load(memory, name, &problem);
    if (!z)
        fail_msg("%s: %s", name, problem);
    return z;
}

static const char *problem_of(const char *name)
{
    const char *problem = NULL;
    if (zone_load(memory, name, &problem))
        fail_msg("%s passes", name);
    assert_non_null(problem);
    return problem;
}

static size_t compared;

static void compare(const char *name, int64_t step)
{
    const zone *z = load(name);
    clock_in(name);
    for (int64_t moment = utc(1950, 1, 1, 0, 0); moment < utc(2120, 1, 1, 0, 0); moment += step) {
        zone_period p = zone_at(z, moment);
        long wanted = clock_at(moment).tm_gmtoff;
        if (p.offset != wanted)
            fail_msg("%s at %lld: %d, not %ld", name, (long long)moment, p.offset, wanted);
        if (moment < p.start || moment >= p.end)
            fail_msg("%s: the period of %lld does not have it", name, (long long)moment);
    }
    compared++;
}

static int compare_file(const char *path, const struct stat *about, int kind, struct FTW *walk)
{
    (void)about, (void)walk;
    const char *name = path + strlen(ZONEINFO) + 1;
    static const char *const others[] = {"right/", "posix/", "posixrules", "localtime"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (kind != FTW_F || strncmp(name, others[i], strlen(others[i])) == 0)
            return 0;
    char magic[4] = "";
    FILE *file = fopen(path, "r");
    if (file && fread(magic, 1, 4, file) == 4 && memcmp(magic, "TZif", 4) == 0)
        compare(name, 61 * 86400 + 1234);
    if (file)
        fclose(file);
    return 0;
}

static void every_zone_agrees_with_the_c_library(void **state)
{
    (void)state;
    compared = 0;
    assert_int_equal(nftw(ZONEINFO, compare_file, 16, FTW_PHYS), 0);
    assert_true(compared > 300);
}

static void changes_come_at_the_same_second(void **state)
{
    (void)state;
    static const char *const names[] = {"Europe/Berlin", "America/New_York",  "Australia/Lord_Howe",
                                        "Pacific/Apia",  "Africa/Casablanca", "America/Sao_Paulo",
                                        "Asia/Gaza",     "Europe/Dublin"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const zone *z = load(names[i]);
        clock_in(names[i]);
        size_t changes = 0;
        for (int64_t at = utc(2000, 1, 1, 0, 0); at < utc(2060, 1, 1, 0, 0) && at != INT64_MAX; changes++) {
            zone_period p = zone_at(z, at);
            if (p.end == INT64_MAX)
                break;
            assert_int_equal(clock_at(p.end - 1).tm_gmtoff, p.offset);
            assert_int_equal(clock_at(p.end).tm_gmtoff, zone_at(z, p.end).offset);
            assert_int_equal(zone_at(z, p.end).start, p.end);
            at = p.end;
        }
        assert_true(changes >= 2);
    }
}

static void utc_needs_no_file(void **state)
{
    (void)state;
    setenv("TZDIR", "/nonexistent", 1);
    zone_period p = zone_at(load("UTC"), 0);
    assert_int_equal(p.offset, 0);
    assert_true(p.start == INT64_MIN && p.end == INT64_MAX);
}

static void without_tzdata_the_package_is_named(void **state)
{
    (void)state;
    setenv("TZDIR", "/nonexistent", 1);
    assert_string_equal(problem_of("Europe/Berlin"),
                        "'Europe/Berlin': there are no time zones in /nonexistent: install "
                        "the package tzdata, or use UTC");
}

static void an_unknown_zone_is_told(void **state)
{
    (void)state;
    assert_string_equal(problem_of("Europe/Nowhere"),
                        "'Europe/Nowhere': there is no such time zone in /usr/share/zoneinfo (names are like "
                        "Europe/Berlin, or UTC)");
    assert_non_null(strstr(problem_of("Europe"), "there is no such time zone"));
    assert_non_null(strstr(problem_of("zone.tab"), "expected a time zone like Europe/Berlin, or UTC"));
    assert_non_null(strstr(problem_of("tzdata/zi"), "there is no such time zone"));
}

static void names_do_not_lead_out_of_the_folder(void **state)
{
    (void)state;
    static const char *const names[] = {
        "", "/etc/localtime", "../zoneinfo/UTC", "Europe/../UTC", "Europe//Berlin", "Europe/", "Euro pe", "UTC\n"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_non_null(strstr(problem_of(names[i]), "expected a time zone"));
}

static unsigned char *read_zone(const char *name, size_t *length)
{
    char path[256];
    snprintf(path, sizeof path, ZONEINFO "/%s", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    unsigned char *bytes = malloc(65536);
    *length = fread(bytes, 1, 65536, file);
    fclose(file);
    return bytes;
}

static void a_file_that_is_cut_off_is_refused(void **state)
{
    (void)state;
    size_t length;
    unsigned char *bytes = read_zone("Europe/Berlin", &length);
    const char *problem;
    assert_non_null(zone_parse(memory, bytes, length, &problem));
    for (size_t shorter = 0; shorter < length; shorter++) {
        unsigned char *copy = malloc(shorter + 1);
        memcpy(copy, bytes, shorter);
        assert_null(zone_parse(memory, copy, shorter, &problem));
        assert_non_null(problem);
        free(copy);
    }
    free(bytes);
}

static void a_file_with_absurd_counts_is_refused(void **state)
{
    (void)state;
    size_t length;
    unsigned char *bytes = read_zone("Europe/Berlin", &length);
    const char *problem;
    for (size_t at = 20; at < 44; at += 4) {
        unsigned char kept[4];
        memcpy(kept, bytes + at, 4);
        memset(bytes + at, 0xff, 4);
        assert_null(zone_parse(memory, bytes, length, &problem));
        memcpy(bytes + at, kept, 4);
    }
    free(bytes);
}

/* A file of version 2 with no transitions of its own, and this last line. */
static const zone *zone_of_rule(const char *rule)
{
    unsigned char bytes[512] = "TZif2";
    bytes[39] = 1; /* one type */
    bytes[43] = 1;
    size_t length = 44 + 6 + 1;
    memcpy(bytes + length, bytes, length);
    length *= 2;
    length += (size_t)snprintf((char *)bytes + length, sizeof bytes - length, "\n%s\n", rule);
    const char *problem;
    return zone_parse(memory, bytes, length, &problem);
}

static void rules_agree_with_the_c_library(void **state)
{
    (void)state;
    static const char *const rules[] = {
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "EST5EDT,M3.2.0,M11.1.0",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        "IST-1GMT0,M10.5.0,M3.5.0/1",
        "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
        "XYZ0ABC,J60/2,J300/2",
        "XYZ0ABC,59/2,299/2",
        "XYZ-5:30",
        "EET-2EEST,M3.4.4/50,M10.4.4/50",
        "NZST-12NZDT,M9.5.0,M4.1.0/3",
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const zone *z = zone_of_rule(rules[i]);
        if (!z)
            fail_msg("%s is refused", rules[i]);
        clock_in(rules[i]);
        for (int64_t at = utc(1999, 1, 1, 0, 0); at < utc(2033, 1, 1, 0, 0); at += 1799)
            if (zone_at(z, at).offset != clock_at(at).tm_gmtoff)
                fail_msg("%s at %lld: %d, not %ld", rules[i], (long long)at, zone_at(z, at).offset,
                         clock_at(at).tm_gmtoff);
    }
}

static void summer_time_may_last_all_year(void **state)
{
    (void)state;
    const zone *z = zone_of_rule("XXX3EDT4,0/0,J365/23");
    assert_non_null(z);
    for (int64_t at = utc(2020, 1, 1, 0, 0); at < utc(2026, 1, 1, 0, 0); at += 3571)
        assert_int_equal(zone_at(z, at).offset, -4 * 3600);
}

static void a_rule_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const rules[] = {"C",
                                        "CET",
                                        "CET-1CEST",
                                        "CET-1CEST,M3.5.0",
                                        "CET-1CEST,M13.5.0,M10.5.0",
                                        "CET-1CEST,M3.6.0,M10.5.0",
                                        "CET-1CEST,M3.5.7,M10.5.0",
                                        "CET-1CEST,J0,J1",
                                        "CET-1CEST,366,1",
                                        "<CET-1",
                                        "CET-99",
                                        "CET-1CEST,M3.5.0,M10.5.0/168",
                                        "CET-1CEST,M3.5.0,M10.5.0 "};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (zone_of_rule(rules[i]))
            fail_msg("%s passes", rules[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_zone_agrees_with_the_c_library, setup, teardown),
        cmocka_unit_test_setup_teardown(changes_come_at_the_same_second, setup, teardown),
        cmocka_unit_test_setup_teardown(utc_needs_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(without_tzdata_the_package_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_zone_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(names_do_not_lead_out_of_the_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_cut_off_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_with_absurd_counts_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(rules_agree_with_the_c_library, setup, teardown),
        cmocka_unit_test_setup_teardown(summer_time_may_last_all_year, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rule_that_is_none_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
