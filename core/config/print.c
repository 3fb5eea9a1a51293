/* `talelio config`: a table in the form of an ini file, with the origin of every value behind it. */
#include <string.h>

#include "core/config/parts.h"

enum { ORIGIN_COLUMN = 48 };

static void print_key(FILE *out, const char *key, const char *shown, const char *source)
{
    int width = fprintf(out, "%s = %s", key, shown);
    fprintf(out, "%*s  # %s\n", width < ORIGIN_COLUMN ? ORIGIN_COLUMN - width : 0, "", source);
}

/* The keys that every plugin's section may have. Others of a plugin that is off stay unknown, and may be secret. */
static void print_plugin_keys(const config *c, const char *section_name, FILE *out)
{
    static const char *const keys[] = {"enabled", "path", "migrations"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const entry *e = entry_find(c, section_name, keys[i]);
        if (e && !e->is_broken)
            print_key(out, e->key, i > 0 ? path_resolve(c, e->value) : e->value, entry_source(c, e));
    }
}

static void print_bound(const config *c, const char *section_name, FILE *out)
{
    const bound *b;
    STAILQ_FOREACH(b, &c->bound, next)
    {
        if (strcmp(b->section, section_name) == 0)
            print_key(out, b->key, b->shown, b->source);
    }
}

void config_print(const config *c, FILE *out)
{
    size_t count;
    const config_section *core = config_core_sections(NULL, &count);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s[%s]\n", i > 0 ? "\n" : "", core[i].name);
        print_bound(c, core[i].name, out);
    }
    const section *s;
    STAILQ_FOREACH(s, &c->sections, next)
    {
        bool is_plugin = strncmp(s->name, PLUGIN_PREFIX, strlen(PLUGIN_PREFIX)) == 0;
        if (!is_plugin && strncmp(s->name, STORE_PREFIX, strlen(STORE_PREFIX)) != 0)
            continue;
        fprintf(out, "\n[%s]\n", s->name);
        if (is_plugin)
            print_plugin_keys(c, s->name, out);
        print_bound(c, s->name, out);
    }
}
