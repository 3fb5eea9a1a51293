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

static image_status read_frame_header(cursor segment, picture *p, const image_limits *limits, image *found)
{
    const unsigned char *head = cursor_take(&segment, 6);
    if (p->components > 0 || !head || head[0] != 8)
        return IMAGE_INVALID;
    p->components = head[5];
    bool known = p->components == 1 || p->components == 3 || p->components == 4;
    if (!known || cursor_left(&segment) != (size_t)3 * p->components)
        return IMAGE_INVALID;
    for (unsigned i = 0; i < p->components; i++) {
        unsigned across = segment.at[3 * i + 1] >> 4, down = segment.at[3 * i + 1] & 15;
        if (across < 1 || across > 4 || down < 1 || down > 4 || segment.at[3 * i + 2] > 3)
            return IMAGE_INVALID;
    }
    image own;
    image_status status = image_set_size(&own, be16(head + 3), be16(head + 1), limits);
    if (found->frames == 0) {
        found->width = own.width;
        found->height = own.height;
        found->frames = 1;
    }
    return status;
}

static image_status read_scan(cursor *c, cursor segment, picture *p)
{
    const unsigned char *count = cursor_take(&segment, 1);
    if (!count || *count < 1 || *count > p->components || cursor_left(&segment) != (size_t)2 * *count + 3)
        return IMAGE_INVALID;
    if (!skip_scan(c))
        return IMAGE_INVALID;
    return ++p->scans > SCANS_MAX ? IMAGE_TOO_LARGE : IMAGE_OK;
}

/* Of the segments with a length: those that pictures of these kinds have. */
static bool is_known(unsigned marker)
{
    return (marker >= SOF0 && marker <= SOF2) || marker == DHT || marker == SOS || marker == DQT || marker == DRI ||
           (marker >= APP0 && marker <= APP15) || marker == COM;
}

/* From its first marker to its last. */
static image_status read_picture(cursor *c, const image_limits *limits, image *found)
{
    picture p = {0};
    image_status status = take_marker(c) == SOI ? IMAGE_OK : IMAGE_INVALID;

    while (status == IMAGE_OK) {
        unsigned marker = take_marker(c);
        if (marker == EOI)
            return p.scans > 0 ? IMAGE_OK : IMAGE_INVALID;
        const unsigned char *length = cursor_take(c, 2);
        if (!is_known(marker) || !length || be16(length) < 2)
            return IMAGE_INVALID;
        const unsigned char *bytes = cursor_take(c, be16(length) - 2);
        if (!bytes)
            return IMAGE_INVALID;
        cursor segment = {bytes, c->at};
        if (marker >= SOF0 && marker <= SOF2)
            status = read_frame_header(segment, &p, limits, found);
        else if (marker == SOS)
            status = read_scan(c, segment, &p);
    }
    return status;
}

image_status jpeg_read(cursor file, const image_limits *limits, image *found)
{
    for (unsigned pictures = 0; pictures < PICTURES_MAX; pictures++) {
        image_status status = read_picture(&file, limits, found);
        if (status != IMAGE_OK || cursor_is_padding(&file))
            return status;
        while (*file.at == 0)
            file.at++;
    }
    return IMAGE_INVALID;
}
