/*
 * The keeper and its children. Nothing here touches what the worker was doing when it forked: no loop, no log, no
 * descriptor but the ones that were handed over.
 */
#include "core/pool/isolation_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/memory/sanitizer.h"
#include "core/memory/whole.h"
#include "core/worker.h"

enum {
    NICENESS = 10, /* an author who waits gives way to those who read */
    CONTROL = 3,   /* the keeper's descriptor */
    EVENTS = 4,
};

typedef struct keeper {
    pid_t children[ISOLATION_MOST]; /* by slot; 0: none */
} keeper;

/* The crash handler and the loop's handlers are the worker's. A terminal's signals, and those of a service manager that
 * stops a group, are not for us: the keeper leaves when the worker does. */
static void reset_signals(void)
{
    static const int ignored[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE};
    static const int to_default[] = {SIGABRT, SIGCHLD, SIGPROF, SIGIO};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    for (size_t i = 0; i < sizeof to_default / sizeof *to_default; i++)
        signal(to_default[i], SIG_DFL);
#ifndef TL_ASAN
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        signal(faults[i], SIG_DFL);
#endif
}

/* A child dies with its parent, also when that has died just now. */
static void die_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(ISOLATION_CUT_OFF);
}

/* The sanitizers' shadow takes more address space than any limit. */
static void limit_memory(size_t bytes)
{
#ifndef TL_ASAN
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        if (fscanf(file, "%lu", &pages) != 1)
            pages = 0;
        fclose(file);
    }
    rlim_t most = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + bytes;
    if (pages > 0)
        setrlimit(RLIMIT_AS, &(struct rlimit){most, most});
#else
    (void)bytes;
#endif
}

/* SIGPROF kills a process that has used up its time, SIGIO one whose request has gone. */
static void limit_time(int fd, int64_t milliseconds)
{
    struct itimerval timer = {.it_value = {milliseconds / 1000, milliseconds % 1000 * 1000}};
    setitimer(ITIMER_PROF, &timer, NULL);
    fcntl(fd, F_SETOWN, getpid());
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC);
    /* It may have been closed before that. */
    struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
    if (poll(&gone, 1, 0) > 0)
        _exit(ISOLATION_CUT_OFF);
}

static _Noreturn void work(const isolation_order *order, int fd)
{
    setpriority(PRIO_PROCESS, 0, NICENESS);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    char *input = malloc(order->length + 1);
    if (!input || !read_whole(fd, input, order->length))
        _exit(ISOLATION_CUT_OFF);
    input[order->length] = '\0';
    limit_memory(order->memory);
    limit_time(fd, order->cpu_milliseconds);
    size_t length = 0;
    const char *output = order->run(input, order->length, &length);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_ASYNC);
    if (!output)
        _exit(ISOLATION_NO_RESULT);
    _exit(write_whole(fd, output, length) ? ISOLATION_DONE : ISOLATION_CUT_OFF);
}

/* A worker that cannot be told has gone, and so do we. */
static void tell_end(size_t slot, int status)
{
    const isolation_end end = {slot, status};
    if (send(CONTROL, &end, sizeof end, MSG_NOSIGNAL) != (ssize_t)sizeof end)
        _exit(EXIT_SUCCESS);
}

static void start_work(keeper *k, const isolation_order *order, int fd)
{
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        die_with(self);
        close(CONTROL);
        close(EVENTS);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        work(order, fd);
    }
    if (pid < 0)
        tell_end(order->slot, ISOLATION_CUT_OFF << 8);
    else
        k->children[order->slot] = pid;
}

static void take_order(keeper *k)
{
    isolation_order order;
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr alignment;
    } control;
    struct iovec part = {&order, sizeof order};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    ssize_t n = recvmsg(CONTROL, &message, MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR)
        return;
    const struct cmsghdr *passed = n == (ssize_t)sizeof order ? CMSG_FIRSTHDR(&message) : NULL;
    if (!passed || passed->cmsg_type != SCM_RIGHTS || order.slot >= ISOLATION_MOST)
        _exit(EXIT_SUCCESS);
    int fd;
    memcpy(&fd, CMSG_DATA(passed), sizeof fd);
    start_work(k, &order, fd);
    close(fd);
}

static void bury_children(keeper *k)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;
    while (read(EVENTS, &info, sizeof info) > 0)
        ;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < ISOLATION_MOST; i++) {
            if (k->children[i] != pid)
                continue;
            k->children[i] = 0;
            tell_end(i, status);
            break;
        }
    }
}

static _Noreturn void keep(void)
{
    keeper k = {0};
    struct pollfd wanted[] = {{.fd = CONTROL, .events = POLLIN}, {.fd = EVENTS, .events = POLLIN}};
    for (;;) {
        if (poll(wanted, 2, -1) < 0 && errno != EINTR)
            _exit(EXIT_FAILURE);
        if (wanted[1].revents)
            bury_children(&k);
        if (wanted[0].revents)
            take_order(&k);
    }
}

/* Only the control socket and stderr are left of the worker's descriptors. */
static bool take_descriptors(int control)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    if (dup2(control, CONTROL) < 0)
        return false;
    close_range(CONTROL + 1, ~0U, 0);
    int events = signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
    return events == EVENTS || (events >= 0 && dup2(events, EVENTS) == EVENTS);
}

pid_t isolation_keeper_start(int *control)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    pid_t self = getpid();
    /* A signal in the child must not run the worker's handlers. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        the_worker = NULL;
        reset_signals();
        prctl(PR_SET_NAME, "talelio-keeper");
        die_with(self);
        if (take_descriptors(ends[1]))
            keep();
        _exit(EXIT_FAILURE);
    }
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        errno = error;
        return -1;
    }
    fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK);
    *control = ends[0];
    return pid;
}
