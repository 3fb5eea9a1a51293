/*
 * The master's side of the control socket. Every client is bounded in what it may send, for how long, and in number.
 */
#include "core/process/control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_CLIENTS = 32, LONGEST_WORD = 64, PATIENCE = 5 /* seconds */, BACKLOG = 16 };

typedef enum client_state { CLIENT_ASKS, CLIENT_WAITS_FOR_NEXT, CLIENT_WAITS, CLIENT_ANSWERED } client_state;

typedef struct client {
    struct control *control;
    struct bufferevent *stream;
    client_state state;
    TAILQ_ENTRY(client) link;
} client;

struct control {
    struct event_base *base;
    control_calls calls;
    int fd;
    int folder; /* run_dir, so that its path may be as long as it likes */
    struct event *accept;
    TAILQ_HEAD(client_list, client) clients;
    size_t count;
};

static void client_free(client *k)
{
    TAILQ_REMOVE(&k->control->clients, k, link);
    if (k->control->count-- == MOST_CLIENTS)
        event_add(k->control->accept, NULL);
    bufferevent_free(k->stream);
    free(k);
}

static void answer(client *k, const char *json)
{
    k->state = CLIENT_ANSWERED;
    struct evbuffer *out = bufferevent_get_output(k->stream);
    evbuffer_add(out, json, strlen(json));
    evbuffer_add(out, "\n", 1);
    bufferevent_set_timeouts(k->stream, NULL, &(struct timeval){.tv_sec = PATIENCE});
}

static void on_sent(struct bufferevent *stream, void *arg)
{
    (void)stream;
    client *k = arg;
    if (k->state == CLIENT_ANSWERED)
        client_free(k);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    (void)stream;
    (void)what;
    client_free(arg);
}

static void obey(client *k, const char *word)
{
    const control_calls *calls = &k->control->calls;
    if (strcmp(word, "status") == 0) {
        answer(k, calls->status(calls->arg));
    } else if (strcmp(word, "reload") == 0) {
        k->state = CLIENT_WAITS_FOR_NEXT;
        bufferevent_set_timeouts(k->stream, NULL, NULL);
        calls->reload(calls->arg);
    } else {
        answer(k, "{\"ok\":false,\"problems\":[\"expected reload or status\"]}");
    }
}

static void on_bytes(struct bufferevent *stream, void *arg)
{
    client *k = arg;
    struct evbuffer *in = bufferevent_get_input(stream);
    if (k->state != CLIENT_ASKS || evbuffer_get_length(in) > LONGEST_WORD) {
        client_free(k);
        return;
    }
    char *word = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF);
    if (!word)
        return;
    obey(k, word);
    free(word);
}

/* The file's mode keeps others out; this does where a file system does not know modes. */
static bool may_ask(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == geteuid() || peer.uid == 0);
}

static void on_accept(evutil_socket_t listener, short what, void *arg)
{
    (void)what;
    control *c = arg;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    client *k = may_ask(fd) ? calloc(1, sizeof *k) : NULL;
    if (k)
        k->stream = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!k || !k->stream) {
        free(k);
        close(fd);
        return;
    }
    k->control = c;
    TAILQ_INSERT_TAIL(&c->clients, k, link);
    if (++c->count == MOST_CLIENTS)
        event_del(c->accept);
    bufferevent_setcb(k->stream, on_bytes, on_sent, on_event, k);
    bufferevent_setwatermark(k->stream, EV_READ, 0, LONGEST_WORD + 1);
    bufferevent_set_timeouts(k->stream, &(struct timeval){.tv_sec = PATIENCE}, NULL);
    bufferevent_enable(k->stream, EV_READ | EV_WRITE);
}

void control_reload_begins(control *c)
{
    client *k;
    if (!c)
        return;
    TAILQ_FOREACH(k, &c->clients, link)
    {
        if (k->state == CLIENT_WAITS_FOR_NEXT)
            k->state = CLIENT_WAITS;
    }
}

