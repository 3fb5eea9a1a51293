/*
 * Tags in Markdown: how one is read, and which may reach the page although HTML does not. What passes is an allow list
 * of whole outputs: nothing that an author wrote between < and > is ever copied. Pure, no allocation.
 */
#ifndef PLUGINS_ARTICLES_TAGS_H
#define PLUGINS_ARTICLES_TAGS_H

#include <stdbool.h>
#include <stddef.h>

#define TAG_NAME_MAX 20 /* characters of a name that are reported */

typedef enum tag_id {
    TAG_DIV,     /* with the class gallery only */
    TAG_DETAILS, /* these two are blocks, and hold blocks */
    TAG_SUMMARY, /* all of a paragraph, which then is none */
    TAG_KBD,     /* from here on within a line */
    TAG_S,
    TAG_SUB,
    TAG_SUP,
    TAG_MARK,
    TAG_BR, /* has no end */
    TAG_OTHER,
} tag_id;

typedef struct tag {
    tag_id id;
    bool closing;
    bool passes;        /* is on the list as it was written: TAG_DIV is any div, too */
    bool markdown;      /* of a gallery: it says markdown="1" */
    const char *output; /* of one that passes, what stands in the page; a string that is its own for each tag */
    size_t length;      /* from < to > */
} tag;

typedef enum tag_result { TAG_NONE, TAG_UNFINISHED, TAG_COMPLETE } tag_result;

/* Reads the tag at the start of `text`. TAG_UNFINISHED: what comes next may still make one of it. */
tag_result tag_read(const char *text, size_t length, tag *t);

/* The tag with this output, which tag_read gave. */
tag_id tag_of_output(const char *output, bool *closing);

/* "<name>" of a tag on the list. */
const char *tag_name(tag_id id);

typedef struct tag_mention {
    char name[TAG_NAME_MAX + 1]; /* lower case, cut; only letters, digits and hyphens, or ! or ? of what is no tag */
    bool closing;
} tag_mention;

/* The next thing in raw HTML, from *at on, that begins like a tag, a declaration or an instruction; comments are
 * skipped. Moves *at behind its name. */
bool tag_find(const char *text, size_t length, size_t *at, tag_mention *found);

#endif
