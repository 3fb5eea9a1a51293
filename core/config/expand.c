/*
 * ${NAME}, ${NAME:-default} and $$ in values. Done after parsing and once only: whatever a variable holds, it is a part
 * of one value.
 */
#include <stdlib.h>
#include <string.h>

#include "core/config/parts.h"
#include "core/log/utf8.h"

typedef struct expansion {
    config *c;
    entry *e;
    problems *found;
    const char *text; /* as it is now */
    const char *from;
} expansion;

static void append(expansion *x, const char *text, size_t length)
{
    x->text = arena_format(x->c->memory, "%s%.*s", x->text, (int)length, text);
}

static void complain(const expansion *x, const char *message)
{
    problems_add(x->found, x->c->ini, x->e->line, "[%s] %s: %s", x->e->section, x->e->key, message);
}

/* The value of a variable and where it is from; NULL when it is not set. */
static const char *look_up(const config *c, const char *name, const char **where)
{
    const char *text = getenv(name);
    *where = arena_format(c->memory, "%s from the environment", name);
    if (text)
        return text;
    variable *v;
    STAILQ_FOREACH(v, &c->variables, next)
    {
        if (strcmp(v->name, name) == 0) {
            *where = arena_format(c->memory, "%s from %s:%d", name, c->env, v->line);
            return v->value;
        }
    }
    return NULL;
}

static bool take_variable(expansion *x, const char *name, const char *fallback, size_t fallback_length)
{
    arena *memory = x->c->memory;
    const char *where;
    const char *text = look_up(x->c, name, &where);
    if (fallback && (!text || !*text)) {
        append(x, fallback, fallback_length);
        return true;
    }
    if (!text) {
        const char *file = x->c->env ? x->c->env : ".env";
        complain(x, arena_format(memory, "the variable %s is not set: set it in the environment, or write %s=… in %s",
                                 name, name, file));
        return false;
    }
    size_t length = strlen(text);
    const char *wrong = length > LONGEST_VALUE                 ? "is longer than 16 KiB"
                        : has_control_characters(text, length) ? "holds a line break or another control character"
                        : !utf8_is_valid(text, length)         ? "is not UTF-8"
                                                               : NULL;
    if (wrong) {
        complain(x, arena_format(memory, "the variable %s %s", name, wrong));
        return false;
    }
    append(x, text, length);
    x->from = x->from ? arena_format(memory, "%s, %s", x->from, where) : where;
    return true;
}

/* `at` stands behind "${". Returns what comes behind "}", or NULL with a problem. */
static const char *take_reference(expansion *x, const char *at)
{
    const char *close = strchr(at, '}');
    size_t length = strcspn(at, ":}");
    const char *colon = at[length] == ':' ? at + length : NULL;
    if (!close || !is_variable_name(at, length) || (colon && colon[1] != '-')) {
        complain(x, "expected ${NAME}, ${NAME:-default}, or $$ for a dollar sign");
        return NULL;
    }
    const char *name = arena_copy_bytes(x->c->memory, at, length);
    const char *fallback = colon ? colon + 2 : NULL;
    if (!take_variable(x, name, fallback, fallback ? (size_t)(close - fallback) : 0))
        return NULL;
    return close + 1;
}

static void expand_entry(config *c, entry *e, problems *found)
{
    expansion x = {.c = c, .e = e, .found = found, .text = ""};
    const char *at = e->value;
    while (!e->is_broken && *at) {
        size_t plain = strcspn(at, "$");
        append(&x, at, plain);
        at += plain;
        if (!*at)
            break;
        if (at[1] == '$') {
            append(&x, "$", 1);
            at += 2;
        } else if (at[1] == '{') {
            at = take_reference(&x, at + 2);
            e->is_broken = !at;
        } else {
            complain(&x, "expected ${NAME}, ${NAME:-default}, or $$ for a dollar sign");
            e->is_broken = true;
        }
    }
    e->value = x.text;
    e->from = x.from;
}

bool section_is_off(const config *c, const char *section_name)
{
    if (strncmp(section_name, PLUGIN_PREFIX, strlen(PLUGIN_PREFIX)) != 0)
        return false;
    const entry *enabled = entry_find(c, section_name, "enabled");
    return enabled && !enabled->is_broken && strcmp(enabled->value, "no") == 0;
}

/* A plugin that is off needs no variables: its values stay as they are written, but for where its files are. */
static void expand_disabled(config *c, entry *e)
{
    const char *written = e->value;
    if (strcmp(e->key, "path") != 0 && strcmp(e->key, "migrations") != 0) {
        e->is_broken = true;
        return;
    }
    problems *ignored = problems_new();
    expand_entry(c, e, ignored);
    problems_free(ignored);
    if (e->is_broken)
        e->value = written;
}

void config_expand(config *c, problems *found)
{
    entry *e;
    STAILQ_FOREACH(e, &c->entries, next)
    {
        if (strcmp(e->key, "enabled") == 0)
            expand_entry(c, e, found);
    }
    STAILQ_FOREACH(e, &c->entries, next)
    {
        if (strcmp(e->key, "enabled") == 0)
            continue;
        if (section_is_off(c, e->section))
            expand_disabled(c, e);
        else
            expand_entry(c, e, found);
    }
}
