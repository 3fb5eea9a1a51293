/*
 * Forms of any bytes: the first line is the Content-Type, the rest the body. Parts lie in the body one behind the
 * other, and what is made of their names is a name.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/media/multipart.h"
#include "plugins/media/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_name(const multipart_part *part)
{
    static const unsigned char random[NAME_RANDOM] = {0x42};
    char stem[NAME_STEM_MAX + 1], name[NAME_MAX_LENGTH + 1];

    check(part->file_name_length <= MULTIPART_HEAD_MAX && strlen(part->file_name) == part->file_name_length);
    check(!strpbrk(part->file_name, "\r\n"));
    name_stem(part->file_name, part->file_name_length, stem);
    name_make(stem, random, "webp", name);
    check(name_is_made(name) && name_is_possible(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char type[512], boundary[MULTIPART_BOUNDARY_MAX + 1];
    const uint8_t *line = memchr(data, '\n', size);
    size_t length = line ? (size_t)(line - data) : size;
    if (!line || length >= sizeof type)
        return 0;
    memcpy(type, data, length);
    type[length] = '\0';
    multipart_is_form(type);
    if (!multipart_boundary(type, boundary))
        return 0;
    check(strlen(boundary) >= 1 && strlen(boundary) <= MULTIPART_BOUNDARY_MAX);

    size_t left = size - length - 1;
    uint8_t *body = malloc(left + 1); /* of exactly its size but for an empty one */
    if (!body)
        return 0;
    memcpy(body, line + 1, left);
    multipart m;
    multipart_part part;
    const unsigned char *end = body;
    multipart_open(&m, boundary, body, left);
    while (multipart_next(&m, &part) == MULTIPART_PART) {
        check(part.bytes >= end && part.length <= (size_t)(body + left - part.bytes));
        end = part.bytes + part.length;
        check(!memmem(part.bytes, part.length, m.delimiter, m.delimiter_length));
        if (part.is_file)
            check_name(&part);
    }
    free(body);
    return 0;
}
