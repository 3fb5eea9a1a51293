/*
 * JPEG as browsers show it: baseline, extended and progressive with 8 bits. Segments up to the end of the image;
 * what lies between them and behind the end is left out, as decoders pass over it.
 */
#include "plugins/media/exif.h"
#include "plugins/media/image_reader.h"

enum {
    SOF0 = 0xc0, /* baseline */
    SOF2 = 0xc2, /* progressive */
    DHT = 0xc4,
    DQT = 0xdb,
    DRI = 0xdd,
    APP0 = 0xe0,
    APP1 = 0xe1,
    APP2 = 0xe2,
    APP14 = 0xee,
    APP15 = 0xef,
    COM = 0xfe,
    SOI = 0xd8,
    EOI = 0xd9,
    SOS = 0xda,
    SCANS_MAX = 100, /* a few bytes a scan make a decoder go over all pixels again */
    JFIF_BYTES = 14, /* without the thumbnail, whose size is the last two */
    ADOBE_BYTES = 12,
};

typedef struct picture {
    image *found;
    bool keep_metadata;
    unsigned components; /* 0: the frame's header has not come */
    unsigned scans;
    unsigned orientation; /* 0: EXIF has not come */
} picture;

/* A segment with a length. */
typedef struct segment {
    unsigned marker;
    const unsigned char *start; /* of the marker */
    cursor data;
} segment;

/* Goes to the next marker, over what is none: the bytes of a scan, or bytes that belong to nothing. False at the end of
 * the file. */
static bool find_marker(cursor *c)
{
    while (cursor_left(c) >= 2) {
        const unsigned char *found = memchr(c->at, 0xff, cursor_left(c) - 1);
        if (!found)
            break;
        bool inside = found[1] == 0 || (found[1] >= 0xd0 && found[1] <= 0xd7);
        c->at = found;
        if (!inside && found[1] != 0xff)
            return true;
        c->at += inside ? 2 : 1;
    }
    c->at = c->end;
    return false;
}

static bool read_frame_header(picture *p, const segment *s)
{
    cursor data = s->data;
    const unsigned char *head = cursor_take(&data, 6);
    if (p->components > 0)
        return image_refuse(p->found, "has two frames");
    if (!head || head[0] != 8)
        return image_refuse(p->found, "does not have 8 bits a colour");
    p->components = head[5];
    bool known = p->components == 1 || p->components == 3 || p->components == 4;
    bool fine = known && cursor_left(&data) == (size_t)3 * p->components;
    for (unsigned i = 0; fine && i < p->components; i++) {
        unsigned across = data.at[3 * i + 1] >> 4, down = data.at[3 * i + 1] & 15;
        fine = across >= 1 && across <= 4 && down >= 1 && down <= 4 && data.at[3 * i + 2] <= 3;
    }
    if (!fine)
        return image_refuse(p->found, "has colours that browsers do not show");
    return image_set_size(p->found, be16(head + 3), be16(head + 1));
}

/* The head of a scan, and its bytes up to the next marker that is no part of it. */
static bool read_scan(cursor *c, picture *p, const segment *s)
{
    cursor data = s->data;
    const unsigned char *count = cursor_take(&data, 1), *from = c->at;

    if (!count || *count < 1 || *count > p->components || cursor_left(&data) != (size_t)2 * *count + 3)
        return image_refuse(p->found, "has a damaged scan");
    if (!find_marker(c) && c->at == from && p->scans == 0)
        return image_refuse_cut(p->found);
    if (++p->scans > SCANS_MAX)
        return image_refuse(p->found, "has more than 100 scans");
    output_keep(&p->found->kept, s->start, (size_t)(c->at - s->start));
    return true;
}

static void add_segment(output *o, unsigned marker, const void *data, size_t length)
{
    const unsigned char head[] = {0xff, (unsigned char)marker, (unsigned char)((length + 2) >> 8),
                                  (unsigned char)(length + 2)};
    output_add(o, head, sizeof head);
    output_add(o, data, length);
}

static void keep_segment(picture *p, const segment *s)
{
    output_keep(&p->found->kept, s->start, (size_t)(s->data.end - s->start));
}

