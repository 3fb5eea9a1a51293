/* Every table has an entry that cannot work. */
#include <talelio/talelio.h>

static int handler(tl_request *req)
{
    return tl_fail(req, 404, "never");
}

static const tl_route routes[] = {
    {TL_GET, "/fine", handler},
    {TL_GET, "/no-handler"},
    {TL_GET, "no-slash", handler},
    {99, "/method", handler},
    {TL_GET, "/auth", handler, .auth = 9},
    {0},
};

static const char *value;
static const tl_option options[] = {
    {"target", TL_OPTION_STRING, NULL, ""},    {"Capital", TL_OPTION_STRING, &value, ""}, {"type", 77, &value, ""},
    {"enabled", TL_OPTION_STRING, &value, ""}, {"choice", TL_OPTION_CHOICE, &value, ""},  {0},
};

static const tl_service provides[] = {{"nothing.v1", NULL}, {0}};
static const tl_need needs[] = {{"anything.v1", NULL}, {0}};
static const tl_command commands[] = {{"run-nothing", "", "", NULL}, {0}};

static const tl_job jobs[] = {{"Nightly", NULL, NULL, NULL}, {0}};
static const tl_metric metrics[] = {{"seen", 9}, {"with-dash", TL_COUNTER}, {0}};

TL_PLUGIN(.name = "bad_tables", .version = "", .routes = routes, .options = options, .provides = provides,
          .needs = needs, .commands = commands, .jobs = jobs, .metrics = metrics);
