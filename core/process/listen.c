/*
 * Binding the listening socket.
 */
#include "core/process/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 4096, /* the kernel cuts it to net.core.somaxconn */
    ATTEMPTS = 20,
    PAUSE = 50000, /* microseconds */
};

typedef struct place {
    struct sockaddr_storage address;
    socklen_t length;
} place;

static bool resolve(const settings *s, place *where, problems *found)
{
    char port[16];
    snprintf(port, sizeof port, "%d", (int)s->port);
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
    };
    struct addrinfo *result = NULL;
    if (getaddrinfo(s->address, port, &hints, &result) != 0) {
        problems_add(found, NULL, 0, "[server] address: expected an IP address like 127.0.0.1 or ::1, found '%s'",
                     s->address);
        return false;
    }
    memcpy(&where->address, result->ai_addr, result->ai_addrlen);
    where->length = result->ai_addrlen;
    freeaddrinfo(result);
    return true;
}

static int bind_to(const place *where)
{
    int fd = socket(where->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int yes = 1;
    int no = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        (where->address.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) != 0) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0 ||
        bind(fd, (const struct sockaddr *)&where->address, where->length) != 0 || listen(fd, BACKLOG) != 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static void explain(const settings *s, problems *found)
{
    int port = (int)s->port;
    switch (errno) {
    case EADDRINUSE:
        problems_add(found, NULL, 0, "port %d on %s is taken: stop what listens there, or set [server] port", port,
                     s->address);
        break;
    case EACCES:
        problems_add(found, NULL, 0,
                     "port %d on %s may not be used by this user: set [server] port above 1023, or "
                     "start as root with [server] user",
                     port, s->address);
        break;
    case EADDRNOTAVAIL:
        problems_add(found, NULL, 0, "%s is no address of this machine: set [server] address", s->address);
        break;
    default:
        problems_add(found, NULL, 0, "cannot listen on port %d of %s: %s", port, s->address, strerror(errno));
    }
}

/* The workers of a master that was killed leave within moments. */
static int bind_patiently(const place *where)
{
    for (int attempt = 0;; attempt++) {
        int fd = bind_to(where);
        if (fd >= 0 || errno != EADDRINUSE || attempt == ATTEMPTS)
            return fd;
        usleep(PAUSE);
    }
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;
}

/*
 * With the port that the kernel has given for port 0. A loopback address is written as localhost: to a browser it would
 * be another site than a front end on localhost, and cookies would not travel between the two.
 */
static bool write_url(listener *l)
{
    place where = {.length = sizeof where.address};
    char host[64];
    char port[16];
    if (getsockname(l->fd, (struct sockaddr *)&where.address, &where.length) != 0 ||
        getnameinfo((const struct sockaddr *)&where.address, where.length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return false;
    bool v6 = where.address.ss_family == AF_INET6 && !is_loopback(host);
    snprintf(l->url, sizeof l->url, "http://%s%s%s:%s", v6 ? "[" : "", is_loopback(host) ? "localhost" : host,
             v6 ? "]" : "", port);
    return true;
}

bool listener_open(listener *l, const settings *s, problems *found)
{
    place where = {0};
    *l = (listener){.fd = -1};
    if (!resolve(s, &where, found))
        return false;
    l->fd = bind_patiently(&where);
    if (l->fd >= 0 && write_url(l))
        return true;
    explain(s, found);
    listener_close(l);
    return false;
}

void listener_close(listener *l)
{
    if (l->fd >= 0)
        close(l->fd);
    *l = (listener){.fd = -1};
}
