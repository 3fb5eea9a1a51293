/*
 * The worker's side of isolated work: who may start a process now, input out, output in. A piece of work lives on the
 * stack of the fiber that waits for it; its slot lives on until the keeper says that the process has ended, so that
 * cancelled requests cannot pile up processes.
 */
#include "core/pool/isolation.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log/log.h"
#include "core/plugin/plugin.h"
#include "core/pool/isolation_keeper.h"
#include "core/request/request.h"
#include "core/worker.h"

enum { FIRST_ROOM = 64 * 1024, NO_SLOT = ISOLATION_MOST };

typedef struct piece {
    isolation *owner;
    waiter wait;
    size_t slot; /* NO_SLOT while it is in the queue */
    int fd;
    struct event *readable;
    struct event *writable;
    const char *input;
    size_t left; /* of the input */
    char *output;
    size_t length;
    size_t room;
    bool too_long; /* the output */
    bool at_end;   /* no more output will come */
    bool ended;    /* the process */
    int status;
    TAILQ_ENTRY(piece) link; /* in the queue */
} piece;

typedef struct slot {
    bool taken;
    piece *piece; /* NULL: its request has gone */
} slot;

struct isolation {
    worker *worker;
    size_t processes;
    size_t limit;
    pid_t keeper; /* 0: not started */
    int control;
    struct event *told;
    slot slots[ISOLATION_MOST];
    TAILQ_HEAD(, piece) queue;
    size_t queued;
};

static void finish_when_over(piece *p)
{
    if (p->ended && p->at_end)
        wait_finish(&p->wait);
}

/* The slot goes to the one that has waited longest, or is free. */
static void give_slot(isolation *i, size_t at)
{
    piece *next = TAILQ_FIRST(&i->queue);
    i->slots[at] = (slot){.taken = next != NULL};
    if (!next)
        return;
    TAILQ_REMOVE(&i->queue, next, link);
    i->queued--;
    next->slot = at;
    wait_finish(&next->wait);
}

static void end_work(isolation *i, size_t at, int status)
{
    piece *p = i->slots[at].piece;
    if (p) {
        p->ended = true;
        p->status = status;
        finish_when_over(p);
    }
    give_slot(i, at);
}

/* Closing its control socket ends it, if it still runs, and its children. */
static void drop_keeper(isolation *i)
{
    event_free(i->told);
    i->told = NULL;
    close(i->control);
    kill(i->keeper, SIGKILL);
    waitpid(i->keeper, NULL, 0);
    i->keeper = 0;
}

static void on_told(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    isolation *i = arg;
    isolation_end end;
    ssize_t n;
    while ((n = recv(fd, &end, sizeof end, MSG_DONTWAIT)) == (ssize_t)sizeof end)
        end_work(i, end.slot, (int)end.status);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    log_error(i->worker, NULL, "the process that starts isolated work has died; another one takes its place");
    drop_keeper(i);
    for (size_t at = 0; at < i->processes; at++)
        if (i->slots[at].taken)
            end_work(i, at, ISOLATION_CUT_OFF << 8);
}

isolation *isolation_new(worker *w, size_t processes, size_t queue)
{
    isolation *i = calloc(1, sizeof *i);
    if (!i)
        return NULL;
    i->worker = w;
    i->processes = processes < ISOLATION_MOST ? processes : ISOLATION_MOST;
    i->limit = queue;
    TAILQ_INIT(&i->queue);
    return i;
}

bool isolation_start(isolation *i)
{
    if (i->keeper > 0)
        return true;
    pid_t pid = isolation_keeper_start(&i->control);
    if (pid < 0) {
        log_error(i->worker, NULL, "the process that starts isolated work cannot be started: %s", strerror(errno));
        return false;
    }
    i->keeper = pid;
    i->told = event_new(i->worker->base, i->control, EV_READ | EV_PERSIST, on_told, i);
    if (i->told && event_add(i->told, NULL) == 0)
        return true;
    if (i->told)
        event_free(i->told);
    close(i->control);
    i->keeper = 0;
    return false;
}

void isolation_free(isolation *i)
{
    if (!i)
        return;
    if (i->keeper > 0)
        drop_keeper(i);
    free(i);
}

static bool make_room(piece *p)
{
    if (p->length + 1 < p->room)
        return true;
    size_t most = (size_t)p->owner->worker->settings->request_memory;
    size_t room = p->room ? 2 * p->room : FIRST_ROOM;
    char *larger = room <= most ? realloc(p->output, room) : NULL;
    if (!larger)
        return false;
    p->output = larger;
    p->room = room;
    return true;
}

static void hang_up(piece *p)
{
    if (p->readable)
        event_free(p->readable);
    if (p->writable)
        event_free(p->writable);
    p->readable = p->writable = NULL;
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    piece *p = arg;
    for (;;) {
        if (!make_room(p)) {
            p->too_long = true;
            break;
        }
        ssize_t n = recv(fd, p->output + p->length, p->room - p->length - 1, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0)
            break;
        p->length += (size_t)n;
    }
    hang_up(p);
    p->at_end = true;
    finish_when_over(p);
}

