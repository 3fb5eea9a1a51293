/*
 * What S3 answers in XML: errors, lists, and the little that the other calls say.
 */
#ifndef CORE_OBJECTS_S3_XML_H
#define CORE_OBJECTS_S3_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/memory/arena.h"

typedef struct s3_item {
    const char *key;
    const char *etag;
    const char *upload_id; /* in a list of uploads */
    int64_t size;
    int64_t modified; /* microseconds; of an upload: when it was begun */
} s3_item;

/* Strings that are not there are "". */
typedef struct s3_answer {
    const char *root; /* the name of the outermost element */
    const char *code; /* of an error */
    const char *upload_id;
    bool is_truncated;
    bool is_url_encoded; /* keys were, and have been decoded */
    s3_item *items;
    size_t count;
} s3_answer;

/*
 * NULL when this is no well-formed XML, has a DOCTYPE, nests deeper than such answers do, or has more than 1000 items
 * or one without a key. `about` all else it is lenient: unknown elements are skipped.
 */
s3_answer *s3_xml_read(arena *a, const char *text, size_t length);

/* Text as it may stand in an element. */
const char *s3_xml_escape(arena *a, const char *text);

/* 2013-05-24T00:00:00.000Z in microseconds since 1970; -1 when it is no such time. */
int64_t s3_xml_time(const char *text);

#endif
