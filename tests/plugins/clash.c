/* Claims a route and a command of the plugin "good", and a command of talelio's own. */
#include <talelio/talelio.h>

static int handler(tl_request *req)
{
    return tl_fail(req, 404, "never");
}

static int run(tl_request *req, int argc, char **argv)
{
    (void)req;
    (void)argc;
    (void)argv;
    return 0;
}

static const tl_route routes[] = {{TL_GET, "/good/:name", handler}, {TL_GET, "/good/hello", handler}, {0}};
static const tl_command commands[] = {{"greet", "", "", run}, {"serve", "", "", run}, {0}};

TL_PLUGIN(.name = "clash", .version = "1", .routes = routes, .commands = commands);
