/*
 * Cutting a file into statements, as psql does: a ';' counts outside of quotes, comments, parentheses and the BEGIN
 * ATOMIC … END of a function's body. Nothing else of SQL is understood here.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/migrate/parts.h"

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

/* Steps to `to`, counting lines. */
static void step_to(scanner *s, const char *to)
{
    for (; s->at < to; s->at++)
        s->line += *s->at == '\n';
}

/* Each of these steps over what begins at s->at; false when it has no end. */

static bool skip_quoted(scanner *s, char quote, bool has_escapes)
{
    const char *at = s->at + 1;
    for (;; at++) {
        if (!*at)
            return false;
        if (has_escapes && *at == '\\' && at[1]) {
            at++;
        } else if (*at == quote) {
            if (at[1] != quote)
                break;
            at++;
        }
    }
    step_to(s, at + 1);
    return true;
}

static bool skip_comment(scanner *s)
{
    const char *at = s->at + 2;
    for (int depth = 1; depth > 0; at++) {
        if (!*at)
            return false;
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at++;
        } else if (at[0] == '*' && at[1] == '/') {
            depth--;
            at++;
        }
    }
    step_to(s, at);
    return true;
}

/* $$…$$ or $tag$…$tag$; a lone '$' is stepped over. */
static bool skip_dollar(scanner *s)
{
    size_t tag = 1;
    while (is_word(s->at[tag]) && !(tag == 1 && isdigit((unsigned char)s->at[tag])))
        tag++;
    if (s->at[tag] != '$') {
        s->at++;
        return true;
    }
    tag++;
    for (const char *at = s->at + tag; (at = strchr(at, '$')); at++) {
        if (strncmp(at, s->at, tag) == 0) {
            step_to(s, at + tag);
            return true;
        }
    }
    return false;
}

typedef struct words {
    int count;
    bool is_create;
    bool is_after_begin;
    int depth;       /* of BEGIN ATOMIC and CASE in it */
    int parentheses; /* open */
    bool is_transaction;
    bool is_prepare;
} words;

static bool is(const char *word, size_t length, const char *name)
{
    return strlen(name) == length && strncasecmp(word, name, length) == 0;
}

static bool ends_transaction(const char *word, size_t length)
{
    static const char *const names[] = {"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is(word, length, names[i]))
            return true;
    return false;
}

static void take_word(words *w, const char *word, size_t length)
{
    w->count++;
    if (w->count == 1) {
        w->is_create = is(word, length, "CREATE");
        w->is_transaction = ends_transaction(word, length);
        w->is_prepare = is(word, length, "PREPARE");
        return;
    }
    if (w->count == 2 && w->is_prepare)
        w->is_transaction = is(word, length, "TRANSACTION");
    if (w->is_create && w->is_after_begin && is(word, length, "ATOMIC"))
        w->depth++;
    else if (w->depth > 0 && is(word, length, "CASE"))
        w->depth++;
    else if (w->depth > 0 && is(word, length, "END"))
        w->depth--;
    w->is_after_begin = is(word, length, "BEGIN");
}

static void skip_word(scanner *s, words *w)
{
    const char *word = s->at;
    while (is_word(*s->at) || *s->at == '$')
        s->at++;
    take_word(w, word, (size_t)(s->at - word));
}

static bool is_escape_prefix(const scanner *s)
{
    return (*s->at == 'E' || *s->at == 'e') && s->at[1] == '\'';
}

/* One step within a statement; false at something that has no end. */
static bool step(scanner *s, words *w)
{
    const char *at = s->at;
    if (at[0] == '-' && at[1] == '-') {
        s->at += strcspn(at, "\n");
    } else if (at[0] == '/' && at[1] == '*') {
        return skip_comment(s);
    } else if (is_escape_prefix(s)) {
        s->at++;
        return skip_quoted(s, '\'', true);
    } else if (*at == '\'' || *at == '"') {
        return skip_quoted(s, *at, false);
    } else if (*at == '$') {
        return skip_dollar(s);
    } else if (is_word(*at)) {
        skip_word(s, w);
    } else {
        w->parentheses += (*at == '(') - (*at == ')' && w->parentheses > 0);
        step_to(s, at + 1);
    }
    return true;
}

/* To where a statement begins. False at a comment that has no end. */
static bool skip_space(scanner *s)
{
    for (;;) {
        if (isspace((unsigned char)*s->at) || *s->at == ';')
            step_to(s, s->at + 1);
        else if (s->at[0] == '-' && s->at[1] == '-')
            s->at += strcspn(s->at, "\n");
        else if (s->at[0] != '/' || s->at[1] != '*')
            return true;
        else if (!skip_comment(s))
            return false;
    }
}

scan_result sql_scan(scanner *s, statement *out)
{
    words w = {0};
    if (s->line == 0)
        s->line = 1;
    bool is_open = !skip_space(s);
    *out = (statement){.text = s->at, .line = s->line};
    if (is_open)
        return SCAN_OPEN;
    if (!*s->at)
        return SCAN_END;
    while (*s->at && !(*s->at == ';' && w.parentheses == 0 && w.depth == 0)) {
        bool is_psql = *s->at == '\\' && (s->at == out->text || s->at[-1] == '\n');
        int line = s->line;
        if (is_psql || !step(s, &w)) {
            out->line = line;
            return is_psql ? SCAN_PSQL : SCAN_OPEN;
        }
    }
    out->length = (size_t)(s->at - out->text);
    return w.is_transaction ? SCAN_TRANSACTION : SCAN_STATEMENT;
}
