/*
 * The head of a request: lines, request line, and what the lines mean together. Headers that decide about framing are
 * in framing_headers.c.
 */
#include "core/http/framing.h"

#include <string.h>
#include <strings.h>

#include "core/http/framing_private.h"

void frame_reset(frame *f)
{
    memset(f, 0, offsetof(frame, lines));
}

frame_status frame_refuse(frame *f, int status, const char *message)
{
    f->refusal = (frame_refusal){status, message};
    return FRAME_REFUSED;
}

bool frame_is_token(const char *text, size_t length)
{
    if (length == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                    c == '_' || (c != '\0' && strchr("!#$%&'*+.^`|~", c));
        if (!good)
            return false;
    }
    return true;
}

bool frame_is_value(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

int frame_find(const frame *f, const char *bytes, const char *name, size_t from)
{
    size_t length = strlen(name);
    for (size_t i = from; i < f->line_count; i++) {
        if (f->lines[i].name.length == length && strncasecmp(bytes + f->lines[i].name.at, name, length) == 0)
            return (int)i;
    }
    return -1;
}

static const struct {
    const char *name;
    frame_method method;
} methods[] = {
    {"GET", FRAME_GET},         {"HEAD", FRAME_HEAD},   {"POST", FRAME_POST},     {"PUT", FRAME_PUT},
    {"OPTIONS", FRAME_OPTIONS}, {"PATCH", FRAME_PATCH}, {"DELETE", FRAME_DELETE},
};

static frame_method method_of(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (strlen(methods[i].name) == length && memcmp(methods[i].name, text, length) == 0)
            return methods[i].method;
    }
    return FRAME_UNKNOWN;
}

/* The length of "http://host" in front of a target, 0 when there is none, SIZE_MAX when it is malformed. */
static size_t authority_length(const char *target, size_t length)
{
    size_t at = 0;
    if (length > 7 && strncasecmp(target, "http://", 7) == 0)
        at = 7;
    else if (length > 8 && strncasecmp(target, "https://", 8) == 0)
        at = 8;
    else
        return 0;
    size_t start = at;
    while (at < length && target[at] != '/' && target[at] != '?')
        at++;
    if (!frame_is_host(target + start, at - start) || (at < length && target[at] == '?'))
        return SIZE_MAX;
    return at;
}

/*
 * Asterisk, origin form, or absolute form, which is cut to its origin form: this server has one host, and its name must
 * not come from the target.
 */
static frame_status read_target(frame *f, const char *bytes, size_t at, size_t length)
{
    for (size_t i = at; i < at + length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c <= ' ' || c >= 0x7f || c == '#')
            return frame_refuse(f, 400, "Malformed request target");
    }
    if (length == 1 && bytes[at] == '*' && f->method == FRAME_OPTIONS) {
        f->is_asterisk = true;
        f->target = f->path = (frame_span){(uint32_t)at, 1};
        return FRAME_MORE;
    }
    size_t skipped = authority_length(bytes + at, length);
    if (skipped == SIZE_MAX || (skipped == 0 && (length == 0 || bytes[at] != '/')))
        return frame_refuse(f, 400, "Malformed request target");
    at += skipped;
    length -= skipped;
    const char *question = length > 0 ? memchr(bytes + at, '?', length) : NULL;
    size_t path_length = question ? (size_t)(question - bytes) - at : length;
    f->target = (frame_span){(uint32_t)at, (uint32_t)length};
    f->path = (frame_span){(uint32_t)at, (uint32_t)path_length};
    f->has_query = question != NULL;
    if (question)
        f->query = (frame_span){(uint32_t)(at + path_length + 1), (uint32_t)(length - path_length - 1)};
    return FRAME_MORE;
}

static frame_status read_version(frame *f, const char *text, size_t length)
{
    bool well_formed = length == 8 && memcmp(text, "HTTP/", 5) == 0 && text[5] >= '0' && text[5] <= '9' &&
                       text[6] == '.' && text[7] >= '0' && text[7] <= '9';
    if (!well_formed)
        return frame_refuse(f, 400, "Malformed request line");
    if (text[5] != '1' || text[7] > '1')
        return frame_refuse(f, 505, "Only HTTP/1.0 and HTTP/1.1 are served here");
    f->minor = text[7] - '0';
    return FRAME_MORE;
}

