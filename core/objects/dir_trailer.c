/*
 * The trailer of an object's file: lines of text, the last of them filled up with blanks to the fixed size.
 */
#include <stdio.h>
#include <string.h>

#include "core/objects/dir_trailer.h"

#define HEAD "\ntalelio object 1\n"

void dir_trailer_write(char trailer[DIR_TRAILER], const dir_about *about)
{
    memset(trailer, ' ', DIR_TRAILER);
    int length = snprintf(trailer, DIR_TRAILER, HEAD "etag %s\ntype %s\ncache %s\npublic %s\n", about->etag,
                          about->content_type, about->cache_control, about->is_public ? "yes" : "no");
    trailer[length] = ' ';
    trailer[DIR_TRAILER - 1] = '\n';
}

/* Takes one line "name value"; false when it is another, or its value too long. */
static bool take(char **at, const char *name, char *value, size_t size)
{
    size_t length = strlen(name);
    char *end = strchr(*at, '\n');
    if (!end || strncmp(*at, name, length) != 0 || (*at)[length] != ' ' || (size_t)(end - *at) - length > size)
        return false;
    *end = '\0';
    memcpy(value, *at + length + 1, (size_t)(end - *at) - length);
    *at = end + 1;
    return true;
}

bool dir_trailer_read(const char trailer[DIR_TRAILER], dir_about *about)
{
    char text[DIR_TRAILER + 1];
    char answer[4];
    memcpy(text, trailer, DIR_TRAILER);
    text[DIR_TRAILER] = '\0';
    char *at = text + strlen(HEAD);
    if (memcmp(text, HEAD, strlen(HEAD)) != 0 || !take(&at, "etag", about->etag, sizeof about->etag) ||
        !take(&at, "type", about->content_type, sizeof about->content_type) ||
        !take(&at, "cache", about->cache_control, sizeof about->cache_control) ||
        !take(&at, "public", answer, sizeof answer))
        return false;
    about->is_public = strcmp(answer, "yes") == 0;
    return true;
}
