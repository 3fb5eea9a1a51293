/*
 * Percent-decoding of paths and queries: each piece once, and refused when it hides something. Pure.
 */
#ifndef CORE_HTTP_PATH_H
#define CORE_HTTP_PATH_H

#include <stdbool.h>
#include <stddef.h>

enum { PATH_SEGMENTS = 32 };

typedef struct path_segments {
    size_t count; /* 0: "/" */
    struct {
        const char *text; /* decoded; no NUL behind it */
        size_t length;
    } item[PATH_SEGMENTS];
} path_segments;

typedef enum path_result {
    PATH_OK,
    PATH_MALFORMED, /* bad percent-encoding or UTF-8; or decodes to NUL, '/', "." or "..": 400 */
    PATH_NOWHERE,   /* empty segments, or more than anybody routes: 404 */
} path_result;

/* What a hexadecimal digit stands for, or -1. */
int hex_digit(char digit);

/*
 * Splits a path as it was sent, then decodes each segment. `scratch` has room for `length` bytes, or is NULL when the
 * path has no '%' in it. The segments point into the path or the scratch.
 */
path_result path_split(const char *path, size_t length, char *scratch, path_segments *out);

/*
 * Decodes "%41" and, with `plus`, '+' to a space. `to` has room for `length` bytes. Returns the length of the result,
 * or -1 when the encoding is malformed, gives a NUL, or gives no valid UTF-8.
 */
long percent_decode(const char *text, size_t length, bool plus, char *to);

/* A pair of a query, undecoded. */
typedef struct query_pair {
    const char *name;
    size_t name_length;
    const char *value;
    size_t value_length;
} query_pair;

/* Takes the next pair from the front of the query; false at its end. */
bool query_next(const char **query, size_t *length, query_pair *pair);

/* True when every pair decodes. `scratch` has room for `length` bytes. */
bool query_is_valid(const char *query, size_t length, char *scratch);

#endif
