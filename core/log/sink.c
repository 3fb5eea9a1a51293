/*
 * stderr may be a file, a terminal, a pipe or (under systemd) a socket, and its mode is shared with whoever started us:
 * setting O_NONBLOCK on it would reach their shell. So it is opened anew where that is possible.
 */
#include "core/log/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static sink_kind kind_of(int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return SINK_STREAM;
    return S_ISREG(info.st_mode) ? SINK_FILE : S_ISSOCK(info.st_mode) ? SINK_SOCKET : SINK_STREAM;
}

static bool open_stderr(sink *s)
{
    s->kind = kind_of(STDERR_FILENO);
    s->may_block = false;
    s->fd = -1;
    if (s->kind != SINK_SOCKET)
        s->fd = open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (s->fd < 0) {
        s->fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        s->may_block = true;
    }
    return s->fd >= 0;
}

bool sink_open(sink *s, const char *path)
{
    if (!*path)
        return open_stderr(s);
    /* O_NONBLOCK: a named pipe that nobody reads must not hold up the start. */
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
    if (fd < 0)
        return false;
    *s = (sink){.fd = fd, .kind = kind_of(fd)};
    return true;
}

void sink_close(sink *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

/* A pipe takes up to PIPE_BUF bytes in one piece; more could be torn apart by another process' lines. */
static size_t one_piece(const char *bytes, size_t length)
{
    if (length <= PIPE_BUF)
        return length;
    const char *end = memrchr(bytes, '\n', PIPE_BUF);
    return end ? (size_t)(end - bytes) + 1 : PIPE_BUF;
}

ssize_t sink_write(const sink *s, const char *bytes, size_t length)
{
    if (s->kind == SINK_FILE)
        return write(s->fd, bytes, length);
    size_t done = 0;
    while (done < length) {
        size_t piece = one_piece(bytes + done, length - done);
        ssize_t written;
        if (s->kind == SINK_SOCKET) {
            written = send(s->fd, bytes + done, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
        } else if (s->may_block && poll(&(struct pollfd){.fd = s->fd, .events = POLLOUT}, 1, 0) != 1) {
            errno = EAGAIN;
            written = -1;
        } else {
            written = write(s->fd, bytes + done, piece);
        }
        if (written <= 0)
            return done > 0 ? (ssize_t)done : written;
        done += (size_t)written;
    }
    return (ssize_t)done;
}
