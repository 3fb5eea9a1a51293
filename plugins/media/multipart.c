/*
 * The parts of a form, and the boundary between them. What a part's head says is in disposition.c.
 */
#include "plugins/media/multipart.h"

#include <string.h>
#include <strings.h>

#include "plugins/media/disposition.h"

static const char form_type[] = "multipart/form-data";

bool multipart_is_form(const char *content_type)
{
    size_t length = sizeof form_type - 1;

    content_type += strspn(content_type, " \t");
    if (strncasecmp(content_type, form_type, length) != 0)
        return false;
    content_type += length;
    content_type += strspn(content_type, " \t");
    return *content_type == '\0' || *content_type == ';';
}

/* RFC 2046: these, and a space that is not the last one. */
static bool is_boundary(const char *text, size_t length)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'()+_,-./:=? ";

    if (length < 1 || length > MULTIPART_BOUNDARY_MAX || text[length - 1] == ' ')
        return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\0' || !strchr(allowed, text[i]))
            return false;
    return true;
}

bool multipart_boundary(const char *content_type, char boundary[MULTIPART_BOUNDARY_MAX + 1])
{
    char value[MULTIPART_BOUNDARY_MAX + 2]; /* one too many is noticed */
    parameters list = {.at = content_type, .end = content_type + strlen(content_type)};
    parameter p;
    bool found = false;

    parameters_skip_value(&list);
    while (parameters_next(&list, &p)) {
        if (!parameter_is(&p, "boundary"))
            continue;
        size_t length = parameter_value(&p, value, sizeof value);
        if (found || !is_boundary(value, length))
            return false;
        memcpy(boundary, value, length);
        boundary[length] = '\0';
        found = true;
    }
    return found && !list.malformed;
}

void multipart_open(multipart *m, const char *boundary, const void *body, size_t length)
{
    size_t boundary_length = strlen(boundary);

    m->at = body;
    m->end = m->at + length;
    m->parts = 0;
    m->begun = false;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary, boundary_length + 1);
    m->delimiter_length = 4 + boundary_length;
}

/* The next delimiter from here on, NULL without one. */
static const unsigned char *find_delimiter(const multipart *m, const unsigned char *from)
{
    return memmem(from, (size_t)(m->end - from), m->delimiter, m->delimiter_length);
}

/* Goes behind the first boundary, which needs no line end before it at the start of the body. */
static bool begin(multipart *m)
{
    size_t dashed = m->delimiter_length - 2;

    m->begun = true;
    if ((size_t)(m->end - m->at) >= dashed && memcmp(m->at, m->delimiter + 2, dashed) == 0) {
        m->at += dashed;
        return true;
    }
    const unsigned char *found = find_delimiter(m, m->at);
    if (found)
        m->at = found + m->delimiter_length;
    return found != NULL;
}

/* Behind a boundary: the end of its line, or that of the form. */
static multipart_status end_of_boundary(multipart *m)
{
    const unsigned char *at = m->at;
    bool closes = m->end - at >= 2 && at[0] == '-' && at[1] == '-';

    if (closes)
        at += 2;
    while (at < m->end && (*at == ' ' || *at == '\t'))
        at++;
    if (closes && at == m->end)
        return MULTIPART_END;
    if (m->end - at < 2 || at[0] != '\r' || at[1] != '\n')
        return MULTIPART_MALFORMED;
    m->at = at + 2;
    return closes ? MULTIPART_END : MULTIPART_PART;
}

/* Reads a part's head and goes behind it. */
static bool read_head(multipart *m, multipart_part *part)
{
    size_t left = (size_t)(m->end - m->at), limit = left < MULTIPART_HEAD_MAX ? left : MULTIPART_HEAD_MAX;
    const unsigned char *end = memmem(m->at, limit, "\r\n\r\n", 4);
    disposition d = {.file_name = m->file_name, .size = sizeof m->file_name};

    if (!end || !disposition_read(&d, (const char *)m->at, (size_t)(end + 2 - m->at)))
        return false;
    m->at = end + 4;
    part->is_file = d.has_file_name;
    part->file_name = m->file_name;
    part->file_name_length = d.length;
    return true;
}

multipart_status multipart_next(multipart *m, multipart_part *part)
{
    if (!m->begun && !begin(m))
        return MULTIPART_MALFORMED;
    multipart_status status = end_of_boundary(m);
    if (status != MULTIPART_PART)
        return status;
    if (++m->parts > MULTIPART_PARTS_MAX)
        return MULTIPART_TOO_MANY;
    if (!read_head(m, part))
        return MULTIPART_MALFORMED;
    /* The empty line behind the head may be the delimiter's own: a part without a body. */
    const unsigned char *found = find_delimiter(m, m->at - 2);
    if (!found)
        return MULTIPART_MALFORMED;
    part->bytes = m->at;
    part->length = found > m->at ? (size_t)(found - m->at) : 0;
    if (part->file_name_length == 0 && part->length == 0)
        part->is_file = false;
    m->at = found + m->delimiter_length;
    return MULTIPART_PART;
}
