/* A plugin with everything: what it was given can be asked through its service, "good.v1". */
#include "tests/plugins/good.h"

static good_state state;

static int hello(tl_request *req)
{
    return tl_reply(req, 200, "text/plain", state.greeting, strlen(state.greeting));
}

static int secret(tl_request *req)
{
    return tl_fail(req, 500, "nobody gets here without auth.v1");
}

static int greet(tl_request *req, int argc, char **argv)
{
    tl_log(req, TL_INFO, "greets");
    printf("%s, %s\n", state.greeting, argc > 1 ? argv[1] : "nobody");
    return argc > 1 ? 0 : 7;
}

static int init(void)
{
    state.inits++;
    state.limit_at_init = state.limit;
    return TL_OK;
}

static int start(tl_request *req)
{
    state.starts++;
    return tl_sleep(req, 1);
}

static void stop(void)
{
    state.stops++;
}

static good_state *get(void)
{
    return &state;
}

static const good_v1 service = {.struct_size = sizeof service, .state = get};

static const tl_route routes[] = {
    {TL_GET, "/good/hello", hello},
    {TL_POST, "/good/secret", secret, .auth = TL_AUTH_REQUIRED},
    {0},
};

static const tl_option options[] = {
    {"greeting", TL_OPTION_STRING, &state.greeting, "hello", .help = "what it says"},
    {"limit", TL_OPTION_INT, &state.limit, "5", .min = 1, .max = 9, .help = "how often"},
    {0},
};

static const tl_service provides[] = {{"good.v1", &service}, {0}};
static const tl_need needs[] = {{"extra.v1", &state.extra, .optional = true}, {0}};
static const tl_command commands[] = {{"greet", "NAME", "Greets somebody", greet}, {0}};

TL_PLUGIN(.name = "good", .version = "1.2.3", .summary = "Everything a plugin can have", .routes = routes,
          .options = options, .provides = provides, .needs = needs, .commands = commands, .init = init, .start = start,
          .stop = stop);
