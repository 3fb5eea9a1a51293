/*
 * Keys: what may be one. The rule is that of S3, less what proxies and browsers change on the way.
 */
#include <string.h>

#include "core/log/utf8.h"
#include "core/objects/driver.h"

static bool has_dots_between_slashes(const char *key)
{
    for (const char *at = key;; at++) {
        size_t length = strcspn(at, "/");
        if ((length == 1 && at[0] == '.') || (length == 2 && at[0] == '.' && at[1] == '.'))
            return true;
        at += length;
        if (!*at)
            return false;
    }
}

const char *key_problem(const char *key)
{
    if (!key || !*key)
        return "is empty";
    size_t length = strlen(key);
    if (length > LONGEST_KEY)
        return "has more than 1024 bytes";
    for (const char *at = key; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return "has control characters";
    if (!utf8_is_valid(key, length))
        return "is not UTF-8";
    return has_dots_between_slashes(key) ? "has \".\" or \"..\" between slashes" : NULL;
}
