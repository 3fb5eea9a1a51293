/*
 * What stands behind the bytes of an object in its file.
 */
#ifndef CORE_OBJECTS_DIR_TRAILER_H
#define CORE_OBJECTS_DIR_TRAILER_H

#include "core/objects/dir.h"

void dir_trailer_write(char trailer[DIR_TRAILER], const dir_about *about);

/* False when these bytes are no trailer. Size and time are not in it. */
bool dir_trailer_read(const char trailer[DIR_TRAILER], dir_about *about);

#endif
