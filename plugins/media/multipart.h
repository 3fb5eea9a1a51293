/*
 * multipart/form-data (RFC 7578 on RFC 2046) over a body that lies in memory: which parts there are, and which of them
 * are files. Nothing is copied but file names. Pure: no host call, no allocation; every step takes time in proportion
 * to the bytes it passes.
 */
#ifndef PLUGINS_MEDIA_MULTIPART_H
#define PLUGINS_MEDIA_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

enum { MULTIPART_BOUNDARY_MAX = 70, MULTIPART_HEAD_MAX = 8192, MULTIPART_PARTS_MAX = 1000 };

typedef enum multipart_status {
    MULTIPART_PART,
    MULTIPART_END,       /* the closing boundary has come; what follows it does not matter */
    MULTIPART_MALFORMED, /* also when the closing boundary is missing */
    MULTIPART_TOO_MANY,  /* parts */
} multipart_status;

typedef struct multipart_part {
    bool is_file;
    const char *file_name; /* of a file: any bytes but NUL, CR and LF; valid until the next part */
    size_t file_name_length;
    const unsigned char *bytes;
    size_t length;
} multipart_part;

typedef struct multipart {
    const unsigned char *at, *end;
    char delimiter[4 + MULTIPART_BOUNDARY_MAX + 1]; /* CR LF "--" boundary */
    size_t delimiter_length;
    size_t parts;
    bool begun;
    char file_name[MULTIPART_HEAD_MAX + 1];
} multipart;

/* Whether a Content-Type is multipart/form-data, whatever its parameters. */
bool multipart_is_form(const char *content_type);

/* Its boundary; false when there is none, or none that is allowed. */
bool multipart_boundary(const char *content_type, char boundary[MULTIPART_BOUNDARY_MAX + 1]);

void multipart_open(multipart *m, const char *boundary, const void *body, size_t length);

/*
 * The next part. A part is a file when its Content-Disposition has a file name, and an empty one counts only with
 * bytes behind it: that is how forms send a field that was left empty.
 */
multipart_status multipart_next(multipart *m, multipart_part *part);

#endif
