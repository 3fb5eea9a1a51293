/*
 * See examine.h.
 */
#include "plugins/media/examine.h"

#include <inttypes.h>
#include <stdio.h>

enum { PROBLEM_MAX = 100 };

/* Notes which file is wrong, and how. */
static examine_status refuse(examination *e, const multipart_part *part, examine_status status, const char *problem)
{
    char name[NAME_SHOWN_MAX + 1];

    name_shown(part->file_name, part->file_name_length, name);
    if (name[0])
        snprintf(e->problem, sizeof e->problem, "'%s' %s", name, problem);
    else
        snprintf(e->problem, sizeof e->problem, "a file without a name %s", problem);
    return status;
}

/* Which of the limits an image is beyond. */
static void describe_size(const image *found, const image_rules *rules, char text[PROBLEM_MAX])
{
    uint64_t pixels = (uint64_t)found->width * found->height;

    if (found->width > rules->max_width)
        snprintf(text, PROBLEM_MAX, "is %" PRIu32 " pixels wide, expected at most %" PRId64, found->width,
                 rules->max_width);
    else if (found->height > rules->max_height)
        snprintf(text, PROBLEM_MAX, "is %" PRIu32 " pixels high, expected at most %" PRId64, found->height,
                 rules->max_height);
    else if (pixels > (uint64_t)rules->max_pixels)
        snprintf(text, PROBLEM_MAX, "has %" PRIu64 " pixels, expected at most %" PRId64, pixels, rules->max_pixels);
    else
        snprintf(text, PROBLEM_MAX, "has %" PRIu32 " frames, expected at most %" PRId64, found->frames,
                 rules->max_frames);
}

static examine_status examine_file(examination *e, const multipart_part *part, examined_file *file)
{
    char text[PROBLEM_MAX];

    if (part->length > e->max_file_size) {
        snprintf(text, sizeof text, "has %zu bytes, expected at most %zu", part->length, e->max_file_size);
        return refuse(e, part, EXAMINE_TOO_LARGE, text);
    }
    image_status status = image_read(part->bytes, part->length, &e->rules, &file->about);
    if (status == IMAGE_INVALID)
        return refuse(e, part, EXAMINE_INVALID_TYPE, file->about.problem);
    if (status == IMAGE_TOO_LARGE) {
        describe_size(&file->about, &e->rules, text);
        return refuse(e, part, EXAMINE_TOO_LARGE, text);
    }
    name_stem(part->file_name, part->file_name_length, file->stem);
    sha256_of(file->about.kept.bytes, file->about.kept.length, file->hash);
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

void examination_release(void *examination_of_form)
{
    examination *e = examination_of_form;

    for (size_t i = 0; i < e->count; i++)
        image_release(&e->files[i].about);
    e->count = 0;
}
