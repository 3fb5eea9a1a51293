/*
 * What the loaded plugins offer: routes, commands, the auth service; and their start and stop.
 */
#include "core/plugin/modules.h"

#include <string.h>

#include "core/log/log.h"
#include "core/process/scoreboard.h"
#include "core/request/request.h"
#include "core/worker.h"

/* Adds the routes of one plugin; returns how many were left out because nobody tells who asks. */
static size_t add_routes(const module_list *list, tl_module *m, router *r, problems *found)
{
    size_t left_out = 0;
    for (const tl_route *from = m->plugin->routes; from && from->path; from++) {
        if (from->auth == TL_AUTH_REQUIRED && !list->auth) {
            left_out++;
            continue;
        }
        route to = {
            .method = from->method,
            .path = from->path,
            .handler = from->handler,
            .auth = from->auth,
            .max_body = from->max_body,
            .secret = from->secret,
            .module = m,
        };
        router_add(r, &to, found);
    }
    return left_out;
}

router *module_list_router(const module_list *list, problems *found)
{
    router *r = router_new();
    for (tl_module *m = list->first; m; m = m->next) {
        size_t left_out = m->plugin ? add_routes(list, m, r, found) : 0;
        if (left_out > 0 && module_speaks(list->worker))
            log_info(list->worker, NULL,
                     "plugin %s: %zu route%s that only known users may call %s left out: no plugin "
                     "provides %s",
                     m->name, left_out, left_out == 1 ? "" : "s", left_out == 1 ? "is" : "are", TL_AUTH_V1);
    }
    return r;
}

int module_list_start(module_list *list, tl_request *req, problems *found)
{
    for (tl_module *m = list->first; m; m = m->next)
        if (m->faulty)
            return TL_ERROR;
    for (tl_module *m = list->first; m; m = m->next) {
        int result = TL_OK;
        if (m->plugin->start) {
            req->module = m;
            board_phase(list->worker->board, "start", m->name, m->plugin->version);
            result = m->plugin->start(req);
            board_phase(list->worker->board, NULL, NULL, NULL);
            req->module = NULL;
        }
        if (result != TL_OK) {
            module_problem(m, found, "start: %s", m->refusal ? m->refusal : "it failed and has not said why");
            return TL_ERROR;
        }
        m->started = true;
    }
    return TL_OK;
}

static void stop_from(module_list *list, tl_module *m)
{
    if (!m)
        return;
    stop_from(list, m->next);
    if (!m->started)
        return;
    m->started = false;
    if (!m->plugin->stop)
        return;
    board_phase(list->worker->board, "stop", m->name, m->plugin->version);
    m->plugin->stop();
    board_phase(list->worker->board, NULL, NULL, NULL);
}

void module_list_stop(module_list *list)
{
    if (list)
        stop_from(list, list->first);
}

const tl_module *module_first(const module_list *list)
{
    return list ? list->first : NULL;
}

const tl_auth_v1 *module_auth(const module_list *list, tl_module **provider)
{
    if (!list || !list->auth)
        return NULL;
    if (provider)
        *provider = list->auth_provider;
    return list->auth;
}

const tl_command *module_command(const module_list *list, const char *name, tl_module **owner)
{
    for (tl_module *m = list ? list->first : NULL; m; m = m->next) {
        for (const tl_command *c = m->plugin ? m->plugin->commands : NULL; c && c->name; c++) {
            if (strcmp(c->name, name) == 0) {
                if (owner)
                    *owner = m;
                return c;
            }
        }
    }
    return NULL;
}
