/* talelio migrate: runs no code of plugins, only their files. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cli/command.h"
#include "core/migrate/migrate.h"
#include "core/process/control.h"
#include "core/process/pidfile.h"

enum { PATIENCE = 5000 /* milliseconds */ };

/*
 * A server in watch mode waits for nothing else when the old schema was what kept it from loading something. What is
 * migrated stays so, whatever the server says.
 */
static void reload_if_watching(const settings *s)
{
    if (pidfile_owner(s) <= 0)
        return;
    problems *found = problems_new();
    char *answer = control_ask(s, "status", PATIENCE, found);
    json_object *status = answer ? json_tokener_parse(answer) : NULL;
    if (json_object_get_boolean(json_object_object_get(status, "watch")))
        cli_reload(s, false, found);
    problems_print(found, stderr);
    problems_free(found);
    json_object_put(status);
    free(answer);
}

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
    if (code == CLI_OK)
        reload_if_watching(&h.settings);
    return host_close(&h, code);
}
