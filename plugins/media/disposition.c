/*
 * See disposition.h.
 */
#include "plugins/media/disposition.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_token(char c)
{
    return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?={}", c);
}

static void skip_blanks(parameters *list)
{
    while (list->at < list->end && is_blank(*list->at))
        list->at++;
}

void parameters_skip_value(parameters *list)
{
    while (list->at < list->end && *list->at != ';')
        list->at++;
}

static bool malformed(parameters *list)
{
    list->malformed = true;
    return false;
}

/* Behind the opening quote; goes behind the closing one. */
static bool read_quoted(parameters *list, parameter *p)
{
    p->quoted = true;
    p->value = list->at;
    for (; list->at < list->end && *list->at != '"'; list->at++)
        if (*list->at == '\\' && list->end - list->at > 1 && (list->at[1] == '"' || list->at[1] == '\\'))
            list->at++;
    if (list->at >= list->end)
        return malformed(list);
    p->value_length = (size_t)(list->at++ - p->value);
    return true;
}

bool parameters_next(parameters *list, parameter *p)
{
    *p = (parameter){0};
    do {
        skip_blanks(list);
        if (list->at == list->end)
            return false;
        if (*list->at++ != ';')
            return malformed(list);
        skip_blanks(list);
    } while (list->at == list->end || *list->at == ';');
    p->name = list->at;
    while (list->at < list->end && is_token(*list->at))
        list->at++;
    p->name_length = (size_t)(list->at - p->name);
    skip_blanks(list);
    if (p->name_length == 0 || list->at == list->end || *list->at++ != '=')
        return malformed(list);
    skip_blanks(list);
    if (list->at < list->end && *list->at == '"') {
        list->at++;
        return read_quoted(list, p);
    }
    p->value = list->at;
    parameters_skip_value(list);
    p->value_length = (size_t)(list->at - p->value);
    while (p->value_length > 0 && is_blank(p->value[p->value_length - 1]))
        p->value_length--;
    return true;
}

bool parameter_is(const parameter *p, const char *name)
{
    return p->name_length == strlen(name) && strncasecmp(p->name, name, p->name_length) == 0;
}

size_t parameter_value(const parameter *p, char *to, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < p->value_length && length + 1 < size; i++) {
        bool escapes = p->quoted && p->value[i] == '\\' && i + 1 < p->value_length &&
                       (p->value[i + 1] == '"' || p->value[i + 1] == '\\');
        if (escapes)
            i++;
        to[length++] = p->value[i];
    }
    to[length] = '\0';
    return length;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* RFC 8187: charset'language'percent-encoded. The charset does not matter: letters beyond ASCII are dropped later. */
static size_t decode_extended(char *text, size_t length)
{
    const char *first = memchr(text, '\'', length);
    const char *second = first ? memchr(first + 1, '\'', length - (size_t)(first + 1 - text)) : NULL;
    size_t from = second ? (size_t)(second + 1 - text) : 0, to = 0;

    while (from < length) {
        int high = text[from] == '%' && length - from > 2 ? digit(text[from + 1]) : -1;
        int low = high >= 0 ? digit(text[from + 2]) : -1;
        int decoded = low >= 0 ? high * 16 + low : -1;
        if (decoded < 0)
            text[to++] = text[from++];
        else {
            /* What no header may hold is no letter of a name either. */
            text[to++] = decoded == '\0' || decoded == '\r' || decoded == '\n' ? '-' : (char)decoded;
            from += 3;
        }
    }
    text[to] = '\0';
    return to;
}

/* The value of Content-Disposition. */
static bool read_value(disposition *d, const char *value, size_t length)
{
    static const char type[] = "form-data";
    parameters list = {.at = value, .end = value + length};
    parameter p;
    bool plain = false, extended = false;

    skip_blanks(&list);
    const char *from = list.at;
    parameters_skip_value(&list);
    const char *to = list.at;
    while (to > from && is_blank(to[-1]))
        to--;
    if ((size_t)(to - from) != sizeof type - 1 || strncasecmp(from, type, sizeof type - 1) != 0)
        return false;
    while (parameters_next(&list, &p)) {
        bool is_plain = parameter_is(&p, "filename"), is_extended = parameter_is(&p, "filename*");
        if ((is_plain && plain) || (is_extended && extended))
            return false;
        plain = plain || is_plain;
        extended = extended || is_extended;
        if (is_plain)
            d->length = parameter_value(&p, d->file_name, d->size);
        else if (is_extended && !plain)
            d->length = decode_extended(d->file_name, parameter_value(&p, d->file_name, d->size));
    }
    d->has_file_name = plain || extended;
    return !list.malformed;
}

/* One header's line, without its end. */
static bool read_line(disposition *d, const char *line, size_t length, bool *seen)
{
    static const char wanted[] = "Content-Disposition";
    size_t name = 0;

    while (name < length && is_token(line[name]))
        name++;
    if (name == 0 || name == length || line[name] != ':')
        return false;
    if (name != sizeof wanted - 1 || strncasecmp(line, wanted, name) != 0)
        return true;
    if (*seen)
        return false;
    *seen = true;
    return read_value(d, line + name + 1, length - name - 1);
}

bool disposition_read(disposition *d, const char *head, size_t length)
{
    const char *end = head + length;
    bool seen = false;

    d->length = 0;
    d->has_file_name = false;
    d->file_name[0] = '\0';
    if (memchr(head, '\0', length))
        return false;
    while (head < end) {
        size_t line = 0, left = (size_t)(end - head);
        while (line < left && head[line] != '\r' && head[line] != '\n')
            line++;
        if (left - line < 2 || head[line] != '\r' || head[line + 1] != '\n' || !read_line(d, head, line, &seen))
            return false;
        head += line + 2;
    }
    return seen;
}
