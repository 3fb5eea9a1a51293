/* Returns something that is no descriptor. */
#include <talelio/talelio.h>

TL_EXPORT tl_plugin_entry talelio_plugin;

const tl_plugin *talelio_plugin(const tl_host *host, tl_module *self)
{
    (void)host;
    (void)self;
    static const tl_plugin plugin = {.magic = 0x12345678};
    return &plugin;
}
