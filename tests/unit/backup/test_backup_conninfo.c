/*
 * Addresses of databases taken apart, and put together as service files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "plugins/backup/conninfo.h"

static void expect_service(const char *url, const char *part)
{
    conninfo a;

    assert_null(conninfo_read(&a, url));
    char *text = conninfo_service(&a);
    assert_non_null(text);
    assert_ptr_equal(strstr(text, "[talelio]\n"), text);
    if (!strstr(text, part))
        fail_msg("%s is not in: %s", part, text);
    free(text);
    conninfo_free(&a);
}

static void a_service_file_says_all_that_the_address_says(void **state)
{
    (void)state;
    expect_service("postgresql://me:p%40ss%3D%23x@db.example:5433/site?sslmode=require", "\npassword=p@ss=#x\n");
    expect_service("postgresql://me:x@db.example:5433/site?sslmode=require", "\nsslmode=require\n");
    expect_service("postgresql://me:x@db.example:5433/site?sslmode=require", "\nport=5433\n");
    expect_service("postgresql://a,b:5433/site", "\nhost=a,b\n");
    expect_service("host=/run/pg dbname='my db'", "\ndbname=my db\n");
    expect_service("postgresql:///site?host=/run/pg&user=me", "\nhost=/run/pg\n");
    expect_service("dbname=x password=' leading'", "\npassword= leading\n");
}

static void patience_is_limited_unless_asked_for_otherwise(void **state)
{
    (void)state;
    expect_service("dbname=x", "\nconnect_timeout=10\n");
    expect_service("dbname=x connect_timeout=3", "\nconnect_timeout=3\n");
}

static void what_a_service_file_cannot_hold_is_refused(void **state)
{
    static const char *const wrong[] = {
        "mysql://x",
        "dbname",
        "service=site",
        "dbname=x password='ends in a blank '",
        "postgresql://me:a%0Ahost%3Devil@h/x",
    };
    conninfo a;
    char *endless = malloc(5000);

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_non_null(conninfo_read(&a, wrong[i]));
        assert_int_equal(a.count, 0);
    }
    strcpy(endless, "dbname=x password=");
    memset(endless + strlen(endless), 'x', 4000);
    endless[4018] = '\0';
    assert_non_null(conninfo_read(&a, endless));
    free(endless);
}

static void another_database_of_the_same_server(void **state)
{
    conninfo a;

    (void)state;
    assert_null(conninfo_read(&a, "postgresql://me@h/site"));
    conninfo other = conninfo_with(&a, "scratch");
    assert_string_equal(conninfo_value(&other, "dbname"), "scratch");
    assert_string_equal(conninfo_value(&other, "host"), "h");
    assert_string_equal(conninfo_value(&a, "dbname"), "site");
    assert_null(conninfo_value(&a, "password"));
    conninfo_free(&a);
    assert_null(conninfo_read(&a, "host=h"));
    other = conninfo_with(&a, "scratch");
    assert_string_equal(conninfo_value(&other, "dbname"), "scratch");
    conninfo_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_file_says_all_that_the_address_says),
        cmocka_unit_test(patience_is_limited_unless_asked_for_otherwise),
        cmocka_unit_test(what_a_service_file_cannot_hold_is_refused),
        cmocka_unit_test(another_database_of_the_same_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
