/*
 * Arithmetic of pages.
 */
#include "plugins/shared/paging.h"

#include <inttypes.h>
#include <stdio.h>

bool paging_number(const char *text, int64_t *number)
{
    int64_t value = 0;

    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *text - '0', &value))
            value = INT64_MAX;
    }
    *number = value;
    return value > 0;
}

int64_t paging_pages(int64_t total, int64_t limit)
{
    return total <= 0 ? 1 : (total - 1) / limit + 1;
}

static void add_link(char *out, size_t *length, const char *path, int64_t page, int64_t limit, const char *relation)
{
    int added =
        snprintf(out + *length, PAGING_LINK_SIZE - *length, "%s<%.128s?page=%" PRId64 "&limit=%" PRId64 ">; rel=\"%s\"",
                 *length > 0 ? ", " : "", path, page, limit, relation);
    if (added > 0)
        *length += (size_t)added;
}

bool paging_link(char out[PAGING_LINK_SIZE], const char *path, int64_t page, int64_t limit, int64_t total)
{
    int64_t pages = paging_pages(total, limit);
    size_t length = 0;

    out[0] = '\0';
    if (pages == 1 && page == 1)
        return false;
    if (page < pages)
        add_link(out, &length, path, page + 1, limit, "next");
    if (page > 1)
        add_link(out, &length, path, page > pages ? pages : page - 1, limit, "prev");
    add_link(out, &length, path, 1, limit, "first");
    add_link(out, &length, path, pages, limit, "last");
    return true;
}
