/* talelio stop */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/cli/command.h"
#include "core/process/generation.h"
#include "core/process/pidfile.h"

enum { POLL_MICROSECONDS = 20000, GRACE = 5000 };

static int stop(const settings *s)
{
    pid_t pid = pidfile_owner(s);
    if (pid < 0) {
        fprintf(stderr, "the server cannot be found: %s/talelio.pid: %s\n", s->run_dir, strerror(errno));
        return CLI_FAILED;
    }
    if (pid == 0) {
        fprintf(stderr, "no server runs here (%s/talelio.pid)\n", s->run_dir);
        return CLI_FAILED;
    }
    if (kill(pid, SIGTERM) != 0) {
        fprintf(stderr, "the server (pid %d) cannot be stopped: %s\n", (int)pid, strerror(errno));
        return CLI_FAILED;
    }
    int64_t until = process_now() + s->stop_timeout + GRACE;
    while (pidfile_owner(s) == pid) {
        if (process_now() > until) {
            fprintf(stderr, "the server (pid %d) has not ended; a second `talelio stop` ends it at once\n", (int)pid);
            return CLI_FAILED;
        }
        usleep(POLL_MICROSECONDS);
    }
    printf("stopped\n");
    return CLI_OK;
}

int command_stop(const invocation *in)
{
    if (!cli_takes_nothing(in, cli_find("stop")))
        return CLI_USAGE;
    host h;
    int code = CLI_FAILED;
    if (host_read(&h, in))
        code = stop(&h.settings);
    return host_close(&h, code);
}
