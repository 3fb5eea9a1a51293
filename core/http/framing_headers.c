/*
 * One header line: its form, and the few headers that decide where a request ends and what becomes of the connection.
 */
#include <string.h>
#include <strings.h>

#include "core/http/framing_private.h"

enum { LENGTH_DIGITS = 18 };

static bool equals(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && strncasecmp(text, word, length) == 0;
}

bool frame_is_host(const char *text, size_t length)
{
    if (length == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c != '\0' && strchr("-._~%!$&'()*+;=:[]", c));
        if (!good)
            return false;
    }
    return true;
}

static frame_status read_host(frame *f, const char *value, size_t length)
{
    if (f->has_host)
        return frame_refuse(f, 400, "More than one Host header");
    if (!frame_is_host(value, length))
        return frame_refuse(f, 400, "Malformed Host header");
    f->has_host = true;
    return FRAME_MORE;
}

static frame_status read_content_length(frame *f, const char *value, size_t length)
{
    /* Also when they agree: nobody in front of us may have believed another one. */
    if (f->has_content_length)
        return frame_refuse(f, 400, "More than one Content-Length");
    if (length == 0)
        return frame_refuse(f, 400, "Malformed Content-Length");
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++) {
        if (value[i] < '0' || value[i] > '9')
            return frame_refuse(f, 400, "Malformed Content-Length");
        if (i < LENGTH_DIGITS)
            number = number * 10 + (uint64_t)(value[i] - '0');
    }
    if (length > LENGTH_DIGITS)
        return frame_refuse(f, 413, "The body is too large");
    f->has_content_length = true;
    f->content_length = number;
    return FRAME_MORE;
}

static frame_status read_transfer_encoding(frame *f, const char *value, size_t length)
{
    if (f->chunked || length == 0)
        return frame_refuse(f, 400, "Malformed Transfer-Encoding");
    if (!equals(value, length, "chunked"))
        return frame_refuse(f, 501, "The only transfer coding known here is chunked");
    f->chunked = true;
    return FRAME_MORE;
}

static frame_status read_expect(frame *f, const char *value, size_t length)
{
    if (!equals(value, length, "100-continue"))
        return frame_refuse(f, 417, "The only expectation known here is 100-continue");
    f->expect_continue = f->minor > 0;
    return FRAME_MORE;
}

bool frame_list_next(const char *list, size_t length, size_t *at, frame_span *item)
{
    if (*at >= length)
        return false;
    const char *comma = memchr(list + *at, ',', length - *at);
    size_t end = comma ? (size_t)(comma - list) : length;
    size_t from = *at, to = end;
    while (from < to && (list[from] == ' ' || list[from] == '\t'))
        from++;
    while (to > from && (list[to - 1] == ' ' || list[to - 1] == '\t'))
        to--;
    *item = (frame_span){(uint32_t)from, (uint32_t)(to - from)};
    *at = end + 1;
    return true;
}

/* Of its words only two matter. */
static frame_status read_connection(frame *f, const char *value, size_t length)
{
    size_t at = 0;
    frame_span item;
    while (frame_list_next(value, length, &at, &item)) {
        f->close |= equals(value + item.at, item.length, "close");
        f->keep_alive |= equals(value + item.at, item.length, "keep-alive");
    }
    return FRAME_MORE;
}

static frame_status read_known(frame *f, const char *name, size_t name_length, const char *value, size_t length)
{
    if (equals(name, name_length, "Host"))
        return read_host(f, value, length);
    if (equals(name, name_length, "Content-Length"))
        return read_content_length(f, value, length);
    if (equals(name, name_length, "Transfer-Encoding"))
        return read_transfer_encoding(f, value, length);
    if (equals(name, name_length, "Expect"))
        return read_expect(f, value, length);
    if (equals(name, name_length, "Connection"))
        return read_connection(f, value, length);
    return FRAME_MORE;
}

frame_status frame_header(frame *f, const char *bytes, size_t at, size_t length)
{
    if (f->line_count == FRAME_LINES)
        return frame_refuse(f, 431, "Too many headers");
    if (bytes[at] == ' ' || bytes[at] == '\t')
        return frame_refuse(f, 400, "Folded headers are not accepted");
    const char *colon = memchr(bytes + at, ':', length);
    size_t name_length = colon ? (size_t)(colon - bytes) - at : 0;
    /* This also refuses white space in front of the colon. */
    if (!frame_is_token(bytes + at, name_length))
        return frame_refuse(f, 400, "Malformed header");
    size_t from = at + name_length + 1, to = at + length;
    if (!frame_is_value(bytes + from, to - from))
        return frame_refuse(f, 400, "Malformed header value");
    while (from < to && (bytes[from] == ' ' || bytes[from] == '\t'))
        from++;
    while (to > from && (bytes[to - 1] == ' ' || bytes[to - 1] == '\t'))
        to--;
    f->lines[f->line_count++] = (frame_line){
        .name = {(uint32_t)at, (uint32_t)name_length},
        .value = {(uint32_t)from, (uint32_t)(to - from)},
    };
    return read_known(f, bytes + at, name_length, bytes + from, to - from);
}
