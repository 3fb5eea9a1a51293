/* Names and what is looked up by them. */
#include <string.h>

#include "core/config/parts.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool is_variable_name(const char *name, size_t length)
{
    if (length == 0 || !is_letter(name[0]))
        return false;
    for (size_t i = 1; i < length; i++)
        if (!is_letter(name[i]) && !is_digit(name[i]))
            return false;
    return true;
}

bool is_plain_name(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!(name[i] >= 'a' && name[i] <= 'z') && !is_digit(name[i]) && name[i] != '_')
            return false;
    return length > 0;
}

bool has_control_characters(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
            return true;
    return false;
}

section *section_find(const config *c, const char *name)
{
    section *s;
    STAILQ_FOREACH(s, &c->sections, next)
    {
        if (strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

entry *entry_find(const config *c, const char *section_name, const char *key)
{
    entry *e;
    STAILQ_FOREACH(e, &c->entries, next)
    {
        if (strcmp(e->key, key) == 0 && strcmp(e->section, section_name) == 0)
            return e;
    }
    return NULL;
}

bound *bound_find(const config *c, const char *section_name, const char *key)
{
    bound *b;
    STAILQ_FOREACH(b, &c->bound, next)
    {
        if (strcmp(b->key, key) == 0 && strcmp(b->section, section_name) == 0)
            return b;
    }
    return NULL;
}

enum { LONGEST_NAME = 64 };

/* How many letters have to be added, left out, changed or swapped with their neighbour. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][LONGEST_NAME + 1];
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above_that = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (is_swap && above_that[j - 2] + 1 < best)
                best = above_that[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[a_length % 3][b_length];
}

/* "_url" of "site_url", or NULL. */
static const char *last_word(const char *name)
{
    return strrchr(name, '_');
}

const char *nearest_name(const char *word, const char *(*next)(void *arg), void *arg)
{
    const char *best = NULL;
    const char *relative = NULL; /* has the same last word */
    size_t relatives = 0;
    size_t length = strlen(word);
    /* Short words are all alike: one letter off counts there, two in longer ones. */
    size_t nearest = length < 4 ? 2 : 3;
    if (length > LONGEST_NAME)
        return NULL;
    for (const char *name = next(arg); name; name = next(arg)) {
        size_t name_length = strlen(name);
        if (name_length > LONGEST_NAME)
            continue;
        size_t off = distance(word, length, name, name_length);
        if (off < nearest) {
            nearest = off;
            best = name;
        }
        if (last_word(word) && last_word(name) && strcmp(last_word(word), last_word(name)) == 0) {
            relative = name;
            relatives++;
        }
    }
    return best || relatives != 1 ? best : relative;
}
