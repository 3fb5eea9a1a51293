/*
 * What is kept of a file, in order. As long as nothing has been left out in the middle it lies in the file itself; then
 * in a copy. Pure. Ends the process when memory is short.
 */
#ifndef PLUGINS_MEDIA_OUTPUT_H
#define PLUGINS_MEDIA_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

/* How much longer than the file the output may be: an end that was missing, padding, a larger EXIF. */
enum { OUTPUT_MORE = 64 };

typedef struct output {
    const unsigned char *bytes; /* in the file or in `copy` */
    size_t length;
    unsigned char *copy; /* NULL until it is needed */
    size_t room;
} output;

/* Begins at the first byte of a file, with nothing kept. */
void output_begin(output *o, const unsigned char *file, size_t length);
/* The copy; twice is fine. */
void output_free(output *o);

/* Appends bytes of the file: no copy while they follow what has been kept. */
void output_keep(output *o, const unsigned char *from, size_t length);
/* Appends other bytes. */
void output_add(output *o, const void *bytes, size_t length);
/* Changes bytes that have been appended; the file's own stay as they are. */
void output_change(output *o, size_t at, const void *bytes, size_t length);

#endif
