/*
 * The configuration and the worker that commands stand on.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/cli/command.h"
#include "core/config/installed.h"
#include "core/process/crash.h"
#include "core/process/privileges.h"
#include "core/process/scoreboard.h"
#include "core/worker.h"

void host_complain_of_none(problems *found)
{
    char installed[PATH_MAX];
    problems_add(found, NULL, 0,
                 "there is no configuration: neither config/talelio.ini nor %s is there; name one with --config FILE",
                 installed_ini(installed));
}

bool host_read(host *h, const invocation *in)
{
    *h = (host){.found = problems_new()};
    if (!in->ini) {
        host_complain_of_none(h->found);
        return false;
    }
    h->config = config_load(in->ini, in->env, h->found);
    if (h->config)
        config_bind_core(h->config, &h->settings, h->found);
    h->log_file = h->settings.log_file;
    h->settings.log_file = "";
    h->settings.log_format = "text";
    h->settings.log_level = "warning";
    return problems_count(h->found) == 0;
}

/* As the crash handler, it may be called anywhere: it copies bytes and calls write. */
static void on_hang(int signal_number)
{
    (void)signal_number;
    static const char head[] = "talelio: not done after [server] start_timeout";
    char where[512] = "";
    if (the_worker)
        board_describe(the_worker->board, where, sizeof where);
    bool told = write(STDERR_FILENO, head, sizeof head - 1) >= 0 && write(STDERR_FILENO, where, strlen(where)) >= 0 &&
                write(STDERR_FILENO, "\n", 1) >= 0;
    (void)told;
    _exit(CLI_FAILED);
}

void host_guard(const host *h)
{
    /* What cannot be read of the configuration is 0. */
    int64_t limit = h->settings.start_timeout;
    struct sigaction action = {.sa_handler = on_hang};
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    alarm(limit > 0 ? (unsigned)(limit / 1000) + 1 : 0);
}

void host_unguard(void)
{
    alarm(0);
}

bool host_load(host *h, bool serverless)
{
    host_guard(h);
    process_limits(&h->settings);
    runtime_plan plan = {.role = ROLE_COMMAND, .name = "command", .serverless = serverless};
    runtime_open(&h->runtime, h->config, &h->settings, &plan, h->found);
    h->open = true;
    host_unguard();
    return problems_count(h->found) == 0;
}

int host_close(host *h, int code)
{
    problems_print(h->found, stderr);
    if (problems_count(h->found) > 0)
        code = CLI_FAILED;
    if (h->open && runtime_settle(&h->runtime, 1000))
        runtime_close(&h->runtime);
    if (h->config)
        config_free(h->config);
    problems_free(h->found);
    return code;
}
