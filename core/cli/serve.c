/* talelio serve */
#include "core/cli/command.h"
#include "core/process/master.h"

int command_serve(const invocation *in)
{
    if (!cli_takes_nothing(in, cli_find("serve")))
        return CLI_USAGE;
    host h;
    /* The master reads it itself, as it does again for a reload. */
    if (!in->ini) {
        host_read(&h, in);
        return host_close(&h, CLI_FAILED);
    }
    return master_run(in->ini, in->env, NULL);
}
