/*
 * health: whether this process serves, and whether it has what it needs. The smallest plugin; a good one to copy.
 *
 * GET /v1/health touches nothing, so it answers even when every server behind this one is gone: for a supervisor that
 * restarts what hangs. GET /v1/health/ready asks the dependencies: for a load balancer that sends visitors elsewhere.
 */
#include <talelio/talelio.h>

static const tl_backup_v1 *backup;

static int show_health(tl_request *req)
{
    static const char thumbs_up[] = "👍";

    return tl_reply(req, 200, "text/plain; charset=utf-8", thumbs_up, sizeof thumbs_up - 1);
}

static tl_json *result_json(tl_request *req, const char *status, int64_t start)
{
    int64_t took = tl_now() - start;
    tl_json *answer = tl_json_object(req);

    tl_json_set_string(answer, "status", status);
    /* tl_now is the clock on the wall, which may be set back. */
    tl_json_set_double(answer, "milliseconds", took > 0 ? (double)took / 1000 : 0);
    return answer;
}

/* One dependency as {"status", "milliseconds"}; what tl_dependency_check said goes to `result`. */
static tl_json *ask(tl_request *req, size_t index, int *result)
{
    int64_t start = tl_now();

    *result = tl_dependency_check(req, index);
    return result_json(req, *result == TL_OK ? "up" : "down", start);
}

static tl_json *ask_backup(tl_request *req, int *result)
{
    int64_t start = tl_now();

    *result = backup->condition(req);
    return result_json(req, *result == TL_OK ? "up" : "degraded", start);
}

static int show_ready(tl_request *req)
{
    bool ready = true;
    tl_json *answer = tl_json_object(req);
    tl_json_set_string(answer, "status", "up");

    for (size_t i = 0; i < tl_dependency_count(); i++) {
        int result;
        tl_json_set(answer, tl_dependency_name(i), ask(req, i, &result));
        if (result == TL_CANCELLED)
            return tl_fail_service(req, tl_dependency_name(i), result);
        ready = ready && result == TL_OK;
    }
    if (backup) {
        int result;
        tl_json_set(answer, "backup", ask_backup(req, &result));
        if (result == TL_CANCELLED)
            return tl_fail_service(req, "backup", result);
        /* It serves as well as ever: no reason to send visitors elsewhere. */
        if (result != TL_OK)
            tl_json_set_string(answer, "status", "degraded");
    }
    if (!ready)
        tl_json_set_string(answer, "status", "down");
    tl_set_header(req, "Cache-Control", "no-store");
    return tl_reply_json(req, ready ? 200 : 503, answer);
}

static const tl_route routes[] = {
    {TL_GET, "/v1/health", show_health},
    {TL_GET, "/v1/health/ready", show_ready},
    {0},
};

static const tl_need needs[] = {
    {TL_BACKUP_V1, (const void **)&backup, .optional = true},
    {0},
};

TL_PLUGIN(.name = "health", .version = "1.0.0", .summary = "Whether this server serves, and has what it needs",
          .routes = routes, .needs = needs);
