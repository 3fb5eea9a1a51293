/*
 * What a crash leaves in the scoreboard, by processes that crash.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/http/http.h"
#include "core/memory/sanitizer.h"
#include "core/plugin/plugin.h"
#include "core/process/crash.h"
#include "core/process/scoreboard.h"
#include "tests/unit/support/fixture.h"

enum { BOARD_FD = 50 }; /* in the program that crashes */

static int board_fd;
static scoreboard_slot *board;
/* Not NULL, which the compiler's own checks would find first. */
static int *volatile nowhere = (int *)16;

static const tl_plugin plugin = {.name = "notes", .version = "1.2"};
static tl_module module = {.name = "notes", .plugin = &plugin};
static const route show = {.method = TL_GET, .path = "/v1/notes/:id", .module = &module};

static int make_board(void **unused)
{
    (void)unused;
    board_fd = board_create(1);
    board = board_fd < 0 ? NULL : board_map(board_fd, 1);
    return board ? 0 : -1;
}

static int drop_board(void **unused)
{
    (void)unused;
    board_unmap(board, 1);
    return close(board_fd);
}

static void fault(tl_request *req, void *arg)
{
    (void)arg;
    snprintf(req->id, sizeof req->id, "the-request");
    req->module = &module;
    req->route = &show;
    *nowhere = 1;
}

static int deeper(volatile char *above, int depth)
{
    volatile char room[512];
    if (depth == 100000000)
        return 0;
    room[0] = (char)(above[0] + depth);
    return deeper(room, depth + 1) + room[0];
}

static void overflow(tl_request *req, void *arg)
{
    (void)arg;
    req->module = &module;
    volatile char top[1] = {0};
    req->identity.user_id = deeper(top, 0);
}

static void give_up(tl_request *req, void *arg)
{
    (void)arg;
    request_sleep(req, 1);
    req->module = &module;
    abort();
}

static void nothing(tl_request *req, void *arg)
{
    (void)req;
    (void)arg;
}

static const struct {
    const char *name;
    void (*run)(tl_request *req, void *arg);
} ways[] = {{"fault", fault}, {"overflow", overflow}, {"give up", give_up}, {"phase", nothing}};

/* In a program of its own, because cmocka catches signals itself: crashes in the way named. */
static int crash_now(const char *way)
{
    worker *w = fixture_worker_new(fixture_settings());
    unlink(fixture_log_path()); /* nobody is left to do it later */
    board = board_map(BOARD_FD, 1);
    w->board = board;
    if (!crash_handler_install(false))
        return 1;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(ways[i].name, way) == 0)
            fixture_run(w, ways[i].run, NULL);
    board_phase(board, "init", "notes", "1.2");
    *nowhere = 1;
    return 0;
}

/* How a process ended that crashed in this way. */
static int crash(const char *way)
{
    memset(board, 0, sizeof *board);
    pid_t child = fork();
    if (child == 0) {
        if (dup2(board_fd, BOARD_FD) == BOARD_FD && freopen("/dev/null", "w", stderr))
            execl("/proc/self/exe", "test_crash", way, (char *)NULL);
        _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

static void assert_died_of(int status, int signal_number)
{
#ifdef TL_ASAN
    (void)signal_number;
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
#else
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signal_number);
    assert_int_equal(board->crash.signal, signal_number);
#endif
}

static const char *described(void)
{
    static char text[512];
    return board_describe(board, text, sizeof text);
}

static void a_fault_names_plugin_route_and_request(void **unused)
{
    (void)unused;
    assert_died_of(crash("fault"), SIGSEGV);
    assert_string_equal(described(), " while it ran plugin notes 1.2, route GET /v1/notes/:id, request the-request");
    assert_false(board->crash.stack_overflow);
}

static void an_overflow_of_a_fiber_is_told_apart(void **unused)
{
    (void)unused;
    assert_died_of(crash("overflow"), SIGSEGV);
    assert_non_null(strstr(described(), "plugin notes 1.2"));
#ifndef TL_ASAN
    assert_true(board->crash.stack_overflow);
    assert_non_null(strstr(described(), "the stack of its fiber overflowed"));
#endif
}

static void an_abort_on_a_resumed_fiber_names_the_plugin(void **unused)
{
    (void)unused;
    int status = crash("give up");
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(described(), "plugin notes 1.2"));
}

static void a_fault_outside_of_requests_names_the_phase(void **unused)
{
    (void)unused;
    assert_died_of(crash("phase"), SIGSEGV);
    assert_string_equal(described(), " in init of plugin notes 1.2");
}

static void texts_are_read_within_their_bounds(void **unused)
{
    (void)unused;
    memset(board, 'x', sizeof *board);
    board->crash.filled = true;
    board->crash.stack_overflow = true;
    char text[64];
    board_describe(board, text, sizeof text);
    assert_int_equal(strlen(text), sizeof text - 1);
    char longer[1024];
    board_describe(board, longer, sizeof longer);
    assert_in_range(strlen(longer), 200, 500);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return crash_now(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_names_plugin_route_and_request),
        cmocka_unit_test(an_overflow_of_a_fiber_is_told_apart),
        cmocka_unit_test(an_abort_on_a_resumed_fiber_names_the_plugin),
        cmocka_unit_test(a_fault_outside_of_requests_names_the_phase),
        cmocka_unit_test(texts_are_read_within_their_bounds),
    };
    return cmocka_run_group_tests(tests, make_board, drop_board);
}
