/*
 * Lists of entity tags: the rules agree on what is malformed, each finds what a stricter one does, and a tag that is
 * put behind a list is found in it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/entity_tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char behind[] = ",\"a\"";
    char *list = malloc(size + sizeof behind);
    if (!list)
        return 0;
    memcpy(list, data, size);
    list[size] = '\0';

    tags_found strong = entity_tags_find(list, "\"a\"", TAG_STRONG), weak = entity_tags_find(list, "\"a\"", TAG_WEAK);
    tags_found version = entity_tags_find(list, "a", TAG_VERSION);
    require((strong == TAGS_MALFORMED) == (weak == TAGS_MALFORMED));
    require((strong == TAGS_MALFORMED) == (version == TAGS_MALFORMED));
    require((strong == TAGS_ANY) == (weak == TAGS_ANY) && (strong == TAGS_ANY) == (version == TAGS_ANY));
    require(strong <= weak && strong <= version);
    if (entity_tag_is_sound(list))
        require(entity_tags_find(list, list, TAG_WEAK) == TAGS_FOUND);

    bool whole = strlen(list) == size;
    strcat(list, behind);
    if (whole && strong != TAGS_MALFORMED && strong != TAGS_ANY)
        require(entity_tags_find(list, "\"a\"", TAG_STRONG) == TAGS_FOUND);
    else if (whole)
        require(entity_tags_find(list, "\"a\"", TAG_STRONG) == TAGS_MALFORMED);
    free(list);
    return 0;
}
