/*
 * What an upload holds: its image files, checked, named and hashed. Pure: runs on a thread of the blocking pool,
 * because a large form takes tens of milliseconds.
 */
#ifndef PLUGINS_MEDIA_EXAMINE_H
#define PLUGINS_MEDIA_EXAMINE_H

#include "plugins/media/image.h"
#include "plugins/media/multipart.h"
#include "plugins/media/name.h"
#include "plugins/shared/sha256.h"

enum { EXAMINE_PROBLEM_SIZE = NAME_SHOWN_MAX + 150 };

typedef enum examine_status {
    EXAMINE_OK,
    EXAMINE_MALFORMED, /* no sound form */
    EXAMINE_TOO_MANY_PARTS,
    EXAMINE_TOO_MANY_FILES,
    EXAMINE_TOO_LARGE,    /* a file has too many bytes, pixels or frames */
    EXAMINE_INVALID_TYPE, /* a file is no image */
} examine_status;

typedef struct examined_file {
    image about; /* with the bytes to store */
    char stem[NAME_STEM_MAX + 1];
    unsigned char hash[SHA256_BYTES]; /* SHA-256 of what is stored */
} examined_file;

typedef struct examination {
    const void *body;
    size_t length;
    const char *boundary;
    size_t max_file_size;
    image_rules rules;
    examined_file *files; /* memory for max_files of them */
    size_t max_files;
    size_t count;
    examine_status status; /* of the first thing that was wrong */
    /* EXAMINE_TOO_LARGE, EXAMINE_INVALID_TYPE: a sentence for people about the file that was wrong. */
    char problem[EXAMINE_PROBLEM_SIZE];
} examination;

/* `examination_of_form`: an examination. */
void examine(void *examination_of_form);
/* Frees what the images have copied, also after an examination that never ran. */
void examination_release(void *examination_of_form);

#endif
