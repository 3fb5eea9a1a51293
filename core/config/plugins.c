/* The sections of plugins, as far as the core knows them: whether, from where, and with which migrations. */
#include <string.h>

#include "core/config/parts.h"

static const char *section_of(const config *c, const char *plugin)
{
    return arena_format(c->memory, PLUGIN_PREFIX "%s", plugin);
}

/* The value of a key that is there and is not empty, or NULL. */
static const char *value_of(const config *c, const char *plugin, const char *key)
{
    const entry *e = entry_find(c, section_of(c, plugin), key);
    return e && !e->is_broken && *e->value ? e->value : NULL;
}

const char *config_plugin_name(const config *c, size_t index)
{
    const section *s;
    STAILQ_FOREACH(s, &c->sections, next)
    {
        if (strncmp(s->name, PLUGIN_PREFIX, strlen(PLUGIN_PREFIX)) == 0 && index-- == 0)
            return s->name + strlen(PLUGIN_PREFIX);
    }
    return NULL;
}

bool config_plugin_enabled(config *c, const char *plugin, problems *found)
{
    const char *name = section_of(c, plugin);
    const entry *e = entry_find(c, name, "enabled");
    const section *s = section_find(c, name);
    if (e && e->is_broken)
        return false;
    if (e && strcmp(e->value, "yes") == 0)
        return true;
    if (!e)
        problems_add(found, c->ini, s ? s->line : 0, "[%s] enabled is missing: write enabled = yes, or no", name);
    else if (strcmp(e->value, "no") != 0)
        problems_add(found, c->ini, e->line, "[%s] enabled = %s: expected yes or no", name, e->value);
    return false;
}

const char *config_plugin_path(config *c, const char *plugin, const settings *s)
{
    const char *path = value_of(c, plugin, "path");
    return path ? path_resolve(c, path) : arena_format(c->memory, "%s/%s.so", s->plugin_dir, plugin);
}

const char *config_plugin_migrations(config *c, const char *plugin)
{
    const char *path = value_of(c, plugin, "migrations");
    return path ? path_resolve(c, path) : NULL;
}
