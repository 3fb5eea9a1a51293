/* talelio config: the plugins are loaded, because they know their sections. */
#include <stdio.h>

#include "core/cli/command.h"

int command_config(const invocation *in)
{
    if (!cli_takes_nothing(in, cli_find("config")))
        return CLI_USAGE;
    host h;
    if (host_read(&h, in))
        host_load(&h, true);
    if (h.config)
        config_print(h.config, stdout);
    return host_close(&h, CLI_OK);
}
