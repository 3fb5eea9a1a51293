/*
 * The end of an object's file, as it may be after a disk has failed or somebody has written there: nothing is read
 * beyond it, and what is taken is written as the same again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/objects/dir_trailer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_text(const char *value, size_t size)
{
    size_t length = strnlen(value, size);
    return length < size && !memchr(value, '\n', length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char again[DIR_TRAILER];
    dir_about about = {0}, same = {0};
    /* Exactly as long as it is: a byte read behind it is found. */
    char *trailer = malloc(DIR_TRAILER);
    if (!trailer)
        abort();
    memset(trailer, ' ', DIR_TRAILER);
    memcpy(trailer, data, size < DIR_TRAILER ? size : DIR_TRAILER);
    if (dir_trailer_read(trailer, &about)) {
        if (!is_text(about.etag, sizeof about.etag) || !is_text(about.content_type, sizeof about.content_type) ||
            !is_text(about.cache_control, sizeof about.cache_control))
            abort();
        dir_trailer_write(again, &about);
        if (!dir_trailer_read(again, &same) || memcmp(&about, &same, sizeof about) != 0)
            abort();
    }
    free(trailer);
    return 0;
}
