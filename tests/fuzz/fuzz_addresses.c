/*
 * Addresses in any text: they lie within it, one behind the other, and what maps nothing changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/import/addresses.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static const char *map_nothing(void *arg, const address *found)
{
    (void)arg;
    (void)found;
    return NULL;
}

static const char *map_all(void *arg, const address *found)
{
    ++*(size_t *)arg;
    require(found->length > 0);
    return "";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';

    size_t count = 0, mapped = 0;
    address found;
    for (const char *at = text; address_next(at, &found); at = found.text + found.length, count++) {
        require(found.text >= at && strlen(found.text) >= found.length && found.base < found.length);
        require(found.owner > found.text + found.base && found.file > found.owner + found.owner_length);
        require(found.file + found.file_length == found.text + found.length);
    }
    char *same = addresses_rewrite(text, map_nothing, NULL);
    require(same && strcmp(same, text) == 0);
    char *other = addresses_rewrite(text, map_all, &mapped);
    require(other && mapped == count && strlen(other) <= strlen(text));
    free(other);
    free(same);
    free(text);
    return 0;
}
