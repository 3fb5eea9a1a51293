/*
 * One datagram a message.
 */
#include "core/process/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Without READY, systemd takes a start or a reload for one that hangs. */
enum { STATE_WAIT = 2 };

/* The watchdog's time may be meant for another process. */
static int64_t read_watchdog(void)
{
    const char *pid = getenv("WATCHDOG_PID");
    const char *interval = getenv("WATCHDOG_USEC");
    if (!interval || (pid && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    return strtoll(interval, NULL, 10) / 1000 / 2;
}

void notify_open(notifier *n)
{
    *n = (notifier){.address = {.sun_family = AF_UNIX}};
    const char *path = getenv("NOTIFY_SOCKET");
    if (path && (*path == '/' || *path == '@') && strlen(path) < sizeof n->address.sun_path) {
        memcpy(n->address.sun_path, path, strlen(path));
        n->length = (int)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        if (*path == '@')
            n->address.sun_path[0] = '\0';
        n->watchdog = read_watchdog();
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

/* A supervisor that does not read must not hold the master, one that is behind is to hear of it: there is a time to
 * wait. */
static void tell(const notifier *n, const char *text, int wait_seconds)
{
    if (n->length == 0)
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    const struct timeval wait = {.tv_sec = wait_seconds};
    int flags =
        wait_seconds == 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0 ? MSG_DONTWAIT : 0;
    (void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL | flags, (const struct sockaddr *)&n->address,
                  (socklen_t)n->length);
    close(fd);
}

void notify_ready(const notifier *n, const char *status)
{
    char text[512];
    snprintf(text, sizeof text, "READY=1\nSTATUS=%s\n", status);
    tell(n, text, STATE_WAIT);
}

void notify_reloading(const notifier *n)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld\n",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    tell(n, text, STATE_WAIT);
}

void notify_stopping(const notifier *n)
{
    tell(n, "STOPPING=1\n", STATE_WAIT);
}

void notify_alive(const notifier *n)
{
    tell(n, "WATCHDOG=1\n", 0);
}
