/*
 * Plugins' metrics: names from the descriptor, and counting by name.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/log/log.h"
#include "core/metrics/private.h"
#include "core/plugin/plugin.h"
#include "core/worker.h"

static bool name_of(const tl_module *module, const tl_metric *spec, char *out, problems *found)
{
    int length = snprintf(out, METRIC_NAME_SIZE, "talelio_%s_%s", module->name, spec->name);
    if (length < METRIC_NAME_SIZE)
        return true;
    problems_add(found, module->path, 0, "plugin %s: metrics: expected at most %d characters, found talelio_%s_%s",
                 module->name, METRIC_NAME_SIZE - 1, module->name, spec->name);
    return false;
}

static size_t count_of(const tl_plugin *p)
{
    size_t count = 0;
    while (p->metrics && p->metrics[count].name)
        count++;
    return count;
}

bool metrics_add_module(metrics *m, tl_module *module, arena *memory, problems *found)
{
    bool fine = true;
    size_t count = count_of(module->plugin);
    module->metrics = arena_alloc(memory, (count + 1) * sizeof *module->metrics);
    for (size_t i = 0; i < count; i++) {
        const tl_metric *spec = &module->plugin->metrics[i];
        char name[METRIC_NAME_SIZE];
        if (!name_of(module, spec, name, found)) {
            fine = false;
            continue;
        }
        if (metrics_has(m, name)) {
            problems_add(found, module->path, 0,
                         "plugin %s: metrics: %s is there already, in this plugin, in another or in the core",
                         module->name, name);
            fine = false;
            continue;
        }
        module->metrics[i] = metrics_register(m, &(metric_spec){
                                                     .name = name,
                                                     .help = spec->help,
                                                     .kind = spec->type == TL_GAUGE ? METRIC_GAUGE : METRIC_COUNTER,
                                                 });
    }
    return fine;
}

/* A mistake is told once: it may come with every request. */
static void tell(tl_module *module, const char *name, const char *mistake)
{
    if (module->metric_told)
        return;
    module->metric_told = true;
    logger_write(the_worker->log, TL_LOG_ERROR, module->name, NULL, "mistake in the plugin: metric '%s' %s", name,
                 mistake);
}

/* Where the name is counted: nearly always the very text of the table, so that one look at each address is enough. */
static metric *find(tl_module *module, const char *name, tl_metric_type type)
{
    const tl_metric *table = module->plugin ? module->plugin->metrics : NULL;
    size_t at = 0;
    while (table && table[at].name && table[at].name != name)
        at++;
    if (!table || !table[at].name)
        for (at = 0; table && table[at].name && strcmp(table[at].name, name) != 0;)
            at++;
    if (!table || !table[at].name) {
        tell(module, name, "is not in its table");
        return NULL;
    }
    if (table[at].type == type)
        return module->metrics ? module->metrics[at] : NULL;
    tell(module, name, type == TL_GAUGE ? "is a counter, and cannot be set" : "is a gauge, and cannot be counted up");
    return NULL;
}

void metrics_module_add(tl_module *module, const char *name, double amount)
{
    metric *c = find(module, name, TL_COUNTER);
    if (amount >= 0 && isfinite(amount)) {
        if (c)
            metric_add(c, amount);
    } else {
        tell(module, name, "is a counter, and only goes up");
    }
}

void metrics_module_set(tl_module *module, const char *name, double value)
{
    metric *c = find(module, name, TL_GAUGE);
    if (c)
        metric_set(c, value);
}
