/*
 * Sleeping: a timer of the loop on the sleeping fiber's stack.
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include "core/request/request.h"
#include "core/worker.h"

static void end_sleep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    wait_finish(arg);
}

static void cancel_sleep(waiter *w)
{
    event_del(w->owner);
}

int request_sleep(tl_request *req, int64_t milliseconds)
{
    if (req->cancelled || req->ended)
        return TL_CANCELLED;
    if (milliseconds < 0)
        milliseconds = 0;
    struct event timer;
    waiter w;
    wait_init(&w, req, cancel_sleep, &timer);
    struct timeval pause = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    /* The loop's idea of now is as old as this turn; work done in it must not shorten the sleep. */
    event_base_update_cache_time(req->worker->base);
    event_assign(&timer, req->worker->base, -1, 0, end_sleep, &w);
    if (event_add(&timer, &pause) != 0)
        return TL_ERROR;
    return request_wait(req, &w);
}
