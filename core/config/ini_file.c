/*
 * The ini file through inih. inih splits long lines, cuts section names, takes an indented line for more of the value
 * above it and " ;" for a comment, all silently: so every line is looked at before inih gets it, and a doubtful one is
 * a problem and reaches inih as an empty line.
 */
#include <ini.h>
#include <string.h>

#include "core/config/parts.h"

enum {
    LONGEST_SECTION = 48,
    /* Of Debian's inih; it is asked for at run time too. */
    LONGEST_LINE = 198,
};

typedef struct reader {
    config *c;
    problems *found;
    const char *at, *end;
    int line;
    bool is_skipping; /* the keys of a section whose head is wrong */
    bool is_key_due;  /* the line that inih has now must lead to a key */
} reader;

static void skip_blanks(const char **at, const char *end)
{
    while (*at < end && (**at == ' ' || **at == '\t'))
        (*at)++;
}

static void trim(const char *at, const char **end)
{
    while (*end > at && ((*end)[-1] == ' ' || (*end)[-1] == '\t'))
        (*end)--;
}

/* What stands before the name proper in [plugin:articles] and [store:media]. */
static size_t prefix_length(const char *name)
{
    static const char *const prefixes[] = {PLUGIN_PREFIX, STORE_PREFIX};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return strlen(prefixes[i]);
    return 0;
}

static bool check_section(reader *r, const char *at, const char *end)
{
    config *c = r->c;
    r->is_skipping = true;
    trim(at, &end);
    if (end[-1] != ']') {
        problems_add(r->found, c->ini, r->line, "expected [section] and nothing behind it");
        return false;
    }
    size_t length = (size_t)(end - at) - 2;
    const char *name = arena_copy_bytes(c->memory, at + 1, length);
    size_t prefix = prefix_length(name);
    if (length > LONGEST_SECTION) {
        problems_add(r->found, c->ini, r->line, "the name of the section is longer than %d bytes", LONGEST_SECTION);
        return false;
    }
    if (!is_plain_name(name + prefix, length - prefix)) {
        problems_add(r->found, c->ini, r->line,
                     "[%s]: expected a section such as [http], [plugin:articles] or [store:media], in a-z, 0-9 and _",
                     name);
        return false;
    }
    section *known = section_find(c, name);
    if (known) {
        problems_add(r->found, c->ini, r->line, "[%s] is there twice: first in line %d", name, known->line);
        return false;
    }
    section *s = arena_alloc(c->memory, sizeof *s);
    *s = (section){.name = name, .line = r->line};
    STAILQ_INSERT_TAIL(&c->sections, s, next);
    r->is_skipping = false;
    return true;
}

static bool check_key(reader *r, const char *at, const char *end)
{
    const char *ini = r->c->ini;
    const char *equals = memchr(at, '=', (size_t)(end - at));
    const char *key_end = equals;
    if (equals)
        trim(at, &key_end);
    if (!equals || !is_plain_name(at, (size_t)(key_end - at))) {
        problems_add(r->found, ini, r->line, "expected [section] or key = value, with a key in a-z, 0-9 and _");
        return false;
    }
    if (STAILQ_EMPTY(&r->c->sections) && !r->is_skipping) {
        problems_add(r->found, ini, r->line, "found a key before the first [section]");
        return false;
    }
    for (const char *p = equals + 1; p < end; p++) {
        if ((*p == ';' || *p == '#') && (p[-1] == ' ' || p[-1] == '\t')) {
            problems_add(
                r->found, ini, r->line,
                "%.*s: found \" %c\" in the value: a comment needs a line of its own; a value that has this in "
                "it comes from a variable, as ${NAME}",
                (int)(key_end - at), at, *p);
            return false;
        }
    }
    return !r->is_skipping;
}

/* True when inih may have the line. */
static bool check_line(reader *r, const char *at, const char *end, size_t longest)
{
    const char *first = at;
    skip_blanks(&first, end);
    if (first == end || *first == ';' || *first == '#')
        return false;
    bool is_section = *first == '[';
    /* Whatever is wrong with the head of a section, the keys below it are not those of the section above. */
    if (is_section)
        r->is_skipping = true;
    if ((size_t)(end - at) > longest) {
        problems_add(r->found, r->c->ini, r->line,
                     "the line has more than %zu bytes: put a long value into a variable and write ${NAME}", longest);
        return false;
    }
    if (has_control_characters(at, (size_t)(end - at))) {
        problems_add(r->found, r->c->ini, r->line, "found a control character");
        return false;
    }
    if (first > at) {
        problems_add(
            r->found, r->c->ini, r->line,
            "the line begins with a blank: a value does not go on in the next line, and keys stand at the left");
        return false;
    }
    return is_section ? check_section(r, at, end) : check_key(r, at, end);
}

/* What fgets is to inih: one line a call, NULL at the end. */
static char *next_line(char *to, int size, void *stream)
{
    reader *r = stream;
    if (r->is_key_due) {
        problems_add(r->found, r->c->ini, r->line, "expected key = value");
        r->is_key_due = false;
    }
    if (r->at == r->end)
        return NULL;
    r->line++;
    const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    const char *start = r->at, *stop = newline ? newline : r->end;
    r->at = newline ? newline + 1 : r->end;
    if (stop > start && stop[-1] == '\r')
        stop--;
    size_t longest = size - 2 < LONGEST_LINE ? (size_t)size - 2 : LONGEST_LINE;
    size_t length = 0;
    if (check_line(r, start, stop, longest)) {
        length = (size_t)(stop - start);
        r->is_key_due = *start != '[';
    }
    memcpy(to, start, length);
    memcpy(to + length, "\n", 2);
    return to;
}

static int on_key(void *user, const char *section_name, const char *key, const char *text)
{
    reader *r = user;
    config *c = r->c;
    r->is_key_due = false;
    entry *known = entry_find(c, section_name, key);
    if (known) {
        problems_add(r->found, c->ini, r->line, "[%s] %s is there twice: first in line %d", section_name, key,
                     known->line);
        return 1;
    }
    if (c->entry_count >= MOST_ENTRIES) {
        problems_add(r->found, c->ini, r->line, "has more than %d keys", MOST_ENTRIES);
        return 1;
    }
    entry *e = arena_alloc(c->memory, sizeof *e);
    *e = (entry){.section = section_find(c, section_name)->name,
                 .key = arena_copy(c->memory, key),
                 .value = arena_copy(c->memory, text),
                 .line = r->line};
    STAILQ_INSERT_TAIL(&c->entries, e, next);
    c->entry_count++;
    return 1;
}

void ini_read(config *c, const char *text, size_t length, problems *found)
{
    reader r = {.c = c, .found = found, .at = text, .end = text + length};
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        r.at += 3;
    if (ini_parse_stream(next_line, &r, on_key, &r) != 0)
        problems_add(found, c->ini, 0, "cannot be read as an ini file");
}
