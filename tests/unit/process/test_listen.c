/*
 * The listening socket, and what is said when it cannot be had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "core/process/listen.h"

static settings on(const char *address, int64_t port)
{
    return (settings){.address = address, .port = port};
}

static int port_of(const listener *l)
{
    return atoi(strrchr(l->url, ':') + 1);
}

static void a_free_port_is_found_and_told(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    settings s = on("127.0.0.1", 0);
    listener l;
    assert_true(listener_open(&l, &s, found));
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port_of(&l))};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof to), 0);
    int accepted = accept(l.fd, NULL, NULL);
    assert_true(accepted >= 0);
    close(accepted);
    close(client);
    listener_close(&l);
    problems_free(found);
}

static void a_taken_port_is_told_in_one_line(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    settings s = on("127.0.0.1", 0);
    listener first;
    assert_true(listener_open(&first, &s, found));
    settings same = on("127.0.0.1", port_of(&first));
    listener second;
    assert_false(listener_open(&second, &same, found));
    assert_int_equal(problems_count(found), 1);
    char expected[128];
    snprintf(expected, sizeof expected, "port %d on 127.0.0.1 is taken: stop what listens there, or set [server] port",
             (int)same.port);
    assert_string_equal(problems_text(found, 0), expected);
    listener_close(&first);
    problems_free(found);
}

static void ipv6_has_brackets_in_the_url(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    settings s = on("::", 0);
    listener l;
    if (listener_open(&l, &s, found)) {
        assert_memory_equal(l.url, "http://[::]:", 12);
        listener_close(&l);
    } else {
        /* a machine without IPv6 */
        assert_non_null(strstr(problems_text(found, 0), "::"));
    }
    problems_free(found);
}

static void a_loopback_address_is_called_as_browsers_call_it(void **unused)
{
    (void)unused;
    static const char *const addresses[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < 2; i++) {
        problems *found = problems_new();
        settings s = on(addresses[i], 0);
        listener l;
        if (listener_open(&l, &s, found)) {
            assert_memory_equal(l.url, "http://localhost:", 17);
            listener_close(&l);
        } else {
            assert_int_equal(i, 1); /* a machine without IPv6 */
        }
        problems_free(found);
    }
}

static void an_address_of_another_machine_is_told(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    settings s = on("192.0.2.1", 5000);
    listener l;
    assert_false(listener_open(&l, &s, found));
    assert_string_equal(problems_text(found, 0), "192.0.2.1 is no address of this machine: set [server] address");
    problems_free(found);
}

static void a_name_is_no_address(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    settings s = on("example.org", 5000);
    listener l;
    assert_false(listener_open(&l, &s, found));
    assert_non_null(strstr(problems_text(found, 0), "expected an IP address"));
    problems_free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_free_port_is_found_and_told),
        cmocka_unit_test(a_taken_port_is_told_in_one_line),
        cmocka_unit_test(ipv6_has_brackets_in_the_url),
        cmocka_unit_test(a_loopback_address_is_called_as_browsers_call_it),
        cmocka_unit_test(an_address_of_another_machine_is_told),
        cmocka_unit_test(a_name_is_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
