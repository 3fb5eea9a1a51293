/*
 * The one thing of EXIF that pictures are shown by: how they are turned. Pure.
 */
#ifndef PLUGINS_MEDIA_EXIF_H
#define PLUGINS_MEDIA_EXIF_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of an EXIF that says nothing else. */
enum { EXIF_SMALLEST = 26 };

/* 1 to 8, from the TIFF that EXIF is; 1, upright, when it does not say, or nothing sound. */
unsigned exif_orientation(const unsigned char *tiff, size_t length);

/* Whether width and height of what is shown are those of the pixels the other way round. */
bool exif_turns(unsigned orientation);

void exif_write(unsigned orientation, unsigned char tiff[EXIF_SMALLEST]);

#endif
