/*
 * The configuration and the worker that commands stand on.
 */
#include <stdio.h>

#include "core/cli/command.h"
#include "core/process/crash.h"
#include "core/process/privileges.h"

void host_complain_of_none(problems *found)
{
    problems_add(found, NULL, 0,
                 "there is no configuration: neither config/talelio.ini nor "
                 "/etc/talelio/talelio.ini is there; name one with --config FILE");
}

bool host_read(host *h, const invocation *in)
{
    *h = (host){.found = problems_new()};
    if (!in->ini) {
        host_complain_of_none(h->found);
        return false;
    }
    h->config = config_load(in->ini, in->env, h->found);
    if (h->config)
        config_bind_core(h->config, &h->settings, h->found);
    h->log_file = h->settings.log_file;
    h->settings.log_file = "";
    h->settings.log_format = "text";
    h->settings.log_level = "warning";
    return problems_count(h->found) == 0;
}

bool host_load(host *h, bool serverless)
{
    process_limits(&h->settings);
    runtime_plan plan = {.role = ROLE_COMMAND, .name = "command", .serverless = serverless};
    runtime_open(&h->runtime, h->config, &h->settings, &plan, h->found);
    h->open = true;
    return problems_count(h->found) == 0;
}

int host_close(host *h, int code)
{
    problems_print(h->found, stderr);
    if (problems_count(h->found) > 0)
        code = CLI_FAILED;
    if (h->open && runtime_settle(&h->runtime, 1000))
        runtime_close(&h->runtime);
    if (h->config)
        config_free(h->config);
    problems_free(h->found);
    return code;
}
