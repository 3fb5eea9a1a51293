/*
 * See addresses.h. What cannot stand in an address of the earlier service ends one; in doubt there is none.
 */
#include "plugins/import/addresses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define IMAGES "/images/"
#define API "/v1/users"

/* Characters of a URL, without those that Markdown or HTML put around one. */
static const char of_url[] = LETTERS_AND_DIGITS "-._~:/@!$&*+,;=%";

/* The segment that ends at `end`, in a URL whose host begins at `host`. */
static const char *segment_before(const char *host, const char *end)
{
    while (end > host && end[-1] != '/')
        end--;
    return end;
}

/* Reads what stands around "/images/" at `middle`, in a URL that starts at `url` and has `length` bytes. */
static bool read_address(const char *url, const char *host, size_t length, const char *middle, address *a)
{
    const char *file = middle + strlen(IMAGES), *owner = segment_before(host, middle);
    size_t file_length = strspn(file, LETTERS_AND_DIGITS "-_."), owner_length = (size_t)(middle - owner);

    if (file_length > (size_t)(url + length - file))
        file_length = (size_t)(url + length - file);
    if (file[file_length] == '/' || file[file_length] == '%')
        return false;
    /* The full stop of a sentence. */
    while (file_length > 0 && file[file_length - 1] == '.')
        file_length--;
    if (file_length == 0 || owner_length == 0)
        return false;
    const char *before = owner - 1;
    bool is_api = before - host > (ptrdiff_t)strlen(API) && memcmp(before - strlen(API), API, strlen(API)) == 0;
    if (!is_api && strspn(owner, "0123456789") < owner_length)
        return false;
    if (is_api)
        before -= strlen(API);
    if (before <= host)
        return false;
    *a = (address){.text = url,
                   .length = (size_t)(file + file_length - url),
                   .base = (size_t)(before - url),
                   .is_api = is_api,
                   .owner = owner,
                   .owner_length = owner_length,
                   .file = file,
                   .file_length = file_length};
    return true;
}

/* The next "http://" or "https://", and where its host begins. */
static const char *next_url(const char *from, const char **host)
{
    for (const char *at = strstr(from, "http"); at; at = strstr(at + 1, "http")) {
        size_t scheme = strncmp(at, "https://", 8) == 0 ? 8 : strncmp(at, "http://", 7) == 0 ? 7 : 0;
        if (scheme > 0) {
            *host = at + scheme;
            return at;
        }
    }
    return NULL;
}

bool address_next(const char *from, address *found)
{
    const char *host;

    /* One within another (a link of an archive, say) is a part of that one, and none of its own. */
    for (const char *url = next_url(from, &host); url; url = next_url(from, &host)) {
        size_t length = (size_t)(host - url) + strspn(host, of_url);
        const char *middle = memmem(host, (size_t)(url + length - host), IMAGES, strlen(IMAGES));
        if (middle && read_address(url, host, length, middle, found))
            return true;
        from = url + length;
    }
    return false;
}

char *addresses_rewrite(const char *text, const char *(*map)(void *arg, const address *found), void *arg)
{
    char *result = NULL;
    size_t size;
    FILE *out = open_memstream(&result, &size);
    address found;

    if (!out)
        return NULL;
    while (address_next(text, &found)) {
        const char *other = map(arg, &found);
        fwrite(text, 1, (size_t)(found.text - text), out);
        if (other)
            fputs(other, out);
        else
            fwrite(found.text, 1, found.length, out);
        text = found.text + found.length;
    }
    fputs(text, out);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(result);
        return NULL;
    }
    return result;
}
