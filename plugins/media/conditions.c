/*
 * See conditions.h.
 */
#include "plugins/media/conditions.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

bool condition_if_range(const char *header, const char *etag)
{
    size_t length = strlen(etag);

    header = skip_blanks(header);
    return strncmp(header, etag, length) == 0 && *skip_blanks(header + length) == '\0';
}

/* Digits; -1 when there are none. Too many are a number that lies behind everything. */
static int64_t read_number(const char **text)
{
    int64_t number = **text >= '0' && **text <= '9' ? 0 : -1;

    for (; **text >= '0' && **text <= '9'; ++*text)
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, **text - '0', &number))
            number = INT64_MAX;
    return number;
}

range_status condition_range(const char *header, int64_t size, int64_t *first, int64_t *length)
{
    static const char unit[] = "bytes=";

    header = skip_blanks(header);
    if (strncasecmp(header, unit, sizeof unit - 1) != 0)
        return RANGE_WHOLE;
    header = skip_blanks(header + sizeof unit - 1);
    int64_t from = read_number(&header);
    if (*header++ != '-')
        return RANGE_WHOLE;
    int64_t to = read_number(&header);
    if (*skip_blanks(header) != '\0' || (from < 0 && to < 0) || (from >= 0 && to >= 0 && to < from))
        return RANGE_WHOLE;
    if (from < 0) { /* the last `to` bytes */
        if (to == 0)
            return RANGE_UNSATISFIABLE;
        from = to < size ? size - to : 0;
        to = size - 1;
    }
    if (from >= size)
        return RANGE_UNSATISFIABLE;
    if (to < 0 || to >= size)
        to = size - 1;
    *first = from;
    *length = to - from + 1;
    return RANGE_PART;
}
