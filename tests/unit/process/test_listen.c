/*
 * The listening sockets: one a worker on the same port, and what is said when that cannot be.
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

static int port_of(const listeners *l)
{
    return atoi(strrchr(l->url, ':') + 1);
}

static void a_free_port_is_shared_by_all_sockets(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    settings s = on("127.0.0.1", 0);
    listeners l;
    assert_true(listeners_open(&l, &s, 3, found));
    assert_int_equal(l.count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct sockaddr_in bound;
        socklen_t size = sizeof bound;
        assert_int_equal(getsockname(l.fds[i], (struct sockaddr *)&bound, &size), 0);
        assert_int_equal(ntohs(bound.sin_port), port_of(&l));
        int listening = 0;
        size = sizeof listening;
        assert_int_equal(getsockopt(l.fds[i], SOL_SOCKET, SO_ACCEPTCONN, &listening, &size), 0);
        assert_true(listening);
    }
    listeners_close(&l);
    problems_free(found);
}

static void connections_spread_over_the_sockets(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    settings s = on("127.0.0.1", 0);
    listeners l;
    assert_true(listeners_open(&l, &s, 2, found));
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port_of(&l))};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    int clients[64];
    for (int i = 0; i < 64; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&to, sizeof to), 0);
    }
    int accepted[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        int fd;
        while ((fd = accept(l.fds[i], NULL, NULL)) >= 0) {
            accepted[i]++;
            close(fd);
        }
    }
    assert_int_equal(accepted[0] + accepted[1], 64);
    assert_true(accepted[0] > 0 && accepted[1] > 0);
    for (int i = 0; i < 64; i++)
        close(clients[i]);
    listeners_close(&l);
    problems_free(found);
}

static void a_taken_port_is_told_in_one_line(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    settings s = on("127.0.0.1", 0);
    listeners first;
    assert_true(listeners_open(&first, &s, 1, found));
    /* Another server of the same user: SO_REUSEPORT alone would let it in. */
    settings same = on("127.0.0.1", port_of(&first));
    listeners second;
    assert_false(listeners_open(&second, &same, 1, found));
    assert_int_equal(problems_count(found), 1);
    char expected[128];
    snprintf(expected, sizeof expected, "port %d on 127.0.0.1 is taken: stop what listens there, or set [server] port",
             (int)same.port);
    assert_string_equal(problems_text(found, 0), expected);
    listeners_close(&first);
    problems_free(found);
}

static void ipv6_has_brackets_in_the_url(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    settings s = on("::1", 0);
    listeners l;
    if (!listeners_open(&l, &s, 2, found)) {
        /* a machine without IPv6 */
        assert_true(strstr(problems_text(found, 0), "::1") != NULL);
        problems_free(found);
        skip();
    }
    assert_memory_equal(l.url, "http://[::1]:", 13);
    listeners_close(&l);
    problems_free(found);
}

static void an_address_of_another_machine_is_told(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    settings s = on("192.0.2.1", 5000);
    listeners l;
    assert_false(listeners_open(&l, &s, 1, found));
    assert_string_equal(problems_text(found, 0), "192.0.2.1 is no address of this machine: set [server] address");
    problems_free(found);
}

static void a_name_is_no_address(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    settings s = on("example.org", 5000);
    listeners l;
    assert_false(listeners_open(&l, &s, 1, found));
    assert_non_null(strstr(problems_text(found, 0), "expected an IP address"));
    problems_free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_free_port_is_shared_by_all_sockets),  cmocka_unit_test(connections_spread_over_the_sockets),
        cmocka_unit_test(a_taken_port_is_told_in_one_line),      cmocka_unit_test(ipv6_has_brackets_in_the_url),
        cmocka_unit_test(an_address_of_another_machine_is_told), cmocka_unit_test(a_name_is_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
