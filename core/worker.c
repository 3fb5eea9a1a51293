/*
 * The process' worker, its event base and its clock. What fills the worker is core/process.
 */
#include "core/worker.h"

#include <time.h>

worker *the_worker;

struct event_base *loop_new(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    struct event_base *base = NULL;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

int64_t loop_now(const worker *w)
{
    (void)w;
    /* The coarse clock is a read from memory; it moves with the kernel's tick, a few milliseconds at a time. */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
