/*
 * Lists of hosts in a connection string.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/db/address.h"

static void test_hosts_and_ports_go_together(void **state)
{
    (void)state;
    places p;
    assert_true(places_parse(&p, "a,b,/run/pg", NULL, "1,,3"));
    assert_int_equal(p.count, 3);
    assert_string_equal(p.items[1].host, "b");
    assert_string_equal(p.items[1].port, "");
    assert_string_equal(p.items[2].host, "/run/pg");
    assert_string_equal(p.items[2].port, "3");

    assert_true(places_parse(&p, "a,b", NULL, "7"));
    assert_string_equal(p.items[0].port, "7");
    assert_string_equal(p.items[1].port, "7");

    assert_true(places_parse(&p, NULL, NULL, "5433"));
    assert_int_equal(p.count, 0);
    assert_true(places_parse(&p, NULL, NULL, NULL));
    assert_int_equal(p.count, 0);
}

static void test_lists_that_do_not_fit_together(void **state)
{
    (void)state;
    places p;
    char many[256], longest[300];
    memset(many, ',', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(places_parse(&p, "a,b", NULL, "1,2,3"));
    assert_false(places_parse(&p, "a,b", "1.1.1.1", NULL));
    assert_false(places_parse(&p, "a", NULL, "secret"));
    assert_false(places_parse(&p, "a", NULL, "0"));
    assert_false(places_parse(&p, "a", NULL, "65536"));
    assert_false(places_parse(&p, NULL, NULL, "word"));
    assert_false(places_parse(&p, "cret@host", NULL, NULL));
    assert_false(places_parse(&p, many, NULL, NULL));
    assert_false(places_parse(&p, longest, NULL, NULL));
}

static void test_which_hosts_are_names(void **state)
{
    (void)state;
    static const struct {
        const char *host, *address;
        bool is_name;
    } cases[] = {
        {"db.example.org", NULL, true}, {"localhost", NULL, true},        {"127.0.0.1", NULL, false},
        {"::1", NULL, false},           {"/run/postgresql", NULL, false}, {"@abstract", NULL, false},
        {"name", "10.0.0.1", false},    {NULL, "10.0.0.1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        places p;
        assert_true(places_parse(&p, cases[i].host, cases[i].address, NULL));
        assert_int_equal(places_have_names(&p), cases[i].is_name);
    }
}

static void test_names_become_addresses_and_keep_their_ports(void **state)
{
    (void)state;
    places p;
    lookup_error error;
    assert_true(places_parse(&p, "no-such-host.invalid,localhost,/run/pg", NULL, "1,2,3"));
    places_resolve(&p, &error);
    assert_true(p.count >= 2);
    assert_string_equal(p.items[0].host, "localhost");
    assert_string_equal(p.items[0].port, "2");
    assert_true(strcmp(p.items[0].address, "127.0.0.1") == 0 || strcmp(p.items[0].address, "::1") == 0);
    assert_string_equal(p.items[p.count - 1].host, "/run/pg");
    assert_string_equal(p.items[p.count - 1].address, "");
    assert_false(places_have_names(&p));
    assert_non_null(strstr(error.text, "no-such-host.invalid"));
}

static void test_the_list_can_begin_anywhere(void **state)
{
    (void)state;
    places p;
    places_text text;
    assert_true(places_parse(&p, "a,b,c", NULL, "1,2,3"));
    places_write(&p, 2, &text);
    assert_string_equal(text.hosts, "c,a,b");
    assert_string_equal(text.addresses, ",,");
    assert_string_equal(text.ports, "3,1,2");
}

static void test_a_place_is_found_by_what_libpq_says(void **state)
{
    (void)state;
    places p;
    assert_true(places_parse(&p, "a,a,/run/pg", "10.0.0.1,10.0.0.2,", "1,1,"));
    assert_int_equal(places_find(&p, "a", "10.0.0.2", "1"), 1);
    assert_int_equal(places_find(&p, "/run/pg", NULL, "5432"), 2);
    assert_int_equal(places_find(&p, "a", "10.0.0.1", "1"), 0);
    assert_int_equal(places_find(&p, "other", NULL, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_and_ports_go_together),
        cmocka_unit_test(test_lists_that_do_not_fit_together),
        cmocka_unit_test(test_which_hosts_are_names),
        cmocka_unit_test(test_names_become_addresses_and_keep_their_ports),
        cmocka_unit_test(test_the_list_can_begin_anywhere),
        cmocka_unit_test(test_a_place_is_found_by_what_libpq_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
