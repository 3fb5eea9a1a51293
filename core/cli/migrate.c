/* talelio migrate: runs no code of plugins, only their files. */
#include <stdio.h>

#include "core/cli/command.h"
#include "core/migrate/migrate.h"

int command_migrate(const invocation *in)
{
    if (!cli_takes_nothing(in, cli_find("migrate")))
        return CLI_USAGE;
    host h;
    if (!host_read(&h, in))
        return host_close(&h, CLI_FAILED);
    int code = CLI_FAILED;
    migration_list *list = migration_list_load(h.config, &h.settings, h.found);
    if (problems_count(h.found) == 0)
        code = migrate_run(list, h.settings.postgres_url, stdout);
    migration_list_free(list);
    return host_close(&h, code);
}