/* True when there is more to send. A process that has died meanwhile shows by the end of its output. */
static bool send_input(piece *p)
{
    ssize_t n = send(p->fd, p->input, p->left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    p->input += n;
    p->left -= (size_t)n;
    return p->left > 0;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    piece *p = arg;
    if (!send_input(p))
        event_del(p->writable);
}

static bool send_order(isolation *i, const isolation_order *order, int fd)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr alignment;
    } control = {0};
    struct iovec part = {(void *)order, sizeof *order};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
    passed->cmsg_level = SOL_SOCKET;
    passed->cmsg_type = SCM_RIGHTS;
    passed->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(passed), &fd, sizeof fd);
    return sendmsg(i->control, &message, MSG_NOSIGNAL) == (ssize_t)sizeof *order;
}

/* Has the process started, which reads the input while it is sent. */
static bool begin(piece *p, const isolation_order *order)
{
    isolation *i = p->owner;
    int ends[2];
    if (!isolation_start(i) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    p->fd = ends[0];
    p->readable = event_new(i->worker->base, p->fd, EV_READ | EV_PERSIST, on_readable, p);
    p->writable = event_new(i->worker->base, p->fd, EV_WRITE | EV_PERSIST, on_writable, p);
    bool begun = p->readable && p->writable && event_add(p->readable, NULL) == 0 && send_order(i, order, ends[1]);
    close(ends[1]);
    if (begun && send_input(p))
        begun = event_add(p->writable, NULL) == 0;
    if (!begun)
        hang_up(p);
    return begun;
}

static void leave_queue(waiter *w)
{
    piece *p = w->owner;
    TAILQ_REMOVE(&p->owner->queue, p, link);
    p->owner->queued--;
}

/* Hanging up kills the process. */
static void leave_work(waiter *w)
{
    piece *p = w->owner;
    slot *s = &p->owner->slots[p->slot];
    if (s->piece == p)
        s->piece = NULL;
    hang_up(p);
}

static int take_slot(piece *p, tl_request *req)
{
    isolation *i = p->owner;
    for (size_t at = 0; at < i->processes; at++) {
        if (i->slots[at].taken)
            continue;
        i->slots[at].taken = true;
        p->slot = at;
        return TL_OK;
    }
    if (i->queued >= i->limit)
        return TL_UNAVAILABLE;
    wait_init(&p->wait, req, leave_queue, p);
    TAILQ_INSERT_TAIL(&i->queue, p, link);
    i->queued++;
    return request_wait(req, &p->wait);
}

/* What has come of a process that has ended. */
static int judge(const piece *p, tl_request *req)
{
    if (p->too_long)
        return TL_EXCEEDED;
    if (WIFEXITED(p->status) && WEXITSTATUS(p->status) == ISOLATION_DONE)
        return TL_OK;
    if (WIFEXITED(p->status) && WEXITSTATUS(p->status) == ISOLATION_CUT_OFF)
        return TL_UNAVAILABLE;
    bool spent =
        WIFSIGNALED(p->status) ? WTERMSIG(p->status) == SIGPROF : WEXITSTATUS(p->status) == ISOLATION_NO_RESULT;
    if (spent)
        return TL_EXCEEDED;
    if (WIFSIGNALED(p->status))
        logger_write(req->worker->log, TL_LOG_ERROR, request_plugin(req), req, "its isolated work was killed by SIG%s",
                     sigabbrev_np(WTERMSIG(p->status)));
    else
        logger_write(req->worker->log, TL_LOG_ERROR, request_plugin(req), req,
                     "its isolated work ended with exit code %d", WEXITSTATUS(p->status));
    return TL_ERROR;
}

static int work(piece *p, tl_request *req, const isolation_order *order)
{
    isolation *i = p->owner;
    if (!begin(p, order)) {
        give_slot(i, p->slot);
        return TL_UNAVAILABLE;
    }
    i->slots[p->slot].piece = p;
    wait_init(&p->wait, req, leave_work, p);
    int result = request_wait(req, &p->wait);
    return result == TL_OK ? judge(p, req) : result;
}

int isolation_run(isolation *i, tl_request *req, tl_isolated_run *run, const void *input, size_t length,
                  int64_t cpu_milliseconds, const void **output, size_t *output_length)
{
    if (req->cancelled || req->ended)
        return TL_CANCELLED;
    piece p = {.owner = i, .slot = NO_SLOT, .fd = -1, .input = input, .left = length};
    int result = take_slot(&p, req);
    if (result != TL_OK)
        return result;
    const isolation_order order = {
        .slot = p.slot,
        .run = run,
        .length = length,
        .cpu_milliseconds = cpu_milliseconds,
        .memory = (size_t)i->worker->settings->request_memory,
    };
    result = work(&p, req, &order);
    if (result != TL_OK) {
        free(p.output);
        return result;
    }
    p.output[p.length] = '\0';
    arena_defer(req->arena, free, p.output);
    *output = p.output;
    *output_length = p.length;
    return TL_OK;
}
