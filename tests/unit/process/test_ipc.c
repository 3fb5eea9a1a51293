/*
 * Messages between master and worker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/process/ipc.h"

static char text[IPC_TEXT_MAX];

static void messages_keep_apart_and_in_order(void **unused)
{
    (void)unused;
    int ends[2];
    assert_true(ipc_pair(ends));
    assert_int_equal(ipc_receive(ends[0], text), IPC_NOTHING);
    assert_true(ipc_send(ends[1], IPC_PROBLEM, "one"));
    assert_true(ipc_send(ends[1], IPC_PROBLEM, ""));
    assert_true(ipc_send(ends[1], IPC_READY, NULL));
    assert_int_equal(ipc_receive(ends[0], text), IPC_PROBLEM);
    assert_string_equal(text, "one");
    assert_int_equal(ipc_receive(ends[0], text), IPC_PROBLEM);
    assert_string_equal(text, "");
    assert_int_equal(ipc_receive(ends[0], text), IPC_READY);
    assert_int_equal(ipc_receive(ends[0], text), IPC_NOTHING);
    close(ends[0]);
    close(ends[1]);
}

static void a_long_text_is_cut(void **unused)
{
    (void)unused;
    int ends[2];
    assert_true(ipc_pair(ends));
    static char longer[3 * IPC_TEXT_MAX];
    memset(longer, 'x', sizeof longer - 1);
    assert_true(ipc_send(ends[0], IPC_PROBLEM, longer));
    assert_int_equal(ipc_receive(ends[1], text), IPC_PROBLEM);
    assert_int_equal(strlen(text), IPC_TEXT_MAX - 2);
    close(ends[0]);
    close(ends[1]);
}

static void what_was_said_last_is_heard_before_the_end(void **unused)
{
    (void)unused;
    int ends[2];
    assert_true(ipc_pair(ends));
    assert_true(ipc_send(ends[1], IPC_PROBLEM, "last words"));
    close(ends[1]);
    assert_int_equal(ipc_receive(ends[0], text), IPC_PROBLEM);
    assert_string_equal(text, "last words");
    assert_int_equal(ipc_receive(ends[0], text), IPC_GONE);
    assert_false(ipc_send(ends[0], IPC_STOP, NULL));
    close(ends[0]);
}

static void one_that_does_not_read_holds_nobody_up(void **unused)
{
    (void)unused;
    int ends[2];
    assert_true(ipc_pair(ends));
    int sent = 0;
    while (sent < 100000 && ipc_send(ends[0], IPC_STOP, NULL))
        sent++;
    assert_in_range(sent, 10, 99999);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_keep_apart_and_in_order),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(what_was_said_last_is_heard_before_the_end),
        cmocka_unit_test(one_that_does_not_read_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
