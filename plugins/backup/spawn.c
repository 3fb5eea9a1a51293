/*
 * Starting child processes. posix_spawn, because a fork would copy the tables of a process with threads; every
 * descriptor but the child's own four is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/backup/child.h"

extern char **environ;

enum { SERVICE_FD = 3, ABOVE = 16, VARIABLES_MOST = 128, NICENESS = 10 };

/* The child's ends, while it is being started. */
typedef struct ends {
    int in, out, err, service;
} ends;

static bool make_pipe(int pair[2])
{
    int raw[2];

    if (pipe2(raw, O_CLOEXEC) != 0)
        return false;
    /* Out of the way of the numbers that the child gets. */
    for (int i = 0; i < 2; i++) {
        pair[i] = fcntl(raw[i], F_DUPFD_CLOEXEC, ABOVE);
        close(raw[i]);
    }
    if (pair[0] >= 0 && pair[1] >= 0)
        return true;
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
    return false;
}

static int open_null(int flags)
{
    int raw = open("/dev/null", flags | O_CLOEXEC);
    int fd = raw >= 0 ? fcntl(raw, F_DUPFD_CLOEXEC, ABOVE) : -1;

    if (raw >= 0)
        close(raw);
    return fd;
}

/*
 * One end for us, which never blocks, and one for the child. Not made larger than pipes are: a child is to work ahead
 * as little as possible while its task rests.
 */
static bool connect_pipe(bool is_input, int *ours, int *theirs)
{
    int pair[2];

    if (!make_pipe(pair))
        return false;
    *ours = pair[is_input ? 1 : 0];
    *theirs = pair[is_input ? 0 : 1];
    fcntl(*ours, F_SETFL, O_NONBLOCK);
    return true;
}

/* The service file: in memory, and its owner's alone, which libpq insists on for passwords. */
static int make_service(const conninfo *database)
{
    char *text = conninfo_service(database);
    int raw = text ? memfd_create("talelio-service", MFD_CLOEXEC) : -1;
    int fd = raw >= 0 ? fcntl(raw, F_DUPFD_CLOEXEC, ABOVE) : -1;
    size_t length = text ? strlen(text) : 0;

    if (raw >= 0)
        close(raw);
    if (fd >= 0 && (fchmod(fd, 0600) != 0 || write(fd, text, length) != (ssize_t)length)) {
        close(fd);
        fd = -1;
    }
    if (text)
        explicit_bzero(text, length);
    free(text);
    return fd;
}

static bool open_ends(const child_plan *plan, child *c, ends *e)
{
    bool is_dropped = plan->output == CHILD_DROPPED;

    if (plan->is_fed ? !connect_pipe(true, &c->in, &e->in) : (e->in = open_null(O_RDONLY)) < 0)
        return false;
    if (is_dropped ? (e->out = open_null(O_WRONLY)) < 0 : !connect_pipe(false, &c->out, &e->out))
        return false;
    if (!connect_pipe(false, &c->err, &e->err))
        return false;
    return !plan->database || (e->service = make_service(plan->database)) >= 0;
}

static void close_ends(ends *e)
{
    int all[] = {e->in, e->out, e->err, e->service};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] >= 0)
            close(all[i]);
}

/* libpq's variables, but for those that our own service file stands for; and where to find files. */
static bool is_wanted(const char *variable)
{
    static const char *const names[] = {"PATH=", "HOME=", "KRB5CCNAME=", "SSL_CERT_FILE=", "SSL_CERT_DIR=", NULL};

    if (strncmp(variable, "PG", 2) == 0)
        return strncmp(variable, "PGSERVICE", 9) != 0 && strncmp(variable, "PGDATABASE=", 11) != 0;
    for (size_t i = 0; names[i]; i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static void choose_environment(char *chosen[VARIABLES_MOST + 3])
{
    static char service[] = "PGSERVICEFILE=/proc/self/fd/3", language[] = "LC_ALL=C";
    size_t count = 0;

    for (char **variable = environ; *variable && count < VARIABLES_MOST; variable++)
        if (is_wanted(*variable))
            chosen[count++] = *variable;
    chosen[count++] = service;
    chosen[count++] = language;
    chosen[count] = NULL;
}

static int set_files(posix_spawn_file_actions_t *files, const ends *e)
{
    int error = posix_spawn_file_actions_adddup2(files, e->in, STDIN_FILENO);

    if (!error)
        error = posix_spawn_file_actions_adddup2(files, e->out, STDOUT_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(files, e->err, STDERR_FILENO);
    if (!error && e->service >= 0)
        error = posix_spawn_file_actions_adddup2(files, e->service, SERVICE_FD);
    if (!error)
        error = posix_spawn_file_actions_addclosefrom_np(files, e->service >= 0 ? SERVICE_FD + 1 : SERVICE_FD);
    return error;
}

static int set_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    /* This process ignores SIGPIPE, which a child would inherit, and then outlive its reader. */
    if (!error)
        error = posix_spawnattr_setsigdefault(attributes, &all);
    return error ? error
                 : posix_spawnattr_setflags(attributes,
                                            POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
}

static int spawn(const child_plan *plan, child *c, const ends *e)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    char *variables[VARIABLES_MOST + 3];
    pid_t pid = 0;

    int error = posix_spawn_file_actions_init(&files);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        error = set_files(&files, e);
        if (!error)
            error = set_signals(&attributes);
        choose_environment(variables);
        if (!error)
            error = posix_spawn(&pid, plan->program, &files, &attributes, (char *const *)plan->arguments, variables);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    if (!error)
        c->pid = pid;
    return error;
}

/*
 * Gives way to what serves visitors, the database too. Where the kernel shares the processors among sessions first,
 * niceness counts only within one: so the child has a session of its own, and that is nice as well. The kernel refuses
 * to set two of them at once.
 */
static void be_nice(task *t, pid_t pid)
{
    char path[64];

    setpriority(PRIO_PROCESS, (id_t)pid, NICENESS);
    snprintf(path, sizeof path, "/proc/%d/autogroup", (int)pid);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    for (int tries = 0; fd >= 0 && tries < 5; tries++) {
        if (dprintf(fd, "%d", NICENESS) > 0 || errno != EAGAIN || tl_sleep(t->req, 50) != TL_OK)
            break;
    }
    if (fd >= 0)
        close(fd);
}

static void release(void *arg)
{
    child *c = arg;

    child_kill(c);
    free(c->kept);
    c->kept = NULL;
}

int child_begin(task *t, const child_plan *plan, child **made)
{
    child *c = tl_alloc(t->req, sizeof *c);
    ends e = {-1, -1, -1, -1};

    *c = (child){.name = plan->arguments[0], .in = -1, .out = -1, .err = -1, .output = plan->output, .kept_all = true};
    c->status = NOT_ENDED;
    *made = c;
    tl_defer(t->req, release, c);
    int error = open_ends(plan, c, &e) ? spawn(plan, c, &e) : errno;
    close_ends(&e);
    if (!error) {
        if (plan->is_nice)
            be_nice(t, c->pid);
        return TL_OK;
    }
    child_kill(c);
    return task_fail(t, "%s cannot be started: %s", plan->program, strerror(error));
}
