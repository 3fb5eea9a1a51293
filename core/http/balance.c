/*
 * Who takes the next connection. All workers of a generation accept from one socket, and the kernel alone would give
 * nearly everything to one of them. So each tells in the scoreboard how many connections it has, and one that is
 * clearly ahead of the one with the fewest stops accepting until the others have caught up.
 *
 * Of the workers that can accept, the one with the fewest connections is never ahead; so somebody always accepts. Who
 * stops nudges those that have stopped before, because they may be the ones with fewer now. Should one have died or
 * hang, it counts no more after two seconds, and the sweep looks again.
 */
#include <sys/eventfd.h>

#include "core/http/private.h"
#include "core/process/scoreboard.h"

enum {
    HEAD_START = 4,      /* connections; and a quarter of the other's */
    ALIVE_FOR_MS = 2000, /* after its last beat */
};

static bool counts(const struct http_server *h, const scoreboard_slot *other)
{
    return other != h->worker->board && other->accepting != ACCEPTING_NOT &&
           loop_now(h->worker) - other->beat < ALIVE_FOR_MS;
}

bool balance_is_ahead(const struct http_server *h)
{
    const worker *w = h->worker;
    for (size_t i = 0; h->nudge && i < w->board_count; i++) {
        uint32_t others = w->boards[i].connections;
        if (h->count > others + others / 4 + HEAD_START && counts(h, &w->boards[i]))
            return true;
    }
    return false;
}

void balance_nudge(const struct http_server *h)
{
    const worker *w = h->worker;
    for (size_t i = 0; h->nudge && i < w->board_count; i++)
        if (w->boards[i].accepting == ACCEPTING_LATER && counts(h, &w->boards[i])) {
            eventfd_write(event_get_fd(h->nudge), 1);
            return;
        }
}

static void on_nudge(evutil_socket_t fd, short what, void *server)
{
    (void)fd;
    (void)what;
    listener_decide(server);
}

/* Edge-triggered: every write wakes every worker once, and nobody reads. */
bool balance_with(struct http_server *h, int nudge)
{
    h->nudge = event_new(h->worker->base, nudge, EV_READ | EV_PERSIST | EV_ET, on_nudge, h);
    return h->nudge && event_add(h->nudge, NULL) == 0;
}
