/*
 * See examine.h.
 */
#include "plugins/media/examine.h"

static examine_status examine_file(const examination *e, const multipart_part *part, examined_file *file)
{
    if (part->length > e->max_file_size)
        return EXAMINE_TOO_LARGE;
    image_status status = image_read(part->bytes, part->length, &e->limits, &file->about);
    if (status != IMAGE_OK)
        return status == IMAGE_TOO_LARGE ? EXAMINE_TOO_LARGE : EXAMINE_INVALID_TYPE;
    file->bytes = part->bytes;
    file->length = part->length;
    name_stem(part->file_name, part->file_name_length, file->stem);
    sha256_of(part->bytes, part->length, file->hash);
    return EXAMINE_OK;
}

void examine(void *examination_of_form)
{
    examination *e = examination_of_form;
    multipart m;
    multipart_part part;
    multipart_status status;

    e->count = 0;
    e->status = EXAMINE_OK;
    multipart_open(&m, e->boundary, e->body, e->length);
    while (e->status == EXAMINE_OK && (status = multipart_next(&m, &part)) != MULTIPART_END) {
        if (status == MULTIPART_MALFORMED)
            e->status = EXAMINE_MALFORMED;
        else if (status == MULTIPART_TOO_MANY)
            e->status = EXAMINE_TOO_MANY_PARTS;
        else if (part.is_file && e->count == e->max_files)
            e->status = EXAMINE_TOO_MANY_FILES;
        else if (part.is_file && (e->status = examine_file(e, &part, &e->files[e->count])) == EXAMINE_OK)
            e->count++;
    }
}
