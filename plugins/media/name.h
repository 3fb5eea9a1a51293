/*
 * File names of images: STEM_UUID.EXTENSION, of which only the stem comes from the visitor; those that were taken over
 * from the service before this one are less regular. Pure.
 */
#ifndef PLUGINS_MEDIA_NAME_H
#define PLUGINS_MEDIA_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum {
    NAME_STEM_MAX = 100,
    NAME_SHOWN_MAX = 100,
    NAME_RANDOM = 16,                                        /* bytes of a UUID */
    NAME_UUID = 36,                                          /* characters of it */
    NAME_MAX_LENGTH = NAME_STEM_MAX + 1 + NAME_UUID + 1 + 4, /* of a name made here; the longest extension has 4 */
    NAME_EXTENSION_MAX = 16,                                 /* of any name */
    NAME_LONGEST = 300 + 1 + NAME_EXTENSION_MAX, /* of any name: files had at most 255, and a UUID behind that */
};

/*
 * The stem of the name sent: without its extension (what follows the last dot, unless the name starts with that dot or
 * a slash comes behind it), lower case, spaces to '_', all but a-z, 0-9 and '_' dropped, at most NAME_STEM_MAX.
 */
void name_stem(const char *name, size_t length, char stem[NAME_STEM_MAX + 1]);

/* The name sent as messages show it: at most NAME_SHOWN_MAX bytes, no half characters, '?' for control characters. */
void name_shown(const char *name, size_t length, char shown[NAME_SHOWN_MAX + 1]);

/* The whole name; `random` becomes a version 4 UUID. */
void name_make(const char *stem, const unsigned char random[NAME_RANDOM], const char *extension,
               char name[NAME_MAX_LENGTH + 1]);

/* Whether name_make could have made it. */
bool name_is_made(const char *name);

/*
 * Whether an image can have this name, which name_make has made or the service before this one: stem, UUID and any
 * extension or none, in any case; or a stem and an extension alone. As in the table's constraint; no image has any
 * other name.
 */
bool name_is_possible(const char *name);

#endif
