/*
 * metrics: GET /metrics, what this server counts and measures, for Prometheus. The text is the host's; this plugin only
 * decides who may read it.
 */
#include <sodium.h>
#include <talelio/talelio.h>

static const char *token;

/* Takes as long wherever the two differ, so that nobody finds a token by trying letter after letter. */
static bool may_read(tl_request *req)
{
    static const char scheme[] = "Bearer ";
    const char *sent = tl_header(req, "Authorization");

    if (!*token)
        return true;
    if (!sent || strncmp(sent, scheme, sizeof scheme - 1) != 0)
        return false;
    sent += sizeof scheme - 1;
    return strlen(sent) == strlen(token) && sodium_memcmp(sent, token, strlen(token)) == 0;
}

static int show_metrics(tl_request *req)
{
    if (!may_read(req))
        return tl_fail(req, 403, "The metrics need their token");

    size_t length;
    const char *text = tl_metrics_text(req, &length);
    tl_set_header(req, "Cache-Control", "no-store");
    return tl_reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", text, length);
}

static const tl_option options[] = {
    {"token", TL_OPTION_SECRET, &token, "",
     .help = "who reads must send it as Authorization: Bearer; empty: anyone may read"},
    {0},
};

static const tl_route routes[] = {
    {TL_GET, "/metrics", show_metrics},
    {0},
};

TL_PLUGIN(.name = "metrics", .version = "1.0.0", .summary = "What this server counts and measures, for Prometheus",
          .options = options, .routes = routes);
