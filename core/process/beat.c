/*
 * The worker's side of status, watchdog and reload results.
 */
#include "core/process/beat.h"

#include <stdio.h>
#include <time.h>

#include "core/http/http.h"
#include "core/metrics/metrics.h"
#include "core/plugin/plugin.h"
#include "core/process/generation.h"
#include "core/process/ipc.h"
#include "core/process/scoreboard.h"

static void beat(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    worker *w = arg;
    w->board->beat = process_now();
    if (w->http)
        w->board->requests = http_request_count(w->http);
    metrics_sample(w);
}

struct event *beat_start(worker *w)
{
    static const struct timeval pause = {.tv_usec = 500000};
    struct event *e = event_new(w->base, -1, EV_PERSIST, beat, w);
    if (e && event_add(e, &pause) == 0) {
        beat(-1, 0, w);
        return e;
    }
    if (e)
        event_free(e);
    return NULL;
}

static void tell_route(const route *what, void *arg)
{
    static const char *const methods[] = {"", "GET", "POST", "PUT", "PATCH", "DELETE"};
    const int *control = arg;
    char text[IPC_TEXT_MAX];
    snprintf(text, sizeof text, "%s %s\t%s", methods[what->method], what->path, what->module->name);
    ipc_send_patiently(*control, IPC_ROUTE, text);
}

void tell_contents(const worker *w, const struct router *routes, int control)
{
    for (const tl_module *m = module_first(w->modules); m; m = m->next) {
        char text[IPC_TEXT_MAX];
        if (!m->plugin)
            continue;
        snprintf(text, sizeof text, "%s\t%s", m->name, m->plugin->version);
        ipc_send_patiently(control, IPC_PLUGIN, text);
    }
    router_each(routes, tell_route, &control);
}
