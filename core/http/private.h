/*
 * Private to core/http: the server, its connections, and the one request that each of them is at. Who does what is in
 * README.md.
 */
#ifndef CORE_HTTP_PRIVATE_H
#define CORE_HTTP_PRIVATE_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/queue.h>

#include "core/http/buffer.h"
#include "core/http/chunks.h"
#include "core/http/framing.h"
#include "core/http/http.h"
#include "core/http/path.h"
#include "core/http/router.h"
#include "core/request/request.h"
#include "core/worker.h"

enum {
    SWEEP_MS = 250,         /* how often timeouts and lost clients are looked for */
    LINGER_MS = 2000,       /* how long a client may take to read the last answer */
    LINGER_BYTES = 1 << 20, /* how much it may still send meanwhile */
    DRAIN_GRACE_MS = 1000,  /* how long a connection in use may take for its next request while draining, unless told */
    MAX_HELD = 256 << 20,   /* bytes of bodies in a worker, of all authorized requests together */
    MAX_STRANGERS = 32 << 20, /* the same of all others */
    STRANGER_MS = 1000,       /* how long a stranger's body may take when there is no room for others' */
    GIVE_BACK = 8 << 20,      /* bytes of freed bodies that are worth it */
    BODY_ROOM = 4 << 20,      /* address space that a body is given at once, when its length is known */
    KEEP_EXCHANGES = 256,
    KEEP_HEAD = 8192,
    KEEP_BODY = 16384,
    MAX_OWN_HEADERS = 16384, /* bytes a handler may add */
};

typedef enum phase {
    PHASE_FRESH,     /* accepted; nothing has arrived */
    PHASE_IDLE,      /* between two requests */
    PHASE_HEAD,      /* part of a head has arrived */
    PHASE_BODY,      /* the head is fine, the body is to come */
    PHASE_ASKING,    /* the head is fine, and who asks is being found out; nothing is read */
    PHASE_RUNNING,   /* the request is with evhttp or its handler */
    PHASE_STREAMING, /* its handler runs and sends */
    PHASE_WRITING,   /* the answer is on its way */
    PHASE_ENDED,     /* evhttp has let go of it */
    PHASE_LINGER,    /* the same, and we read on so that the client can read our last answer */
} phase;

typedef struct connection connection;

/* One request from its first byte until its answer is out. Reused from request to request. */
typedef struct http_exchange {
    struct http_server *server;   /* NULL: it has gone while the handler was running */
    connection *conn;             /* the same */
    struct evhttp_request *reply; /* evhttp's; NULL until it has seen the request, and when it has gone */
    TAILQ_ENTRY(http_exchange) link;

    frame frame;
    buffer head; /* as it arrived; NULs are written behind the pieces that were asked for */
    chunks chunks;
    buffer body;
    size_t max_body;
    bool known;            /* its sender has been authorized */
    waiter *whole;         /* its handler waits for the body; NULL: it does not */
    frame_refusal refusal; /* of the gate */

    tl_request *req; /* while its handler runs */
    const route *route;
    tl_method method;
    bool is_head;
    bool gone;      /* the client; its handler has been told */
    buffer scratch; /* decoded segments of the path */
    path_segments path;
    char id[40];
    const char **parameters; /* decoded, in the request's arena */
    char remote[INET6_ADDRSTRLEN];

    bool replied;
    bool queued; /* in the list of what is ready to be sent */
    int status;
    buffer own;     /* "\r\nName: value" for every header but those that every response has */
    buffer early;   /* the body of an answer that was given before the request was complete */
    size_t length;  /* of the body */
    int64_t began;  /* nanoseconds */
    bool streaming; /* the head is out */
    bool broken;    /* must not pass for a whole answer */
    size_t sent;    /* of the stream's bytes */
    waiter *room;   /* the handler waits for the client; NULL: it does not */
} http_exchange;

struct connection {
    struct http_server *server;
    struct bufferevent *bev; /* we hold a reference, so the descriptor outlives evhttp's connection */
    struct evbuffer *input;
    struct evbuffer *aside; /* what had arrived of a body when its sender was still unknown; NULL: nothing */
    struct evbuffer_cb_entry *gate;
    struct evbuffer_cb_entry *taken; /* of a stream, NULL without */
    struct evhttp_connection *evcon; /* known from its first request on */
    int fd;                          /* known from its first byte on */
    phase phase;
    int64_t since; /* of the phase, or of the request's first byte */
    int64_t moved; /* when the last bytes of an answer went out */
    size_t unsent;
    size_t lingered;
    uint64_t requests;
    bool inside;  /* the gate is changing the buffer itself */
    bool closing; /* the answer under way says so */
    http_exchange *exchange;
    TAILQ_ENTRY(connection) link;
    TAILQ_ENTRY(connection) ended;
};

TAILQ_HEAD(connection_list, connection);
TAILQ_HEAD(exchange_list, http_exchange);

