/*
 * Binding the listening sockets.
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

static int bind_one(const place *where, bool shared)
{
    int fd = socket(where->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int yes = 1;
    int no = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) != 0) ||
        (where->address.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) != 0) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0 ||
        bind(fd, (const struct sockaddr *)&where->address, where->length) != 0) {
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

/* After the first bind to port 0 the others follow to the port it got. */
static bool learn_port(int fd, place *where)
{
    where->length = sizeof where->address;
    return getsockname(fd, (struct sockaddr *)&where->address, &where->length) == 0;
}

static void write_url(listeners *l, const place *where)
{
    char host[64] = "";
    char port[16] = "";
    getnameinfo((const struct sockaddr *)&where->address, where->length, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    bool v6 = where->address.ss_family == AF_INET6;
    snprintf(l->url, sizeof l->url, "http://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

/* SO_REUSEPORT lets two servers of one user share a port by mistake: a socket without it finds out. */
static bool is_free(const place *where)
{
    int fd = bind_one(where, false);
    if (fd < 0)
        return false;
    bool yes = listen(fd, 1) == 0;
    int reason = errno;
    close(fd);
    errno = reason;
    return yes;
}

/* The workers of a master that was killed leave within moments. */
static bool becomes_free(const place *where)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (is_free(where))
            return true;
        if (errno != EADDRINUSE)
            return false;
        usleep(PAUSE);
    }
    errno = EADDRINUSE;
    return false;
}

bool listeners_open(listeners *l, const settings *s, size_t count, problems *found)
{
    *l = (listeners){0};
    place where = {0};
    if (!resolve(s, &where, found))
        return false;
    l->fds = calloc(count, sizeof *l->fds);
    if (!l->fds || (s->port != 0 && !becomes_free(&where)))
        goto failed;
    for (; l->count < count; l->count++) {
        int fd = bind_one(&where, true);
        if (fd < 0)
            goto failed;
        l->fds[l->count] = fd;
        if (!learn_port(fd, &where))
            goto failed;
    }
    for (size_t i = 0; i < count; i++)
        if (listen(l->fds[i], BACKLOG) != 0)
            goto failed;
    write_url(l, &where);
    return true;

failed:
    explain(s, found);
    listeners_close(l);
    return false;
}

void listeners_close(listeners *l)
{
    for (size_t i = 0; l->fds && i < l->count; i++)
        close(l->fds[i]);
    free(l->fds);
    *l = (listeners){0};
}
