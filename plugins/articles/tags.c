/*
 * Reading tags as CommonMark defines them.
 */
#include "plugins/articles/tags.h"

#include <string.h>
#include <strings.h>

typedef struct known_tag {
    const char *name;
    const char *open;
    const char *close; /* NULL: has none */
} known_tag;

static const known_tag known[TAG_OTHER] = {
    [TAG_DIV] = {"div", "<div class=\"gallery\">", "</div>"},
    [TAG_DETAILS] = {"details", "<details>", "</details>"},
    [TAG_SUMMARY] = {"summary", "<summary>", "</summary>"},
    [TAG_KBD] = {"kbd", "<kbd>", "</kbd>"},
    [TAG_S] = {"s", "<s>", "</s>"},
    [TAG_SUB] = {"sub", "<sub>", "</sub>"},
    [TAG_SUP] = {"sup", "<sup>", "</sup>"},
    [TAG_MARK] = {"mark", "<mark>", "</mark>"},
    [TAG_BR] = {"br", "<br>", NULL},
};
static const char slashed_break[] = "<br />";

typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

/* What the attributes of a tag come to. */
typedef struct attributes {
    int count;
    bool gallery;
    bool markdown;
} attributes;

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name_character(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-';
}

static bool is_attribute_character(char c)
{
    return is_name_character(c) || c == '_' || c == ':' || c == '.';
}

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && is_blank(*c->at))
        c->at++;
}

static bool equals(const char *start, const char *end, const char *text)
{
    return (size_t)(end - start) == strlen(text) && strncasecmp(start, text, strlen(text)) == 0;
}

/* The value of an attribute, without its quotes. */
static tag_result read_value(cursor *c, const char **start, const char **end)
{
    if (c->at == c->end)
        return TAG_UNFINISHED;
    char quote = *c->at;
    if (quote == '"' || quote == '\'') {
        *start = c->at + 1;
        *end = memchr(*start, quote, (size_t)(c->end - *start));
        if (!*end)
            return TAG_UNFINISHED;
        c->at = *end + 1;
        return TAG_COMPLETE;
    }
    *start = c->at;
    while (c->at < c->end && !is_blank(*c->at) && *c->at && !strchr("\"'=<>`", *c->at))
        c->at++;
    *end = c->at;
    return *start < *end ? TAG_COMPLETE : TAG_NONE;
}

static tag_result read_attribute(cursor *c, attributes *a)
{
    const char *name = c->at, *start = NULL, *end = NULL;

    while (c->at < c->end && is_attribute_character(*c->at))
        c->at++;
    const char *name_end = c->at;
    if (name == name_end)
        return TAG_NONE;
    skip_blanks(c);
    if (c->at < c->end && *c->at == '=') {
        c->at++;
        skip_blanks(c);
        tag_result result = read_value(c, &start, &end);
        if (result != TAG_COMPLETE)
            return result;
    }
    a->count++;
    if (!start)
        return TAG_COMPLETE;
    if (equals(name, name_end, "class"))
        a->gallery = end - start == 7 && memcmp(start, "gallery", 7) == 0;
    else if (equals(name, name_end, "markdown"))
        a->markdown = end - start == 1 && *start == '1';
    return TAG_COMPLETE;
}

/* From behind the name to behind the >. */
static tag_result read_rest(cursor *c, attributes *a, bool *slash)
{
    for (;;) {
        const char *before = c->at;
        skip_blanks(c);
        if (c->at == c->end)
            return TAG_UNFINISHED;
        if (*c->at == '/') {
            if (++c->at == c->end)
                return TAG_UNFINISHED;
            *slash = true;
            if (*c->at != '>')
                return TAG_NONE;
        }
        if (*c->at == '>') {
            c->at++;
            return TAG_COMPLETE;
        }
        if (c->at == before && a->count == 0)
            return TAG_NONE; /* the name ends in something else */
        tag_result result = read_attribute(c, a);
        if (result != TAG_COMPLETE)
            return result;
    }
}

static tag_id find_known(const char *start, const char *end)
{
    for (int id = 0; id < TAG_OTHER; id++)
        if (equals(start, end, known[id].name))
            return (tag_id)id;
    return TAG_OTHER;
}

static const char *output_of(const tag *t, const attributes *a, bool slash)
{
    if (t->id == TAG_OTHER)
        return NULL;
    if (t->closing)
        return a->count == 0 && !slash ? known[t->id].close : NULL;
    if (t->id == TAG_BR)
        return a->count > 0 ? NULL : slash ? slashed_break : known[TAG_BR].open;
    if (t->id == TAG_DIV)
        return a->gallery && a->count == 1 + a->markdown && !slash ? known[TAG_DIV].open : NULL;
    return a->count == 0 && !slash ? known[t->id].open : NULL;
}

tag_result tag_read(const char *text, size_t length, tag *t)
{
    cursor c = {text, text + length};
    attributes a = {0};
    bool slash = false;

    *t = (tag){.id = TAG_OTHER};
    if (c.at == c.end || *c.at++ != '<')
        return TAG_NONE;
    if (c.at < c.end && *c.at == '/') {
        t->closing = true;
        c.at++;
    }
    if (c.at == c.end || !is_letter(*c.at))
        return TAG_NONE;
    const char *name = c.at;
    while (c.at < c.end && is_name_character(*c.at))
        c.at++;
    t->id = find_known(name, c.at);
    tag_result result = read_rest(&c, &a, &slash);
    t->length = (size_t)(c.at - text);
    t->output = result == TAG_COMPLETE ? output_of(t, &a, slash) : NULL;
    t->passes = t->output != NULL;
    t->markdown = a.markdown;
    return result;
}

tag_id tag_of_output(const char *output, bool *closing)
{
    for (int id = 0; id < TAG_OTHER; id++) {
        *closing = output == known[id].close;
        if (*closing || output == known[id].open)
            return (tag_id)id;
    }
    return TAG_OTHER;
}

const char *tag_name(tag_id id)
{
    return known[id].name;
}

bool tag_find(const char *text, size_t length, size_t *at, tag_mention *found)
{
    const char *end = text + length;
    const char *c = text + *at;

    while (c < end && (c = memchr(c, '<', (size_t)(end - c))) != NULL) {
        size_t named = 0;
        c++;
        if (end - c >= 3 && memcmp(c, "!--", 3) == 0) {
            const char *stop = memmem(c + 3, (size_t)(end - c - 3), "-->", 3);
            c = stop ? stop + 3 : end;
            continue;
        }
        found->closing = c < end && *c == '/';
        c += found->closing;
        if (c < end && (*c == '!' || *c == '?') && !found->closing) {
            found->name[named++] = *c++;
        } else {
            for (; c < end && is_name_character(*c) && (named > 0 || is_letter(*c)); c++)
                if (named < TAG_NAME_MAX)
                    found->name[named++] = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        }
        found->name[named] = '\0';
        *at = (size_t)(c - text);
        if (named > 0)
            return true;
    }
    *at = length;
    return false;
}
