/*
 * Slugs. Unicode's own rules come from utf8proc; which characters matter is decided here.
 */
#include "plugins/articles/slug.h"

#include <string.h>
#include <utf8proc.h>

/* Canonical composition can make one code point of three (Hangul), so more is collected than is kept. */
#define COLLECTED_MAX (4 * SLUG_MAX)
#define MARKS_MAX 10 /* on one letter: Burmese needs 7, and towers of marks would hide what a slug says */

#define PARTS_MAX 8 /* of one code point: the longest canonical decomposition has 4 */

typedef struct collector {
    utf8proc_int32_t points[COLLECTED_MAX];
    size_t count;
    int marks;     /* on the last letter */
    bool strips;   /* the last letter loses its accents */
    bool separate; /* the next letter starts a word */
    bool full;     /* something was left out at the end */
    size_t sigma;  /* where a capital one ends the word so far; 0: none does */
} collector;

typedef struct range {
    utf8proc_int32_t first;
    utf8proc_int32_t last;
} range;

static bool is_in(utf8proc_int32_t point, const range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}

/* The marks that scripts share as accents, and those of Cyrillic numbers and abbreviations. */
static bool is_accent(utf8proc_int32_t point)
{
    static const range accents[] = {
        {0x0300, 0x036f}, {0x0483, 0x0489}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff},
        {0x2de0, 0x2dff}, {0xa66f, 0xa672}, {0xa674, 0xa67d}, {0xa69e, 0xa69f}, {0xfe20, 0xfe2f},
    };
    return is_in(point, accents, sizeof accents / sizeof *accents);
}

/* Letters of Latin, Greek and Cyrillic, and the digits that all scripts share. */
static bool loses_accents(utf8proc_int32_t point)
{
    static const range blocks[] = {
        {0x0000, 0x052f}, {0x1c80, 0x1c8f},   {0x1d00, 0x1dbf},   {0x1e00, 0x1fff},
        {0x2070, 0x209f}, {0x2100, 0x218f},   {0x2460, 0x24ff},   {0x2c60, 0x2c7f},
        {0xa640, 0xa69f}, {0xa720, 0xa7ff},   {0xab30, 0xab6f},   {0xfb00, 0xfb06},
        {0xff10, 0xff5a}, {0x10780, 0x107bf}, {0x1df00, 0x1dfff}, {0x1e030, 0x1e06d},
    };
    return is_in(point, blocks, sizeof blocks / sizeof *blocks);
}

static bool is_mark(utf8proc_int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);

    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
}

static bool is_word(utf8proc_int32_t point)
{
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return true;
    default:
        return false;
    }
}

static void put(collector *c, utf8proc_int32_t point)
{
    if (c->count < COLLECTED_MAX)
        c->points[c->count++] = point;
    else
        c->full = true;
}

/* A word that ends in a capital sigma ends in a final one in lower case. */
static void end_word(collector *c)
{
    if (c->sigma > 0)
        c->points[c->sigma] = 0x03c2;
    c->sigma = 0;
}

static void collect_letter(collector *c, utf8proc_int32_t point)
{
    bool starts_word = c->separate;

    if (c->separate) {
        end_word(c);
        if (c->count > 0)
            put(c, '-');
    }
    c->separate = false;
    c->marks = 0;
    c->strips = loses_accents(point);
    c->sigma = point == 0x03a3 && !starts_word && c->count < COLLECTED_MAX ? c->count : 0;
    point = utf8proc_tolower(point);
    if (point == 0xdf) { /* Unicode's simple lower case keeps ß; its full folding, and every German reader, says ss */
        put(c, 's');
        put(c, 's');
    } else {
        put(c, point);
    }
}

static void collect_mark(collector *c, utf8proc_int32_t point)
{
    if (c->separate || (c->strips && is_accent(point)) || c->marks == MARKS_MAX)
        return;
    c->marks++;
    put(c, point);
}

/* Takes one code point that NFD leaves as it is. */
static void collect(collector *c, utf8proc_int32_t point)
{
    if (point == 0x200b) /* ZERO WIDTH SPACE: invisible, and yet a space, between the words of Thai or Khmer */
        c->separate = true;
    else if (utf8proc_get_property(point)->ignorable)
        return;
    else if (is_word(point))
        collect_letter(c, point);
    else if (is_mark(point))
        collect_mark(c, point);
    else
        c->separate = true;
}

