/*
 * See exif.h.
 */
#include "plugins/media/exif.h"

#include "plugins/media/image_reader.h"

enum { TAG_ORIENTATION = 0x112, TYPE_SHORT = 3, ENTRY = 12 };

unsigned exif_orientation(const unsigned char *tiff, size_t length)
{
    cursor all = {tiff, tiff + length};
    bool big = cursor_has(&all, "MM\0*", 4);
    uint32_t (*number16)(const unsigned char *) = big ? be16 : le16;
    uint32_t (*number32)(const unsigned char *) = big ? be32 : le32;

    if ((!big && !cursor_has(&all, "II*\0", 4)) || length < 8)
        return 1;
    const unsigned char *count = cursor_take(&all, number32(tiff + 4)) ? cursor_take(&all, 2) : NULL;
    for (uint32_t left = count ? number16(count) : 0; left > 0; left--) {
        const unsigned char *entry = cursor_take(&all, ENTRY);
        if (!entry)
            return 1;
        if (number16(entry) != TAG_ORIENTATION)
            continue;
        unsigned orientation = number16(entry + 8);
        bool sound = number16(entry + 2) == TYPE_SHORT && number32(entry + 4) == 1;
        return sound && orientation >= 1 && orientation <= 8 ? orientation : 1;
    }
    return 1;
}

bool exif_turns(unsigned orientation)
{
    return orientation >= 5;
}

void exif_write(unsigned orientation, unsigned char tiff[EXIF_SMALLEST])
{
    /* The head, one entry, and no further list of them. */
    static const unsigned char smallest[EXIF_SMALLEST] = "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01";

    memcpy(tiff, smallest, sizeof smallest);
    tiff[19] = (unsigned char)orientation;
}
