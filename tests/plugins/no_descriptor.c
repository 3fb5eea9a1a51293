/* An entry that returns nothing. */
#include <talelio/talelio.h>

TL_EXPORT tl_plugin_entry talelio_plugin;

const tl_plugin *talelio_plugin(const tl_host *host, tl_module *self)
{
    (void)host;
    (void)self;
    return NULL;
}