struct http_server {
    worker *worker;
    const settings *settings;
    router *router;
    struct evhttp *evhttp;
    struct event *turn; /* active when something is to be done before the loop waits again */
    bool awake;         /* it is active */
    struct event *sweep;
    struct connection_list connections;
    struct connection_list ended;
    struct exchange_list answered; /* ready to be sent */
    struct exchange_list live;     /* all others */
    struct exchange_list spare;
    size_t spare_count;
    size_t held[2]; /* bytes of all bodies: of strangers, and of authorized clients */
    size_t max_held[2];
    int64_t made_room; /* when slow bodies of strangers were refused last */
    size_t freed;      /* bytes of bodies since memory was last given back to the system */
    size_t count;
    connection **by_fd;
    size_t by_fd_size;
    struct event *nudge; /* from other workers; NULL: there are none */
    bool listens;        /* it has been told to */
    bool accept_failed;  /* until the next sweep */
    int64_t accept_told; /* when the log was told */
    bool draining;
    int64_t drain_grace;
    uint64_t answered_total;
    void (*drained)(void *arg);
    void *drained_arg;
    char id_prefix[17];
    uint64_t id_counter;
    time_t date_of;
    char date[32];
    struct in6_addr *proxies;
    size_t proxy_count;
    bool trust_unix;
    struct pollfd *polls; /* of connections whose handlers run */
    connection **polled;
    size_t poll_size;
};

/* connections.c */
/* evhttp asks for a bufferevent for a connection that it has accepted. */
struct bufferevent *connection_accept(struct event_base *base, void *server);
void connection_learn_fd(connection *c);
/* The connection that a request of evhttp's came on; NULL for one that no gate has let through. */
connection *connection_of(struct http_server *h, struct evhttp_request *reply);
void connection_enter(connection *c, phase next);
/* evhttp has let go: the rest happens before the loop waits again. */
void connection_end(connection *c);
void connections_clean(struct http_server *h);
void connection_release(connection *c);

/* listener.c */
/* Accepts from now on, or does not, as is right for what has changed; and tells the scoreboard. */
void listener_decide(struct http_server *h);

/* balance.c */
bool balance_with(struct http_server *h, int nudge);
/* Whether others are to take the next connections. */
bool balance_is_ahead(const struct http_server *h);
/* This worker takes none for now: those that left them to it look again. */
void balance_nudge(const struct http_server *h);

/* sweep.c */
void sweep(evutil_socket_t fd, short what, void *server);
/* Ends a connection that evhttp waits on. */
void connection_kick(connection *c);

/* gate.c */
void gate_callback(struct evbuffer *input, const struct evbuffer_cb_info *info, void *conn);
/* Looks at what has arrived while the request before was answered. */
void gate_next(connection *c);
/* What has arrived is answered with an error. */
void gate_refuse(connection *c, int status, const char *message);
/* The same while nothing arrives. */
void gate_interrupt(connection *c, int status, const char *message);
/* After PHASE_ASKING: the body may come, or the answer is there without it. */
void gate_go_on(connection *c);
void gate_answer(connection *c);

/* exchange.c: an exchange's life, and what its head says */
http_exchange *exchange_new(connection *c);
void exchange_free(http_exchange *x); /* keeps its memory for the next one */
void exchange_destroy(http_exchange *x);
/* evhttp calls it for every stand-in. */
void exchange_start(struct evhttp_request *reply, void *server);
/* Its method and its id, once the head is there. */
void exchange_identify(http_exchange *x);
void exchange_drop_body(http_exchange *x);
/* The NUL-ended text of a piece of the head. */
const char *exchange_text(http_exchange *x, frame_span span);
/* The value of a header that may come only once; NULL when there is none, or more. */
const char *exchange_header(http_exchange *x, const char *name);

/* dispatch.c: the way to the handler */
typedef enum body_verdict {
    BODY_WANTED,
    BODY_UNWANTED,  /* the answer does without it */
    BODY_UNDECIDED, /* its sender is being asked for: gate_go_on or gate_answer follows */
    BODY_TOO_LARGE,
} body_verdict;
/* Between head and body. Authorization takes place here, before anything of the body is kept. */
body_verdict exchange_judge_head(http_exchange *x);
/* The request is complete: answers, or starts a handler, or lets the one go on that waits for the body. */
void exchange_dispatch(http_exchange *x);

/* reply.c: from a handler's reply to bytes */
/* Keeps the reply; false when there was one already. `content_type` NULL: no body. */
bool reply_keep(http_exchange *x, int status, const char *content_type, const void *bytes, size_t length);
void reply_header(http_exchange *x, const char *name, const char *value);
void reply_error(http_exchange *x, int status, const char *message);
/* Nothing will be added any more: the response is sent before the loop waits again. */
void reply_finish(http_exchange *x);
void replies_send(struct http_server *h);
/* Hands evhttp all headers of the answer. */
void reply_head(http_exchange *x);
/* The line of the access log. */
void reply_log(http_exchange *x);

/* stream.c */
bool stream_is_whole(const http_exchange *x);
/* The handler has returned. */
void stream_ended(tl_request *req, const http_exchange *x);
/* Nothing will be added to a whole stream. True when all of it is out, and the exchange has ended. */
bool stream_finish(http_exchange *x);
/* Resets a connection in the middle of its stream. */
void stream_break(connection *c);
/* The connection of a stream has ended. */
void stream_lost(http_exchange *x);
void stream_unwatch(connection *c);

/* cors.c */
void cors_headers(http_exchange *x, buffer *to);
void cors_preflight(http_exchange *x, const char *allow);

/* errors.c */
/* The standard reason phrase. */
const char *http_reason(int status);
void error_body(buffer *to, int status, const char *message);

/* remote.c */
bool remote_trust(struct http_server *h);
const char *remote_address(http_exchange *x);

/* server.c */
void server_wake(struct http_server *h);
const char *server_date(struct http_server *h);

#endif
