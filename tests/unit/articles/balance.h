/*
 * Whether the tags of a page are balanced: for tests of what Markdown becomes without raw HTML.
 */
#ifndef TESTS_UNIT_ARTICLES_BALANCE_H
#define TESTS_UNIT_ARTICLES_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct balance_name {
    const char *start;
    size_t length;
} balance_name;

static inline bool balance_is(balance_name name, const char *text)
{
    return name.length == strlen(text) && memcmp(name.start, text, name.length) == 0;
}

/* The end of the tag that starts at `at`, which may hold quoted attributes; NULL: it has none. */
static inline const char *balance_tag_end(const char *at)
{
    char quote = 0;

    for (; *at && (quote || *at != '>'); at++) {
        if (quote ? *at == quote : *at == '"')
            quote = quote ? 0 : '"';
        else if (*at == '<' && !quote)
            return NULL;
    }
    return *at ? at + 1 : NULL;
}

/* Every < begins a comment, or a tag of lower-case letters and digits that closes what was opened last or is closed in
 * turn; br, hr and img have no end. */
static inline bool is_balanced(const char *html)
{
    size_t capacity = strlen(html) / 3 + 1, depth = 0;
    balance_name *open = malloc(capacity * sizeof(*open));
    bool good = open != NULL;

    for (const char *at = html; good && (at = strchr(at, '<')) != NULL;) {
        if (strncmp(at, "<!-- raw HTML omitted -->", 25) == 0) {
            at += 25;
            continue;
        }
        bool closing = at[1] == '/';
        balance_name name = {at + 1 + closing, 0};
        name.length = strspn(name.start, "abcdefghijklmnopqrstuvwxyz123456");
        const char *end = balance_tag_end(at + 1);
        bool single = balance_is(name, "br") || balance_is(name, "hr") || balance_is(name, "img");
        good = end && name.length > 0 && (!closing || (name.start[name.length] == '>' && !single));
        if (good && closing)
            good = depth > 0 && name.length == open[--depth].length &&
                   memcmp(name.start, open[depth].start, name.length) == 0;
        else if (good && !single)
            open[depth++] = name;
        at = end;
    }
    free(open);
    return good && depth == 0;
}

#endif
