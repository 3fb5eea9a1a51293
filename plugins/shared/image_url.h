/*
 * Which addresses an article's image may have. Pure.
 */
#ifndef PLUGINS_SHARED_IMAGE_URL_H
#define PLUGINS_SHARED_IMAGE_URL_H

#include <stdbool.h>
#include <strings.h>

/* A path that starts with one '/', or an http or https URL; without white space, control characters and backslashes. */
static inline bool image_url_is_possible(const char *url)
{
    for (const unsigned char *c = (const unsigned char *)url; *c; c++)
        if (*c <= ' ' || *c == 0x7f || *c == '\\')
            return false;
    if (strncasecmp(url, "http://", 7) == 0)
        return url[7] != '\0';
    if (strncasecmp(url, "https://", 8) == 0)
        return url[8] != '\0';
    return url[0] == '/' && url[1] != '/';
}

#endif
