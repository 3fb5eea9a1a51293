/* A descriptor cut in the middle. */
#include <talelio/talelio.h>

TL_EXPORT tl_plugin_entry talelio_plugin;

const tl_plugin *talelio_plugin(const tl_host *host, tl_module *self)
{
    (void)host;
    (void)self;
    static tl_plugin plugin = {
        .magic = TL_PLUGIN_MAGIC,
        .abi_major = TL_ABI_MAJOR,
        .abi_minor = TL_ABI_MINOR,
        .struct_size = sizeof(tl_plugin),
        .route_size = sizeof(tl_route),
        .option_size = sizeof(tl_option),
        .command_size = sizeof(tl_command),
        .job_size = sizeof(tl_job),
        .metric_size = sizeof(tl_metric),
        .name = "short_struct",
        .version = "1",
    };
    plugin.struct_size = 24;
    return &plugin;
}
