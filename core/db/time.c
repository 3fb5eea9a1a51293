/*
 * PostgreSQL's text of a timestamptz (DateStyle ISO, TimeZone UTC) as RFC 3339.
 */
#include <ctype.h>
#include <string.h>

#include "core/db/private.h"

/* True when `text` begins as `pattern` does, where 0 stands for any digit. */
static bool looks_like(const char *text, const char *pattern)
{
    for (; *pattern; text++, pattern++) {
        if (*pattern == '0' ? !isdigit((unsigned char)*text) : *text != *pattern)
            return false;
    }
    return true;
}

bool time_from_postgres(const char *text, char out[static 28])
{
    if (!looks_like(text, "0000-00-00 00:00:00"))
        return false;
    memcpy(out, text, 19);
    out[10] = 'T';
    memcpy(out + 19, ".000000Z", 9);
    const char *rest = text + 19;
    if (*rest == '.') {
        rest++;
        for (int digits = 0; isdigit((unsigned char)*rest); digits++, rest++) {
            if (digits == 6)
                return false;
            out[20 + digits] = *rest;
        }
    }
    /* Another offset, or " BC" behind it, is not what this says. */
    return strcmp(rest, "+00") == 0;
}
