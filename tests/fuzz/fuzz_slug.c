/*
 * Slugs of any bytes: what they promise to consist of, that a slug's slug is itself, and that its path finds it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "plugins/articles/slug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_points(const char *slug, size_t length)
{
    size_t count = 0;
    utf8proc_int32_t before = '-';

    for (size_t at = 0; at < length; count++) {
        utf8proc_int32_t point;
        utf8proc_ssize_t used =
            utf8proc_iterate((const utf8proc_uint8_t *)slug + at, (utf8proc_ssize_t)(length - at), &point);
        require(used > 0);
        require(point != '-' || before != '-');
        require(point == '-' || utf8proc_category(point) <= UTF8PROC_CATEGORY_NO);
        require(point != 0 && utf8proc_category(point) != UTF8PROC_CATEGORY_CN);
        before = point;
        at += (size_t)used;
    }
    require(count <= SLUG_MAX && (length == 0 || before != '-'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char slug[SLUG_SIZE], again[SLUG_SIZE], found[SLUG_STORED_SIZE];
    size_t length = slug_make((const char *)data, size, slug);

    require(length == strlen(slug));
    check_points(slug, length);
    require(length == 0 || (slug_from_path(slug, found) && strcmp(slug, found) == 0));
    slug_make(slug, length, again);
    require(strcmp(slug, again) == 0);

    char *text = malloc(size + 1);
    if (text) {
        memcpy(text, data, size);
        text[size] = '\0';
        require(!slug_from_path(text, found) || strlen(found) < sizeof found);
        free(text);
    }
    return 0;
}
