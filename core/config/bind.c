/* Binding a section to a table of options: every key is checked, stored and remembered for `talelio config`. */
#include <stdarg.h>
#include <string.h>

#include "core/config/parts.h"

typedef struct table {
    const char *at; /* the next entry */
    size_t stride;
    const char *const *reserved;
} table;

/* The next option as this server knows it: a plugin's own table may have shorter or longer entries. */
static bool next_option(table *t, tl_option *option)
{
    *option = (tl_option){0};
    memcpy(option, t->at, t->stride < sizeof *option ? t->stride : sizeof *option);
    t->at += t->stride;
    return option->name != NULL;
}

static const char *next_name(void *arg)
{
    table *t = arg;
    tl_option option;
    if (t->at && next_option(t, &option))
        return option.name;
    t->at = NULL;
    return t->reserved && *t->reserved ? *t->reserved++ : NULL;
}

static bool is_name_of(table t, const char *key)
{
    for (const char *name = next_name(&t); name; name = next_name(&t))
        if (strcmp(name, key) == 0)
            return true;
    return false;
}

static bool are_keys_known(const config *c, const char *section_name, table t, problems *found)
{
    const entry *e;
    bool are_known = true;
    STAILQ_FOREACH(e, &c->entries, next)
    {
        if (strcmp(e->section, section_name) != 0 || is_name_of(t, e->key))
            continue;
        are_known = false;
        table names = t;
        const char *near = nearest_name(e->key, next_name, &names);
        problems_add(found, c->ini, e->line, "[%s] %s: there is no such key%s%s%s", section_name, e->key,
                     near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    return are_known;
}

static void store(const tl_option *option, const parsed *v)
{
    if (!option->target)
        return;
    switch (option->type) {
    case TL_OPTION_STRING:
    case TL_OPTION_SECRET:
    case TL_OPTION_CHOICE:
        *(const char **)option->target = v->text;
        break;
    case TL_OPTION_INT:
    case TL_OPTION_DURATION:
    case TL_OPTION_SIZE:
        *(int64_t *)option->target = v->number;
        break;
    case TL_OPTION_BOOL:
        *(bool *)option->target = v->truth;
        break;
    case TL_OPTION_LIST:
        *(tl_list *)option->target = v->list;
        break;
    }
}

static void remember(config *c, const char *section_name, const tl_option *option, const char *text, const entry *e)
{
    bound *b = bound_find(c, section_name, option->name);
    if (!b) {
        b = arena_alloc(c->memory, sizeof *b);
        STAILQ_INSERT_TAIL(&c->bound, b, next);
    }
    bool is_secret = option->type == TL_OPTION_SECRET && *text;
    b->section = arena_copy(c->memory, section_name);
    b->key = arena_copy(c->memory, option->name);
    b->shown = is_secret ? HIDDEN_SECRET : arena_copy(c->memory, text);
    b->source = e ? entry_source(c, e) : "default";
    b->is_literal_secret = is_secret && e && !e->from;
}

static bool bind_option(config *c, const char *section_name, const tl_option *option, problems *found)
{
    const entry *e = entry_find(c, section_name, option->name);
    if (e && e->is_broken)
        return false;
    const char *text = e ? e->value : option->fallback;
    if (!text) {
        const section *s = section_find(c, section_name);
        problems_add(found, c->ini, s ? s->line : 0, "[%s] %s is missing: %s", section_name, option->name,
                     option->help ? option->help : "it has no default");
        return false;
    }
    parsed v;
    const char *expected = value_parse(c->memory, option, text, &v);
    if (expected) {
        const char *shown = option->type == TL_OPTION_SECRET && *text ? HIDDEN_SECRET : text;
        problems_add(found, c->ini, e ? e->line : 0, "[%s] %s = %s%s%s%s%s: expected %s", section_name, option->name,
                     shown, *shown ? "" : "(empty)", e && e->from ? " (" : "", e && e->from ? e->from : "",
                     e && e->from ? ")"
                     : e          ? ""
                                  : " (its own default)",
                     expected);
        return false;
    }
    store(option, &v);
    remember(c, section_name, option, text, e);
    return true;
}

bool config_bind(config *c, const char *section_name, const tl_option *options, size_t stride,
                 const char *const *reserved, problems *found)
{
    table t = {.at = (const char *)options, .stride = stride, .reserved = reserved};
    bool is_bound = are_keys_known(c, section_name, t, found);
    tl_option option;
    while (t.at && next_option(&t, &option))
        is_bound &= bind_option(c, section_name, &option, found);
    return is_bound;
}

void config_complain(const config *c, const char *section_name, const char *key, problems *found, const char *format,
                     ...)
{
    const entry *e = entry_find(c, section_name, key);
    const section *s = section_find(c, section_name);
    va_list args;
    va_start(args, format);
    char *text = arena_vformat(c->memory, format, args);
    va_end(args);
    const char *from = e ? e->from : NULL;
    int line = e ? e->line : 0;
    if (!e && s)
        line = s->line;
    problems_add(found, c->ini, line, "[%s] %s%s%s%s: %s", section_name, key, from ? " (" : "", from ? from : "",
                 from ? ")" : "", text);
}
