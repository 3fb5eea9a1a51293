/*
 * See name.h.
 */
#include "plugins/media/name.h"

#include <stdio.h>
#include <string.h>

/* Where the extension starts. */
static size_t end_of_stem(const char *name, size_t length)
{
    size_t first = 0, dot = length;

    for (size_t i = 0; i < length; i++) {
        if (name[i] == '/' || name[i] == '\\') {
            first = i + 1;
            dot = length;
        } else if (name[i] == '.' && i > first) {
            dot = i;
        }
    }
    return dot;
}

void name_stem(const char *name, size_t length, char stem[NAME_STEM_MAX + 1])
{
    size_t end = end_of_stem(name, length), used = 0;

    for (size_t i = 0; i < end && used < NAME_STEM_MAX; i++) {
        char c = name[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        else if (c == ' ')
            c = '_';
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')
            stem[used++] = c;
    }
    stem[used] = '\0';
}

void name_shown(const char *name, size_t length, char shown[NAME_SHOWN_MAX + 1])
{
    size_t used = length < NAME_SHOWN_MAX ? length : NAME_SHOWN_MAX;

    while (used > 0 && used < length && (name[used] & 0xc0) == 0x80) /* UTF-8, cut in the middle */
        used--;
    for (size_t i = 0; i < used; i++)
        shown[i] = (unsigned char)name[i] < ' ' || name[i] == 0x7f ? '?' : name[i];
    shown[used] = '\0';
}

static void write_uuid(const unsigned char random[NAME_RANDOM], char uuid[NAME_UUID + 1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[NAME_RANDOM];
    size_t used = 0;

    memcpy(bytes, random, sizeof bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40; /* version 4 */
    bytes[8] = (bytes[8] & 0x3f) | 0x80; /* of RFC 9562 */
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            uuid[used++] = '-';
        uuid[used++] = digits[bytes[i] >> 4];
        uuid[used++] = digits[bytes[i] & 15];
    }
    uuid[used] = '\0';
}

void name_make(const char *stem, const unsigned char random[NAME_RANDOM], const char *extension,
               char name[NAME_MAX_LENGTH + 1])
{
    char uuid[NAME_UUID + 1];

    write_uuid(random, uuid);
    snprintf(name, NAME_MAX_LENGTH + 1, "%.*s_%s.%.4s", NAME_STEM_MAX, stem, uuid, extension);
}

bool name_is_made(const char *name)
{
    size_t plain = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    return plain > NAME_UUID && name[plain] == '.' && strlen(name) <= NAME_MAX_LENGTH &&
           strspn(name + plain + 1, "abcdefghijklmnopqrstuvwxyz") == strlen(name) - plain - 1;
}

bool name_is_possible(const char *name)
{
    static const char hex_and_hyphen[] = "0123456789abcdef-";
    size_t stem = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    if (stem == 0 || strlen(name) > NAME_LONGEST)
        return false;
    if (name[stem] == '\0') {
        size_t uuid = stem > NAME_UUID ? stem - NAME_UUID : 0;
        return uuid > 0 && name[uuid - 1] == '_' && strspn(name + uuid, hex_and_hyphen) == NAME_UUID;
    }
    size_t extension = strlen(name + stem + 1);
    return name[stem] == '.' && extension >= 1 && extension <= NAME_EXTENSION_MAX &&
           strspn(name + stem + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == extension;
}
