/*
 * Kinds of URLs.
 */
#include "plugins/articles/links.h"

#include <string.h>
#include <strings.h>

/* `url` without the characters that browsers leave out (and a few more), as far as it fits. */
static void squeeze(const char *url, char *out, size_t size)
{
    size_t length = 0;

    for (; *url && length + 1 < size; url++)
        if ((unsigned char)*url > ' ' && *url != 0x7f)
            out[length++] = *url;
    out[length] = '\0';
}

static bool starts_with(const char *text, const char *start)
{
    return strncasecmp(text, start, strlen(start)) == 0;
}

/* A data: URL of a raster image, exactly as these are written: whatever hides something in its type is none. */
static bool is_raster_image(const char *url)
{
    static const char *const types[] = {"png", "gif", "jpeg", "webp"};

    if (!starts_with(url, "data:image/"))
        return false;
    url += strlen("data:image/");
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        size_t length = strlen(types[i]);
        if (starts_with(url, types[i]) && (url[length] == ';' || url[length] == ','))
            return true;
    }
    return false;
}

bool link_is_dangerous(const char *url)
{
    static const char *const never[] = {
        "javascript:", "vbscript:", "livescript:", "mocha:", "file:", "filesystem:", "blob:", "view-source:", "data:"};
    char start[32];

    if (is_raster_image(url))
        return false;
    squeeze(url, start, sizeof(start));
    for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
        if (starts_with(start, never[i]))
            return true;
    return false;
}

/* The host that stands behind the "//" at `authority`. */
static bool read_host(const char *authority, char host[LINK_HOST_SIZE])
{
    size_t length = strcspn(authority, "/?#\\");
    const char *end = authority + length;
    const char *start = memrchr(authority, '@', length);

    start = start ? start + 1 : authority;
    const char *stop = *start == '[' ? memchr(start, ']', (size_t)(end - start)) : NULL; /* an IPv6 address */
    stop = stop ? stop + 1 : start;
    const char *colon = memchr(stop, ':', (size_t)(end - stop));
    if (colon)
        end = colon;
    if (end == start || end - start >= LINK_HOST_SIZE)
        return false;
    for (const char *c = start; c < end; c++)
        host[c - start] = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    host[end - start] = '\0';
    return true;
}

bool link_host(const char *url, char host[LINK_HOST_SIZE])
{
    if (!starts_with(url, "http://") && !starts_with(url, "https://"))
        return false;
    return read_host(strchr(url, '/') + 2, host);
}

bool link_is_external(const char *url, const char *site_host)
{
    char host[LINK_HOST_SIZE];
    size_t scheme = strcspn(url, ":/?#");

    if (url[scheme] == ':') {
        if (starts_with(url, "mailto:") || starts_with(url, "tel:"))
            return false;
        url += scheme + 1;
        if (strncmp(url, "//", 2) != 0)
            return true;
    } else if (strncmp(url, "//", 2) != 0) {
        return false;
    }
    return !read_host(url + 2, host) || strcmp(host, site_host) != 0;
}
