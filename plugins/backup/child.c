/*
 * Reading, feeding and ending child processes. Pipes are tried without blocking, and between two tries the fiber
 * sleeps: no thread of the pool is held by a child that is slow.
 */
#include "plugins/backup/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEPT_MOST = 16 << 20, KEPT_FIRST = 64 << 10 };

static void close_pipe(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The end of a long text says why a program has ended; the rest is dropped from the front. */
static void keep_error(child *c, const char *bytes, size_t length)
{
    size_t room = sizeof c->errors - 1;

    if (length > room) {
        bytes += length - room;
        length = room;
    }
    if (c->errors_used + length > room) {
        size_t drop = c->errors_used + length - room;
        memmove(c->errors, c->errors + drop, c->errors_used - drop);
        c->errors_used -= drop;
    }
    memcpy(c->errors + c->errors_used, bytes, length);
    c->errors_used += length;
    c->errors[c->errors_used] = '\0';
}

/* What is there now, at most `size` bytes: -1 when nothing is, 0 at the end (then it is closed). */
static ssize_t read_pipe(int *fd, void *bytes, size_t size)
{
    ssize_t count;

    if (*fd < 0)
        return 0;
    do {
        count = read(*fd, bytes, size);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return -1;
    if (count <= 0)
        close_pipe(fd);
    return count > 0 ? count : 0;
}

static bool take_errors(child *c)
{
    char bytes[1024];
    ssize_t count = read_pipe(&c->err, bytes, sizeof bytes);

    if (count > 0)
        keep_error(c, bytes, (size_t)count);
    return count > 0;
}

static bool make_room(child *c)
{
    if (c->kept_size - c->kept_used > 1)
        return true;
    size_t size = c->kept_size == 0 ? KEPT_FIRST : c->kept_size * 2;
    char *larger = size <= KEPT_MOST ? realloc(c->kept, size) : NULL;
    if (!larger)
        return false;
    c->kept = larger;
    c->kept_size = size;
    return true;
}

static bool take_output(child *c)
{
    char surplus[1024];

    if (c->output != CHILD_KEPT || c->out < 0)
        return false;
    bool has_room = make_room(c);
    ssize_t count = has_room ? read_pipe(&c->out, c->kept + c->kept_used, c->kept_size - c->kept_used - 1)
                             : read_pipe(&c->out, surplus, sizeof surplus);
    if (count > 0 && has_room)
        c->kept_used += (size_t)count;
    if (has_room)
        c->kept[c->kept_used] = '\0';
    c->kept_all = c->kept_all && has_room;
    return count > 0;
}

/* Takes what the child says, so that it is never stuck with it; true when there was something. */
static bool listen_to(child *c)
{
    bool said = take_errors(c);

    return take_output(c) || said;
}

int child_read(task *t, child *c, void *bytes, size_t size, size_t *length)
{
    *length = 0;
    for (;;) {
        ssize_t count = read_pipe(&c->out, bytes, size);
        if (count >= 0) {
            c->pause = 0;
            *length = (size_t)count;
            return TL_OK;
        }
        if (!listen_to(c) && task_pause(t, &c->pause) != TL_OK)
            return TL_CANCELLED;
    }
}

int child_feed(task *t, child *c, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0 && c->in >= 0) {
        ssize_t count = write(c->in, at, length);
        if (count > 0) {
            at += count;
            length -= (size_t)count;
            c->pause = 0;
        } else if (count < 0 && errno != EAGAIN && errno != EINTR) {
            close_pipe(&c->in);
        } else if (!listen_to(c) && task_pause(t, &c->pause) != TL_OK) {
            return TL_CANCELLED;
        }
    }
    return TL_OK;
}

static bool is_reaped(child *c)
{
    if (c->pid == 0)
        return true;
    pid_t ended = waitpid(c->pid, &c->status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR))
        return false;
    c->pid = 0;
    return true;
}

static int judge(task *t, const child *c)
{
    const char *said = c->errors_used > 0 ? c->errors : "it has not said why";

    if (WIFEXITED(c->status) && WEXITSTATUS(c->status) == 0)
        return TL_OK;
    if (WIFSIGNALED(c->status))
        return task_fail(t, "%s was ended by signal %d (%s)%s%s", c->name, WTERMSIG(c->status),
                         strsignal(WTERMSIG(c->status)), c->errors_used > 0 ? ": " : "", c->errors);
    return task_fail(t, "%s failed with exit code %d: %s", c->name, WEXITSTATUS(c->status), said);
}

int child_end(task *t, child *c)
{
    char surplus[1024];

    close_pipe(&c->in);
    while (c->out >= 0 || c->err >= 0 || !is_reaped(c)) {
        bool said = listen_to(c);
        if (c->output == CHILD_STREAMED)
            said = read_pipe(&c->out, surplus, sizeof surplus) > 0 || said;
        if (said)
            continue;
        /* A grandchild may hold the pipes open: what counts is the child. */
        if (is_reaped(c) && c->pause >= 8) {
            close_pipe(&c->out);
            close_pipe(&c->err);
            break;
        }
        if (task_pause(t, &c->pause) != TL_OK)
            return TL_CANCELLED;
    }
    return judge(t, c);
}

bool child_has_exited(const child *c)
{
    return c->pid == 0 && WIFEXITED(c->status);
}

void child_kill(child *c)
{
    close_pipe(&c->in);
    close_pipe(&c->out);
    close_pipe(&c->err);
    if (c->pid == 0)
        return;
    kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
        ;
    c->pid = 0;
}
