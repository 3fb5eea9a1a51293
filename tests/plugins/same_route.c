/* Claims a route of the plugin "health". */
#include <talelio/talelio.h>

static int handler(tl_request *req)
{
    return tl_fail(req, 404, "never");
}

static const tl_route routes[] = {{TL_GET, "/v1/health", handler}, {0}};

TL_PLUGIN(.name = "same_route", .version = "1", .routes = routes);
