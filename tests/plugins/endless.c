/* Routes without the zeroed entry at their end: as far as anybody can tell, they never end. */
#include <talelio/talelio.h>

static tl_route routes[20000];

static int handler(tl_request *req)
{
    (void)req;
    return TL_ERROR;
}

TL_EXPORT tl_plugin_entry talelio_plugin;

const tl_plugin *talelio_plugin(const tl_host *host, tl_module *self)
{
    (void)host;
    (void)self;
    static const tl_plugin plugin = {
        .magic = TL_PLUGIN_MAGIC,
        .abi_major = TL_ABI_MAJOR,
        .abi_minor = TL_ABI_MINOR,
        .struct_size = sizeof(tl_plugin),
        .route_size = sizeof(tl_route),
        .option_size = sizeof(tl_option),
        .command_size = sizeof(tl_command),
        .job_size = sizeof(tl_job),
        .metric_size = sizeof(tl_metric),
        .name = "endless",
        .version = "1",
        .routes = routes,
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        routes[i] = (tl_route){TL_GET, "/endless", handler};
    return &plugin;
}