void control_reload_ends(control *c, const char *json)
{
    client *k;
    if (!c)
        return;
    TAILQ_FOREACH(k, &c->clients, link)
    {
        if (k->state == CLIENT_WAITS)
            answer(k, json);
    }
}

/* Through the folder's descriptor: the path of a socket has at most 107 bytes, that of run_dir may have more. */
static void address_of(int folder, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/control.sock", folder);
}

static bool open_socket(control *c, const settings *s)
{
    struct sockaddr_un address;
    c->folder = open(s->run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->folder < 0 || c->fd < 0)
        return false;
    address_of(c->folder, &address);
    unlinkat(c->folder, "control.sock", 0);
    mode_t before = umask(0177);
    bool bound = bind(c->fd, (const struct sockaddr *)&address, sizeof address) == 0;
    umask(before);
    return bound && listen(c->fd, BACKLOG) == 0;
}

control *control_open(struct event_base *base, const settings *s, const control_calls *calls, problems *found)
{
    control *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    *c = (control){.base = base, .calls = *calls, .fd = -1, .folder = -1};
    TAILQ_INIT(&c->clients);
    if (open_socket(c, s)) {
        c->accept = event_new(base, c->fd, EV_READ | EV_PERSIST, on_accept, c);
        if (c->accept && event_add(c->accept, NULL) == 0)
            return c;
    }
    problems_add(found, NULL, 0, "[server] run_dir: cannot make %s/control.sock: %s", s->run_dir, strerror(errno));
    control_close(c);
    return NULL;
}

void control_close(control *c)
{
    if (!c)
        return;
    static const char last[] = "{\"ok\":false,\"problems\":[\"the server stops\"]}\n";
    client *next;
    for (client *k = TAILQ_FIRST(&c->clients); k; k = next) {
        next = TAILQ_NEXT(k, link);
        if (k->state == CLIENT_WAITS || k->state == CLIENT_WAITS_FOR_NEXT)
            (void)!write(bufferevent_getfd(k->stream), last, sizeof last - 1);
        client_free(k);
    }
    if (c->accept)
        event_free(c->accept);
    if (c->fd >= 0)
        close(c->fd);
    if (c->folder >= 0) {
        unlinkat(c->folder, "control.sock", 0);
        close(c->folder);
    }
    free(c);
}

/* Reads to the end of the stream; free the text. */
static char *read_answer(int fd)
{
    size_t size = 0;
    size_t length = 0;
    char *text = NULL;
    for (;;) {
        if (length + 1 >= size) {
            size = size ? size * 2 : 4096;
            char *more = realloc(text, size);
            if (!more)
                abort();
            text = more;
        }
        ssize_t count = recv(fd, text + length, size - length - 1, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            text[length] = '\0';
            if (count == 0 && length > 0)
                return text;
            free(text);
            return NULL;
        }
        length += (size_t)count;
    }
}

char *control_ask(const settings *s, const char *word, int64_t milliseconds, problems *found)
{
    char *text = NULL;
    char request[LONGEST_WORD];
    struct sockaddr_un address;
    int length = snprintf(request, sizeof request, "%s\n", word);
    int folder = open(s->run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    if (folder < 0 || fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
        goto failed;
    address_of(folder, &address);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        goto failed;
    if (send(fd, request, (size_t)length, MSG_NOSIGNAL) == length)
        text = read_answer(fd);
    if (!text)
        problems_add(found, NULL, 0, "the server has taken the request and not answered: its log may say why");
    goto done;

failed:
    if (errno == ENOENT || errno == ECONNREFUSED)
        problems_add(found, NULL, 0, "no server runs here (%s/control.sock): `talelio serve` starts one", s->run_dir);
    else
        problems_add(found, NULL, 0, "the server cannot be asked (%s/control.sock): %s%s", s->run_dir, strerror(errno),
                     errno == EACCES ? ": it answers its own user and root" : "");

done:
    if (fd >= 0)
        close(fd);
    if (folder >= 0)
        close(folder);
    return text;
}
