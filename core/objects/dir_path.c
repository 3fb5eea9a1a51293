/*
 * Keys to paths and back.
 *
 * Segments of the key are folders, and the last one is a file whose name ends in '='. All but letters, digits, '-',
 * '_',
 * '~' and '.' (that one not at the beginning) is percent-encoded, so no name is "." or "..", hidden, or has a slash. An
 * empty segment is "%". A segment of 80 bytes or more goes on in a folder "<80 bytes>+", since a name has at most 255.
 * Within a folder the names' parts of the keys, with the slash that follows them, have the order of the keys.
 */
#include <string.h>

#include "core/objects/dir.h"

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '~' || c == '.';
}

static char *escape(char *to, const char *from, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)from[i];
        if (is_plain(c) && (c != '.' || i > 0)) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    return to;
}

/* A key of 1024 bytes has a path of at most 3072 bytes for its bytes, 12 for what goes on, and one. */
void dir_path(const char *key, char path[DIR_PATH])
{
    char *to = path;
    for (;;) {
        size_t length = strcspn(key, "/");
        for (; length >= DIR_PIECE; length -= DIR_PIECE, key += DIR_PIECE) {
            to = escape(to, key, DIR_PIECE);
            *to++ = '+';
            *to++ = '/';
        }
        to = escape(to, key, length);
        key += length;
        if (!*key)
            break;
        if (length == 0)
            *to++ = '%';
        *to++ = '/';
        key++;
    }
    *to++ = '=';
    *to = '\0';
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

dir_kind dir_unescape(const char *name, char part[DIR_PIECE + 2])
{
    size_t length = strlen(name), used = 0;
    dir_kind kind = DIR_SEGMENT;
    if (length == 0 || name[0] == '.')
        return DIR_NOTHING;
    if (name[length - 1] == '=')
        kind = DIR_OBJECT;
    else if (name[length - 1] == '+')
        kind = DIR_CONTINUED;
    if (kind != DIR_SEGMENT)
        length--;
    if (kind == DIR_SEGMENT && strcmp(name, "%") == 0)
        length = 0;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        if (used == DIR_PIECE)
            return DIR_NOTHING;
        if (c == '%') {
            int high = i + 2 < length ? hex(name[i + 1]) : -1;
            int low = i + 2 < length ? hex(name[i + 2]) : -1;
            if (high < 0 || low < 0)
                return DIR_NOTHING;
            c = (char)(high << 4 | low);
            /* One key has one name. */
            if (c == '/' || (is_plain((unsigned char)c) && (c != '.' || i > 0)))
                return DIR_NOTHING;
            i += 2;
        } else if (!is_plain((unsigned char)c)) {
            return DIR_NOTHING;
        }
        part[used++] = c;
    }
    if ((kind == DIR_CONTINUED) != (used == DIR_PIECE))
        return DIR_NOTHING;
    if (kind == DIR_SEGMENT)
        part[used++] = '/';
    part[used] = '\0';
    return kind;
}
