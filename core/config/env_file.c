/*
 * The environment file: lines of NAME=value as shells write them, with optional `export`, quotes and comments. Nothing
 * is expanded in it.
 */
#include <string.h>

#include "core/config/parts.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* At the end of the line, or at a comment that a blank parts from the value. */
static bool is_end(const char *at, const char *end)
{
    const char *rest = skip_blanks(at, end);
    return rest == end || (*rest == '#' && rest > at);
}

/* The inside of quotes that open at `at`; NULL with what is wrong. */
static char *quoted(arena *memory, const char *at, const char *end, const char **wrong)
{
    char quote = *at++;
    char *value = arena_alloc(memory, (size_t)(end - at) + 1);
    size_t length = 0;
    for (; at < end && *at != quote; at++) {
        if (quote == '"' && *at == '\\' && at + 1 < end && strchr("\"\\$`", at[1]))
            at++;
        value[length++] = *at;
    }
    if (at == end)
        *wrong = "the quote is not closed: a value ends on its line";
    else if (!is_end(at + 1, end))
        *wrong = "found text behind the closing quote";
    return *wrong ? NULL : value;
}

static char *unquoted(arena *memory, const char *at, const char *end)
{
    const char *stop = at;
    while (!is_end(stop, end))
        stop++;
    return arena_copy_bytes(memory, at, (size_t)(stop - at));
}

static void add_variable(config *c, const char *name, const char *value, int line, problems *found)
{
    variable *v;
    STAILQ_FOREACH(v, &c->variables, next)
    {
        if (strcmp(v->name, name) == 0) {
            problems_add(found, c->env, line, "%s is set twice: first in line %d", name, v->line);
            return;
        }
    }
    if (c->variable_count >= MOST_ENTRIES) {
        problems_add(found, c->env, line, "has more than %d variables", MOST_ENTRIES);
        return;
    }
    v = arena_alloc(c->memory, sizeof *v);
    *v = (variable){.name = name, .value = value, .line = line};
    STAILQ_INSERT_TAIL(&c->variables, v, next);
    c->variable_count++;
}

static void parse_line(config *c, const char *at, const char *end, int line, problems *found)
{
    const char *wrong = NULL;
    at = skip_blanks(at, end);
    if (at == end || *at == '#')
        return;
    if (end - at > 7 && memcmp(at, "export", 6) == 0 && is_blank(at[6]))
        at = skip_blanks(at + 6, end);
    const char *equals = memchr(at, '=', (size_t)(end - at));
    if (!equals || !is_variable_name(at, (size_t)(equals - at))) {
        /* The line is not shown: it may hold a secret. */
        problems_add(found, c->env, line, "expected NAME=value, without blanks around the '='");
        return;
    }
    const char *name = arena_copy_bytes(c->memory, at, (size_t)(equals - at));
    at = equals + 1;
    bool is_quoted = at < end && (*at == '"' || *at == '\'');
    const char *value = is_quoted ? quoted(c->memory, at, end, &wrong) : unquoted(c->memory, at, end);
    if (value && has_control_characters(value, strlen(value)))
        wrong = "found a control character";
    if (wrong)
        problems_add(found, c->env, line, "%s: %s", name, wrong);
    else
        add_variable(c, name, value, line, found);
}

void env_parse(config *c, const char *text, size_t length, problems *found)
{
    const char *end = text + length;
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    for (int line = 1; text < end; line++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;
        const char *last = stop > text && stop[-1] == '\r' ? stop - 1 : stop;
        parse_line(c, text, last, line, found);
        text = newline ? newline + 1 : end;
    }
}
