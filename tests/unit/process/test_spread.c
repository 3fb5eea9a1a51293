/*
 * Connections go to workers that serve.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/process/spread.h"
#include "tests/unit/support/fixture.h"

enum { SLOTS = 3, CONNECTIONS = 60 };

/* How many of CONNECTIONS arrive on each socket. */
static void connect_all(const listeners *l, int *arrived)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int fds[CONNECTIONS];
    memset(arrived, 0, SLOTS * sizeof *arrived);
    assert_int_equal(getsockname(l->fds[0], (struct sockaddr *)&address, &length), 0);
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = socket(address.ss_family, SOCK_STREAM, 0);
        assert_int_equal(connect(fds[i], (struct sockaddr *)&address, length), 0);
    }
    for (int slot = 0; slot < SLOTS; slot++) {
        int fd;
        struct pollfd ready = {.fd = l->fds[slot], .events = POLLIN};
        while (poll(&ready, 1, 20) > 0 && (fd = accept(l->fds[slot], NULL, NULL)) >= 0) {
            arrived[slot]++;
            close(fd);
        }
    }
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
}

static void who_is_away_gets_none_until_it_is_back(void **unused)
{
    (void)unused;
    settings s = *fixture_settings();
    s.address = "127.0.0.1";
    s.port = 0;
    problems *found = problems_new();
    listeners l;
    assert_true(listeners_open(&l, &s, SLOTS, found));
    scoreboard_slot board[SLOTS] = {{.serves = true}, {.serves = false}, {.serves = true}};
    int arrived[SLOTS];

    spread_connections(&l, board);
    connect_all(&l, arrived);
    assert_int_equal(arrived[1], 0);
    assert_int_equal(arrived[0] + arrived[2], CONNECTIONS);
    assert_true(arrived[0] > 0 && arrived[2] > 0);

    board[0].serves = false;
    spread_connections(&l, board);
    connect_all(&l, arrived);
    assert_int_equal(arrived[2], CONNECTIONS);

    board[0].serves = board[1].serves = true;
    spread_connections(&l, board);
    connect_all(&l, arrived);
    assert_true(arrived[0] > 0 && arrived[1] > 0 && arrived[2] > 0);

    listeners_close(&l);
    problems_free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_is_away_gets_none_until_it_is_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
