/*
 * Turning a plugin on or off in the text of an ini file: one value changes, everything else stays as it is, byte by
 * byte.
 */
#include <stdlib.h>
#include <string.h>

#include "core/config/parts.h"

typedef struct line {
    const char *at;
    size_t length; /* with its newline */
} line;

static line next_line(const char *at)
{
    const char *newline = strchr(at, '\n');
    return (line){at, newline ? (size_t)(newline - at) + 1 : strlen(at)};
}

/* As the ini reader takes it: blanks behind ']' do not count. */
static bool is_section(line l, const char *name)
{
    size_t length = strlen(name);
    return l.at[0] == '[' && l.length > length + 1 && strncmp(l.at + 1, name, length) == 0 && l.at[length + 1] == ']';
}

static bool is_key(line l, const char *key)
{
    size_t length = strlen(key);
    if (l.length <= length || strncmp(l.at, key, length) != 0)
        return false;
    const char *after = l.at + length + strspn(l.at + length, " \t");
    return *after == '=';
}

static line value_of(line l)
{
    static const char blanks[] = " \t\r\n";
    const char *end = l.at + l.length;
    const char *at = strchr(l.at, '=') + 1;
    at += strspn(at, " \t");
    while (end > at && strchr(blanks, end[-1]))
        end--;
    return (line){at, (size_t)(end - at)};
}

static bool ends_in_newline(line l)
{
    return l.length > 0 && l.at[l.length - 1] == '\n';
}

/* The line break that the file uses. */
static const char *line_break(const char *text)
{
    const char *newline = strchr(text, '\n');
    return newline && newline > text && newline[-1] == '\r' ? "\r\n" : "\n";
}

const char *config_switch(arena *memory, const char *text, const char *plugin, bool on)
{
    const char *section_name = arena_format(memory, PLUGIN_PREFIX "%s", plugin);
    const char *end = line_break(text);
    const char *value = on ? "yes" : "no";
    line head = {0};
    line key = {0};
    bool inside = false;
    const char *start = text + (strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
    for (const char *at = start; *at;) {
        line l = next_line(at);
        at += l.length;
        if (*l.at == '[') {
            inside = is_section(l, section_name);
            head = inside ? l : head;
        } else if (inside && is_key(l, "enabled")) {
            key = l;
        }
    }
    if (!head.at && !on)
        return NULL;
    if (!head.at)
        return arena_format(memory, "%s%s%s[%s]%senabled = yes%s", text,
                            *text && !ends_in_newline((line){text, strlen(text)}) ? end : "", *text ? end : "",
                            section_name, end, end);
    line old = key.at ? value_of(key) : (line){head.at + head.length, 0};
    const char *before = arena_copy_bytes(memory, text, (size_t)(old.at - text));
    if (key.at)
        return arena_format(memory, "%s%s%s", before, value, old.at + old.length);
    return arena_format(memory, "%s%senabled = %s%s%s", before, ends_in_newline(head) ? "" : end, value, end, old.at);
}