/* Without what may follow the first `length` bytes, and with the last `zeros` of these cleared. */
static void keep_beginning(picture *p, const segment *s, size_t length, size_t zeros)
{
    unsigned char data[JFIF_BYTES] = {0};

    if (cursor_left(&s->data) <= length) {
        keep_segment(p, s);
        return;
    }
    memcpy(data, s->data.at, length - zeros);
    add_segment(&p->found->kept, s->marker, data, length);
}

/* What the first EXIF in front of the pixels says, the one that browsers read. */
static bool read_exif(picture *p, const segment *s)
{
    cursor data = s->data;

    if (s->marker != APP1 || !cursor_has(&data, "Exif\0", 5) || !cursor_take(&data, 6) || p->orientation ||
        p->scans > 0)
        return false;
    p->orientation = exif_orientation(data.at, cursor_left(&data));
    return true;
}

static void keep_orientation(picture *p)
{
    unsigned char exif[6 + EXIF_SMALLEST] = "Exif\0";

    exif_write(p->orientation, exif + 6);
    if (p->orientation > 1)
        add_segment(&p->found->kept, APP1, exif, sizeof exif);
}

/* Application segments and comments. Colours depend on JFIF, the profile and Adobe's. */
static void read_metadata(picture *p, const segment *s)
{
    bool is_first_exif = read_exif(p, s), is_app2 = s->marker == APP2;

    if (is_app2 && cursor_has(&s->data, "MPF\0", 4))
        return; /* tells of pictures behind the end */
    if (p->keep_metadata || (is_app2 && cursor_has(&s->data, "ICC_PROFILE\0", 12)))
        keep_segment(p, s);
    else if (is_first_exif)
        keep_orientation(p);
    else if (s->marker == APP0 && cursor_has(&s->data, "JFIF\0", 5))
        keep_beginning(p, s, JFIF_BYTES, 2);
    else if (s->marker == APP14 && cursor_has(&s->data, "Adobe", 5))
        keep_beginning(p, s, ADOBE_BYTES, 0);
}

static bool read_segment(cursor *c, picture *p, const segment *s)
{
    if ((s->marker >= APP0 && s->marker <= APP15) || s->marker == COM) {
        read_metadata(p, s);
        return true;
    }
    if (s->marker == SOS)
        return read_scan(c, p, s);
    if (s->marker >= SOF0 && s->marker <= SOF2 && !read_frame_header(p, s))
        return false;
    keep_segment(p, s);
    return true;
}

/* Of the segments with a length: those that pictures of these kinds have. */
static bool is_known(unsigned marker)
{
    return (marker >= SOF0 && marker <= SOF2) || marker == DHT || marker == SOS || marker == DQT || marker == DRI ||
           (marker >= APP0 && marker <= APP15) || marker == COM;
}

/* Browsers show what has come of a file that is cut off. */
static bool end_early(picture *p)
{
    if (p->scans == 0)
        return image_refuse_cut(p->found);
    output_add(&p->found->kept, "\xff\xd9", 2);
    return true;
}

static bool read_picture(cursor *c, picture *p)
{
    output_keep(&p->found->kept, cursor_take(c, 2), 2); /* SOI */
    while (find_marker(c)) {
        segment s = {.marker = c->at[1], .start = c->at};
        c->at += 2;
        if (s.marker == EOI) {
            output_keep(&p->found->kept, s.start, 2);
            return p->scans > 0 || image_refuse(p->found, "has no pixels");
        }
        if (!is_known(s.marker))
            return image_refuse(p->found, "is damaged, or of a kind of JPEG that browsers do not show");
        const unsigned char *length = cursor_take(c, 2);
        if (length && be16(length) < 2)
            return image_refuse(p->found, "has a segment without a length");
        const unsigned char *data = length ? cursor_take(c, be16(length) - 2) : NULL;
        if (!data)
            break;
        s.data = (cursor){data, c->at};
        if (!read_segment(c, p, &s))
            return false;
    }
    return end_early(p);
}

bool jpeg_read(cursor file, bool keep_metadata, image *found)
{
    picture p = {.found = found, .keep_metadata = keep_metadata};

    if (!read_picture(&file, &p))
        return false;
    if (exif_turns(p.orientation))
        image_set_size(found, found->height, found->width);
    found->frames = 1;
    return true;
}
