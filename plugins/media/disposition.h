/*
 * Headers with parameters, `value; name=value; name="value"`, and what a part's Content-Disposition says. Pure.
 */
#ifndef PLUGINS_MEDIA_DISPOSITION_H
#define PLUGINS_MEDIA_DISPOSITION_H

#include <stdbool.h>
#include <stddef.h>

typedef struct parameters {
    const char *at, *end;
    bool malformed;
} parameters;

typedef struct parameter {
    const char *name;
    size_t name_length;
    const char *value; /* without its quotes */
    size_t value_length;
    bool quoted;
} parameter;

/* Goes to the first ';'. */
void parameters_skip_value(parameters *list);
/* False at the end, and where the list is malformed. */
bool parameters_next(parameters *list, parameter *p);
/* The name, without regard to case. */
bool parameter_is(const parameter *p, const char *name);
/*
 * Copies the value to memory of `size` bytes, cut there, a NUL behind; returns its length. In quotes, a backslash
 * stands for itself unless a quote or a backslash follows: there have been browsers that sent paths of Windows.
 */
size_t parameter_value(const parameter *p, char *to, size_t size);

typedef struct disposition {
    char *file_name; /* the caller's memory */
    size_t size;
    size_t length;
    bool has_file_name;
} disposition;

/*
 * Reads a part's head, lines that each end with CR LF. False when it is malformed or no part of a form. `filename`
 * comes first; `filename*`, which forms may not use, counts when it is alone.
 */
bool disposition_read(disposition *d, const char *head, size_t length);

#endif
