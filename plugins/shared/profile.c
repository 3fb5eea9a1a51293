/*
 * The rules of profile.h.
 */
#include "plugins/shared/profile.h"

#include <string.h>
#include <strings.h>

bool profile_is_avatar_url(const char *url)
{
    if (url[0] == '\0')
        return false;
    for (const unsigned char *c = (const unsigned char *)url; *c; c++)
        if (*c <= ' ' || *c == 0x7f || *c == '\\')
            return false;
    /* What stands before a ':' is a scheme unless '/', '?' or '#' came first. */
    size_t head = strcspn(url, ":/?#");
    if (url[head] != ':')
        return true;
    if (strncasecmp(url, "http://", 7) == 0)
        return url[7] != '\0';
    return strncasecmp(url, "https://", 8) == 0 && url[8] != '\0';
}