/* The code point at `*at`, taken apart canonically, into `parts`; how many they are, 0 when there is none. Moves *at.
 */
static utf8proc_ssize_t next_parts(const char *text, size_t length, size_t *at, utf8proc_int32_t parts[PARTS_MAX])
{
    utf8proc_int32_t point;
    int boundary = 0;
    utf8proc_ssize_t used =
        utf8proc_iterate((const utf8proc_uint8_t *)text + *at, (utf8proc_ssize_t)(length - *at), &point);

    *at += used > 0 ? (size_t)used : 1;
    if (used <= 0)
        return 0;
    utf8proc_ssize_t count = utf8proc_decompose_char(point, parts, PARTS_MAX, UTF8PROC_DECOMPOSE, &boundary);
    return count <= PARTS_MAX ? count : 0;
}

static void collect_text(collector *c, const char *text, size_t length)
{
    for (size_t at = 0; at < length && !c->full;) {
        utf8proc_int32_t parts[PARTS_MAX];
        utf8proc_ssize_t count = next_parts(text, length, &at, parts);
        if (count <= 0)
            c->separate = true;
        for (utf8proc_ssize_t i = 0; i < count; i++)
            collect(c, parts[i]);
    }
    end_word(c);
}

/* Puts what was collected into NFC, in place. */
static void compose(collector *c)
{
    utf8proc_uint8_t bytes[4 * COLLECTED_MAX];
    utf8proc_ssize_t length = 0;

    for (size_t i = 0; i < c->count; i++)
        length += utf8proc_encode_char(c->points[i], bytes + length);
    /* Again, for the order of the marks: it counts from the whole string. It gives no more code points than it got. */
    utf8proc_ssize_t count = utf8proc_decompose(bytes, length, c->points, COLLECTED_MAX, UTF8PROC_DECOMPOSE);
    if (count > 0 && count <= COLLECTED_MAX)
        count = utf8proc_normalize_utf32(c->points, count, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    c->count = count > 0 && count <= COLLECTED_MAX ? (size_t)count : 0;
}

/* How many code points stay: all that fit, or the words that do, or the start of a word that is too long by itself. */
static size_t length_kept(const collector *c)
{
    if (c->count <= SLUG_MAX && !c->full)
        return c->count;
    size_t limit = c->count < SLUG_MAX ? c->count : SLUG_MAX;
    if (limit < c->count && c->points[limit] == '-')
        return limit;
    for (size_t cut = limit; cut > 0; cut--)
        if (c->points[cut - 1] == '-')
            return cut - 1;
    while (limit > 1 && limit < c->count && is_mark(c->points[limit]))
        limit--;
    return limit;
}

static size_t write_points(const collector *c, size_t count, char *out)
{
    size_t written = 0;

    for (size_t i = 0; i < count; i++)
        written += (size_t)utf8proc_encode_char(c->points[i], (utf8proc_uint8_t *)out + written);
    out[written] = '\0';
    return written;
}

size_t slug_make(const char *text, size_t length, char out[SLUG_SIZE])
{
    collector c = {.separate = true};

    collect_text(&c, text, length);
    compose(&c);
    return write_points(&c, length_kept(&c), out);
}

bool slug_from_path(const char *text, char out[SLUG_STORED_SIZE])
{
    collector c = {0};
    char slug[4 * COLLECTED_MAX + 1];
    size_t length = strlen(text);

    for (size_t at = 0; at < length;) {
        utf8proc_int32_t parts[PARTS_MAX];
        utf8proc_ssize_t count = next_parts(text, length, &at, parts);
        if (count <= 0 || c.full)
            return false;
        for (utf8proc_ssize_t i = 0; i < count; i++)
            if (!utf8proc_get_property(parts[i])->ignorable)
                put(&c, parts[i]);
    }
    compose(&c);
    size_t written = write_points(&c, c.count, slug);
    if (written == 0 || written >= SLUG_STORED_SIZE || c.full)
        return false;
    memcpy(out, slug, written + 1);
    return true;
}
