/* `talelio config`: a table in the form of an ini file, with the origin of every value behind it. */
#include <string.h>

#include "core/config/parts.h"

enum { ORIGIN_COLUMN = 48 };

static void print_key(FILE *out, const char *key, const char *shown, const char *source)
{
    int width = fprintf(out, "%s = %s", key, shown);
    fprintf(out, "%*s  # %s\n", width < ORIGIN_COLUMN ? ORIGIN_COLUMN - width : 0, "", source);
}

static bool holds_any(const char *text, const char *const *parts)
{
    for (; *parts; parts++)
        if (strcasestr(text, *parts))
            return true;
    return false;
}

/* 20 letters and digits, both of them, without a pause, are no word. */
static bool looks_random(const char *text)
{
    static const char run[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+_=-";
    while (*text) {
        size_t length = strspn(text, run);
        if (length >= 20 && strcspn(text, "0123456789") < length)
            return true;
        text += length + (text[length] != '\0');
    }
    return false;
}

/* `text` without the ${NAME} in it, which are names only as long as they are not filled in. Defaults stay. */
static const char *without_names(arena *memory, const char *text)
{
    const char *rest = "";
    while (*text) {
        size_t plain = strcspn(text, "$");
        rest = arena_format(memory, "%s%.*s", rest, (int)plain, text);
        text += plain;
        if (strncmp(text, "${", 2) == 0)
            text += strcspn(text, ":}") + (text[strcspn(text, ":}")] == '}');
        else if (*text)
            text++;
    }
    return rest;
}

/* The options of a plugin that is off are unknown, so a value that may be a secret counts as one. */
static bool may_be_secret(const config *c, const entry *e)
{
    static const char *const names[] = {"secret", "pass", "token", "key", "credential", "salt", "pepper", "pin", NULL};
    static const char *const hints[] = {"password=", "secret=", "token=", "key=", NULL};
    const char *text = without_names(c->memory, e->value);
    if (!*text || strcmp(text, "yes") == 0 || strcmp(text, "no") == 0)
        return false;
    const char *authority = strstr(text, "://");
    return holds_any(e->key, names) || holds_any(text, hints) || (authority && strchr(authority, '@')) ||
           looks_random(text);
}

/* As the file has it, in its order. */
static void print_disabled(const config *c, const char *section_name, FILE *out)
{
    const entry *e;
    STAILQ_FOREACH(e, &c->entries, next)
    {
        if (strcmp(e->section, section_name) != 0)
            continue;
        bool is_path = *e->value && (strcmp(e->key, "path") == 0 || strcmp(e->key, "migrations") == 0);
        const char *shown = is_path && !e->is_broken              ? path_resolve(c, e->value)
                            : e->is_broken && may_be_secret(c, e) ? HIDDEN_SECRET
                                                                  : e->value;
        print_key(out, e->key, shown, entry_source(c, e));
    }
}

/* The keys that every plugin's section may have. */
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
        if (section_is_off(c, s->name))
            print_disabled(c, s->name, out);
        else if (is_plugin)
            print_plugin_keys(c, s->name, out);
        print_bound(c, s->name, out);
    }
}
