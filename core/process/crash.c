/*
 * Everything that runs in the handler is async-signal-safe: it reads memory, copies bytes and calls write. A request
 * whose own struct is destroyed may crash it once more, which ends the process at once, with what had been written.
 *
 * AddressSanitizer handles faults itself, on its own stack, and calls us before the process ends.
 */
#include "core/process/crash.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/memory/sanitizer.h"
#include "core/plugin/plugin.h"
#include "core/process/backtrace.h"
#include "core/process/scoreboard.h"
#include "core/request/request.h"
#include "core/worker.h"

#ifdef TL_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

#ifndef TL_ASAN
enum { ALTERNATE_STACK = 64 * 1024 };
#endif

static bool tells;

static const char *method_name(tl_method method)
{
    static const char *const names[] = {"", "GET ", "POST ", "PUT ", "PATCH ", "DELETE "};
    return method >= TL_GET && method <= TL_DELETE ? names[method] : "";
}

static void describe_request(crash_report *crash, const tl_request *req)
{
    board_copy(crash->request_id, sizeof crash->request_id, req->id);
    if (req->module) {
        board_copy(crash->plugin, sizeof crash->plugin, req->module->name);
        if (req->module->plugin)
            board_copy(crash->version, sizeof crash->version, req->module->plugin->version);
    }
    if (req->route) {
        const char *method = method_name(req->route->method);
        board_copy(crash->route, sizeof crash->route, method);
        size_t at = strlen(method);
        board_copy(crash->route + at, sizeof crash->route - at, req->route->path);
    }
}

static void tell(const scoreboard_slot *slot)
{
    char what[512];
    board_describe(slot, what, sizeof what);
    static const char head[] = "talelio: crashed";
    if (write(STDERR_FILENO, head, sizeof head - 1) < 0 || write(STDERR_FILENO, what, strlen(what)) < 0 ||
        write(STDERR_FILENO, "\n", 1) < 0)
        return;
}

static void describe_current(crash_report *crash, const worker *w)
{
    const tl_request *req = w->requests ? request_current(w->requests) : NULL;
    if (req)
        describe_request(crash, req);
}

static void report(int signal_number, const void *address)
{
    const worker *w = the_worker;
    if (!w || w->board->crash.filled)
        return;
    crash_report *crash = &w->board->crash;
    crash->signal = signal_number;
    crash->filled = true;
    crash->stack_overflow = address && w->fibers && fiber_is_overflow(w->fibers, address);
    describe_current(crash, w);
    if (tells)
        tell(w->board);
    /* The last, as a stack in disorder may end the process here. */
    backtrace_write(crash->backtrace, sizeof crash->backtrace);
}

/* The master asks a worker whose loop does not turn. */
static void on_question(int signal_number)
{
    (void)signal_number;
    const worker *w = the_worker;
    if (!w)
        return;
    describe_current(&w->board->asked, w);
    w->board->asked.filled = true;
}

static void on_signal(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    /* From here on a second fault is deadly. */
    signal(signal_number, SIG_DFL);
    report(signal_number, signal_number == SIGSEGV || signal_number == SIGBUS ? info->si_addr : NULL);
    /* Blocked until this handler returns; then the process dies of the signal it got, with a core if those are on. */
    raise(signal_number);
}

#ifdef TL_ASAN

static const int deadly[] = {SIGABRT};

static void before_death(void)
{
    report(0, NULL);
}

static bool prepare(void)
{
    __sanitizer_set_death_callback(before_death);
    return true;
}

#else

static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* An overflowed fiber has no room for a handler. Only the thread that runs plugin code gets this stack. */
static bool prepare(void)
{
    static char room[ALTERNATE_STACK];
    stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
    return sigaltstack(&stack, NULL) == 0;
}

#endif

bool crash_handler_install(bool tell_too)
{
    tells = tell_too;
    if (!prepare())
        return false;
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
        if (sigaction(deadly[i], &action, NULL) != 0)
            return false;
    backtrace_prepare();
    action = (struct sigaction){.sa_handler = on_question, .sa_flags = SA_RESTART | SA_ONSTACK};
    return sigaction(SIGUSR2, &action, NULL) == 0;
}
