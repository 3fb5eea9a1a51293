/*
 * See entity_tags.h.
 */
#include "core/http/entity_tags.h"

#include <string.h>

typedef struct entity_tag {
    bool weak;
    const char *opaque; /* what stands between the quotes */
    size_t length;
} entity_tag;

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

/* Any visible character but the quote, and any byte above ASCII; a comma is one of them, and nothing is escaped. */
static bool is_opaque(unsigned char c)
{
    return c > ' ' && c != '"' && c != 0x7f;
}

/* Reads one tag: what stands behind it, or NULL when this is none. */
static const char *read_tag(const char *text, entity_tag *tag)
{
    tag->weak = text[0] == 'W' && text[1] == '/';
    if (tag->weak)
        text += 2;
    if (*text++ != '"')
        return NULL;
    tag->opaque = text;
    while (is_opaque((unsigned char)*text))
        text++;
    tag->length = (size_t)(text - tag->opaque);
    return *text == '"' ? text + 1 : NULL;
}

static bool has_hash_behind(const entity_tag *tag, size_t version_length)
{
    return tag->length == version_length + 1 + ENTITY_TAG_HASH && tag->opaque[version_length] == '-' &&
           strspn(tag->opaque + version_length + 1, "0123456789abcdef") == ENTITY_TAG_HASH;
}

static bool fits(const entity_tag *tag, const entity_tag *wanted, tag_rule rule)
{
    if (rule != TAG_WEAK && (tag->weak || wanted->weak))
        return false;
    bool length_fits = tag->length == wanted->length || (rule == TAG_VERSION && has_hash_behind(tag, wanted->length));
    return length_fits && memcmp(tag->opaque, wanted->opaque, wanted->length) == 0;
}

bool entity_tag_is_sound(const char *tag)
{
    entity_tag parts;
    const char *end = read_tag(tag, &parts);
    return end && *end == '\0';
}

tags_found entity_tags_find(const char *list, const char *tag, tag_rule rule)
{
    entity_tag wanted = {.opaque = tag, .length = strlen(tag)}, item;
    if (rule != TAG_VERSION)
        read_tag(tag, &wanted);
    list = skip_blanks(list);
    if (*list == '*')
        return *skip_blanks(list + 1) == '\0' ? TAGS_ANY : TAGS_MALFORMED;
    tags_found found = TAGS_NONE;
    while (*(list += strspn(list, ", \t"))) {
        list = read_tag(list, &item);
        if (!list)
            return TAGS_MALFORMED;
        list = skip_blanks(list);
        if (*list && *list != ',')
            return TAGS_MALFORMED;
        if (fits(&item, &wanted, rule))
            found = TAGS_FOUND;
    }
    return found;
}
