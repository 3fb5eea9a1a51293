/*
 * The plugins' files as a generation found them: private copies in sealed memory, made by the master, from which all
 * its workers load, also those that take the place of one that died later. What happens to the files meanwhile, even
 * `cp` over one that is in use, concerns the next generation only.
 *
 * A plugin whose search path for libraries says $ORIGIN must be loaded from where it lies; it has no copy.
 */
#ifndef CORE_PROCESS_COPIES_H
#define CORE_PROCESS_COPIES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config/config.h"

enum { PRINT_SIZE = 33 };

typedef struct copy {
    char name[64];
    int fd;                 /* -1: the file is loaded from its own place, or cannot be read: the loader will say */
    char print[PRINT_SIZE]; /* of the contents, in hexadecimal; "" when unknown */
} copy;

typedef struct copies {
    copy *items; /* one for each enabled plugin, in the order of the ini file */
    size_t count;
} copies;

void copies_make(copies *all, config *c, const settings *s);
void copies_close(copies *all);
const char *copies_print(const copies *all, const char *plugin);

#endif