static frame_status read_request_line(frame *f, const char *bytes, size_t at, size_t length)
{
    if (length == 0) {
        /* RFC 9112 asks to ignore an empty line in front; some clients send one behind a body. */
        if (f->skipped_empty_line)
            return frame_refuse(f, 400, "Malformed request line");
        f->skipped_empty_line = true;
        return FRAME_MORE;
    }
    const char *line = bytes + at;
    const char *space = memchr(line, ' ', length);
    size_t method_length = space ? (size_t)(space - line) : 0;
    if (!frame_is_token(line, method_length))
        return frame_refuse(f, 400, "Malformed request line");
    size_t target_at = method_length + 1;
    space = memchr(line + target_at, ' ', length - target_at);
    if (!space)
        return frame_refuse(f, 400, "Malformed request line");
    size_t version_at = (size_t)(space - line) + 1;
    if (read_version(f, line + version_at, length - version_at) == FRAME_REFUSED)
        return FRAME_REFUSED;
    f->method = method_of(line, method_length);
    f->method_text = (frame_span){(uint32_t)at, (uint32_t)method_length};
    if (f->method == FRAME_UNKNOWN)
        return frame_refuse(f, 501, "Unknown method");
    f->has_request_line = true;
    return read_target(f, bytes, at + target_at, version_at - 1 - target_at);
}

/* The lines are all there: do they go together? */
static frame_status finish(frame *f)
{
    f->length = f->line;
    if (f->minor > 0 && !f->has_host)
        return frame_refuse(f, 400, "A Host header is required");
    if (f->chunked && f->has_content_length)
        return frame_refuse(f, 400, "Content-Length and Transfer-Encoding exclude each other");
    if (f->chunked && f->minor == 0)
        return frame_refuse(f, 400, "HTTP/1.0 knows no Transfer-Encoding");
    return FRAME_DONE;
}

/* What cannot be part of a request line is refused where it stands, whether the line has ended or not. */
static bool may_be_request_line(const char *bytes, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if ((c < ' ' && c != '\r') || c >= 0x7f)
            return false;
    }
    return true;
}

/* No line has ended yet. */
static frame_status read_partial(frame *f, const char *bytes, size_t length, const frame_limits *limits)
{
    size_t from = f->scanned;
    f->scanned = length;
    if (!f->has_request_line && !may_be_request_line(bytes, from, length))
        return frame_refuse(f, 400, "Malformed request line");
    if (!f->has_request_line && length - f->line > limits->request_line + 2)
        return frame_refuse(f, 414, "The request target is too long");
    if (length > limits->head)
        return frame_refuse(f, 431, "The headers are too large");
    return FRAME_MORE;
}

frame_status frame_head(frame *f, const char *bytes, size_t length, const frame_limits *limits)
{
    frame_status status = f->refusal.message ? FRAME_REFUSED : FRAME_MORE;
    while (status == FRAME_MORE) {
        const char *end = memchr(bytes + f->scanned, '\n', length - f->scanned);
        if (!end)
            return read_partial(f, bytes, length, limits);
        size_t at = f->line, line_length = (size_t)(end - bytes) - at;
        if (!f->has_request_line && !may_be_request_line(bytes, f->scanned, at + line_length))
            return frame_refuse(f, 400, "Malformed request line");
        f->scanned = f->line = at + line_length + 1;
        if (!f->has_request_line && line_length > limits->request_line + 1)
            return frame_refuse(f, 414, "The request target is too long");
        if (f->line > limits->head)
            return frame_refuse(f, 431, "The headers are too large");
        if (line_length == 0 || bytes[at + line_length - 1] != '\r')
            return frame_refuse(f, 400, "Lines end with CR LF");
        line_length--;
        if (!f->has_request_line)
            status = read_request_line(f, bytes, at, line_length);
        else if (line_length == 0)
            status = finish(f);
        else
            status = frame_header(f, bytes, at, line_length);
    }
    return status;
}
