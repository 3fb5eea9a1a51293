/*
 * ${NAME}, ${NAME:-default} and $$ in values, and in defaults as well. Done after parsing and once only: whatever a
 * variable holds, it is a part of one value.
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

static bool expand_text(expansion *x, const char *at, const char *end);

static bool take_variable(expansion *x, const char *name, const char *fallback, const char *end)
{
    arena *memory = x->c->memory;
    const char *where;
    const char *text = look_up(x->c, name, &where);
    if (fallback && (!text || !*text))
        return expand_text(x, fallback, end);
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

/* The "}" of the reference that `at` is in, past those of references within; NULL when there is none. */
static const char *find_close(const char *at, const char *end)
{
    size_t depth = 1;
    for (; at < end; at++) {
        if (*at == '}' && --depth == 0)
            return at;
        if (*at != '$' || at + 1 == end)
            continue;
        at++;
        depth += *at == '{';
        at -= *at == '}';
    }
    return NULL;
}

/* `at` stands behind "${". Returns what comes behind "}", or NULL with a problem. */
static const char *take_reference(expansion *x, const char *at, const char *end)
{
    const char *close = find_close(at, end);
    size_t length = strcspn(at, ":}");
    const char *colon = at[length] == ':' ? at + length : NULL;
    if (!close || !is_variable_name(at, length) || (colon && colon[1] != '-')) {
        complain(x, "expected ${NAME}, ${NAME:-default}, or $$ for a dollar sign");
        return NULL;
    }
    const char *name = arena_copy_bytes(x->c->memory, at, length);
    return take_variable(x, name, colon ? colon + 2 : NULL, close) ? close + 1 : NULL;
}

static bool expand_text(expansion *x, const char *at, const char *end)
{
    while (at < end) {
        const char *dollar = memchr(at, '$', (size_t)(end - at));
        append(x, at, (size_t)((dollar ? dollar : end) - at));
        if (!dollar)
            return true;
        char next = '\0';
        if (dollar + 1 < end)
            next = dollar[1];
        at = dollar + 2;
        if (next == '$') {
            append(x, "$", 1);
        } else if (next == '{') {
            at = take_reference(x, at, end);
            if (!at)
                return false;
        } else {
            complain(x, "expected ${NAME}, ${NAME:-default}, or $$ for a dollar sign");
            return false;
        }
    }
    return true;
}

static void expand_entry(config *c, entry *e, problems *found)
{
    expansion x = {.c = c, .e = e, .found = found, .text = ""};
    if (!e->is_broken)
        e->is_broken = !expand_text(&x, e->value, e->value + strlen(e->value));
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
