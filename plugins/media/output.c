/*
 * See output.h.
 */
#include "plugins/media/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void output_begin(output *o, const unsigned char *file, size_t length)
{
    *o = (output){.bytes = file, .room = length + OUTPUT_MORE};
}

void output_free(output *o)
{
    free(o->copy);
    *o = (output){0};
}

static void make_copy(output *o)
{
    if (o->copy)
        return;
    o->copy = malloc(o->room);
    if (!o->copy) {
        fputs("talelio: out of memory\n", stderr);
        abort();
    }
    memcpy(o->copy, o->bytes, o->length);
    o->bytes = o->copy;
}

void output_keep(output *o, const unsigned char *from, size_t length)
{
    if (!o->copy && from == o->bytes + o->length)
        o->length += length;
    else
        output_add(o, from, length);
}

void output_add(output *o, const void *bytes, size_t length)
{
    make_copy(o);
    if (length > o->room - o->length) /* a mistake of ours */
        abort();
    memcpy(o->copy + o->length, bytes, length);
    o->length += length;
}

void output_change(output *o, size_t at, const void *bytes, size_t length)
{
    if (memcmp(o->bytes + at, bytes, length) == 0)
        return;
    make_copy(o);
    memcpy(o->copy + at, bytes, length);
}
