/*
 * Entity tags and lists of them, as If-Match and If-None-Match have them (RFC 9110, 8.8.3 and 13.1). Pure.
 */
#ifndef CORE_HTTP_ENTITY_TAGS_H
#define CORE_HTTP_ENTITY_TAGS_H

#include <stdbool.h>
#include <stddef.h>

/* What stands behind a version and a '-' in a tag: that many hexadecimal digits. */
enum { ENTITY_TAG_HASH = 32 };

typedef enum tag_rule {
    TAG_STRONG,  /* neither may be weak */
    TAG_WEAK,    /* W/"a" is "a" */
    TAG_VERSION, /* strong, and a hash behind the version does not matter */
} tag_rule;

typedef enum tags_found {
    TAGS_MALFORMED, /* whatever else stands there */
    TAGS_NONE,      /* none is the tag, or the list is empty */
    TAGS_FOUND,
    TAGS_ANY, /* "*" */
} tags_found;

/* Whether this is one tag, with its quotes, and nothing else. */
bool entity_tag_is_sound(const char *tag);

/*
 * Looks for a tag in the value of a header, which may have empty elements; several lines are joined with commas before.
 * `tag`: sound; for TAG_VERSION the version alone, without quotes. The list is read to its end, so that a malformed one
 * is never taken for a match.
 */
tags_found entity_tags_find(const char *list, const char *tag, tag_rule rule);

#endif
