/*
 * JPEG as browsers show it: baseline, extended and progressive with 8 bits. Segments up to the end of the image.
 */
#include "plugins/media/image_reader.h"

enum {
    SOF0 = 0xc0, /* baseline */
    SOF2 = 0xc2, /* progressive */
    DHT = 0xc4,
    DQT = 0xdb,
    DRI = 0xdd,
    APP0 = 0xe0,
    APP15 = 0xef,
    COM = 0xfe,
    SOI = 0xd8,
    EOI = 0xd9,
    SOS = 0xda,
    SCANS_MAX = 100,   /* a few bytes a scan make a decoder go over all pixels again */
    PICTURES_MAX = 16, /* one behind the other */
};

typedef struct picture {
    unsigned components; /* 0: the frame's header has not come */
    unsigned scans;
    uint32_t width, height;
} picture;

/* The next marker; 0 when there is none. */
static unsigned take_marker(cursor *c)
{
    const unsigned char *byte = cursor_take(c, 1);
    if (!byte || *byte != 0xff)
        return 0;
    do
        byte = cursor_take(c, 1);
    while (byte && *byte == 0xff);
    return byte ? *byte : 0;
}

/* Between the markers of a scan: goes to the next marker that is no part of it. */
static bool skip_scan(cursor *c)
{
    while ((c->at = memchr(c->at, 0xff, cursor_left(c))) && cursor_left(c) >= 2) {
        unsigned next = c->at[1];
        bool inside = next == 0 || (next >= 0xd0 && next <= 0xd7);
        if (!inside && next != 0xff)
            return true;
        c->at += inside ? 2 : 1;
    }
    return false;
}

static bool read_frame_header(cursor segment, picture *p)
{
    const unsigned char *head = cursor_take(&segment, 6);
    if (p->components > 0 || !head || head[0] != 8)
        return false;
    p->height = be16(head + 1);
    p->width = be16(head + 3);
    p->components = head[5];
    bool known = p->components == 1 || p->components == 3 || p->components == 4;
    if (!known || cursor_left(&segment) != (size_t)3 * p->components)
        return false;
    for (unsigned i = 0; i < p->components; i++) {
        unsigned across = segment.at[3 * i + 1] >> 4, down = segment.at[3 * i + 1] & 15;
        if (across < 1 || across > 4 || down < 1 || down > 4 || segment.at[3 * i + 2] > 3)
            return false;
    }
    return true;
}

static bool read_scan(cursor *c, cursor segment, picture *p)
{
    const unsigned char *count = cursor_take(&segment, 1);

    return count && *count >= 1 && *count <= p->components && cursor_left(&segment) == (size_t)2 * *count + 3 &&
           skip_scan(c) && ++p->scans <= SCANS_MAX;
}

/* Of the segments with a length: those that pictures of these kinds have. */
static bool is_known(unsigned marker)
{
    return (marker >= SOF0 && marker <= SOF2) || marker == DHT || marker == SOS || marker == DQT || marker == DRI ||
           (marker >= APP0 && marker <= APP15) || marker == COM;
}

/* From its first marker to its last. */
static bool read_picture(cursor *c, picture *p)
{
    bool fine = take_marker(c) == SOI;

    while (fine) {
        unsigned marker = take_marker(c);
        if (marker == EOI)
            return p->scans > 0;
        const unsigned char *length = cursor_take(c, 2);
        if (!is_known(marker) || !length || be16(length) < 2)
            return false;
        const unsigned char *bytes = cursor_take(c, be16(length) - 2);
        if (!bytes)
            return false;
        cursor segment = {bytes, c->at};
        if (marker >= SOF0 && marker <= SOF2)
            fine = read_frame_header(segment, p);
        else if (marker == SOS)
            fine = read_scan(c, segment, p);
    }
    return false;
}

bool jpeg_read(cursor file, image *found)
{
    for (unsigned pictures = 0; pictures < PICTURES_MAX; pictures++) {
        picture p = {0};
        if (!read_picture(&file, &p))
            return false;
        /* Viewers show the first one. */
        if (pictures == 0 && !image_set_size(found, p.width, p.height))
            return false;
        if (cursor_is_padding(&file)) {
            found->frames = 1;
            return true;
        }
        while (*file.at == 0)
            file.at++;
    }
    return false;
}
