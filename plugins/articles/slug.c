/*
 * Slugs. Unicode's own rules come from utf8proc; which characters matter is decided here.
 */
#include "plugins/articles/slug.h"

#include <string.h>
#include <utf8proc.h>

/* Canonical composition can make one code point of three (Hangul), so more is collected than is kept. */
#define COLLECTED_MAX (4 * SLUG_MAX)
#define MARKS_MAX 4 /* on one letter: no real text has more, and towers of marks would hide what a slug says */

typedef struct collector {
    utf8proc_int32_t points[COLLECTED_MAX];
    size_t count;
    int marks;     /* on the last letter */
    bool separate; /* the next letter starts a word */
    bool full;     /* something was left out at the end */
} collector;

/* The marks that are accents to every script that uses them. */
static bool is_accent(utf8proc_int32_t point)
{
    return (point >= 0x0300 && point <= 0x036f) || (point >= 0x0483 && point <= 0x0489) ||
           (point >= 0x1ab0 && point <= 0x1aff) || (point >= 0x1dc0 && point <= 0x1dff) ||
           (point >= 0x20d0 && point <= 0x20ff) || (point >= 0xfe20 && point <= 0xfe2f);
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

static void collect_letter(collector *c, utf8proc_int32_t point)
{
    if (c->separate && c->count > 0)
        put(c, '-');
    c->separate = false;
    c->marks = 0;
    if (point == 0xdf) { /* Unicode's simple lower case keeps ß; its full folding, and every German reader, says ss */
        put(c, 's');
        put(c, 's');
    } else {
        put(c, point);
    }
}

/* Takes one code point that NFKD leaves as it is. */
static void collect(collector *c, utf8proc_int32_t point)
{
    if (point == 0x200b) /* ZERO WIDTH SPACE: invisible, and yet a space, between the words of Thai or Khmer */
        c->separate = true;
    else if (utf8proc_get_property(point)->ignorable)
        return;
    else if (is_word(point))
        collect_letter(c, utf8proc_tolower(point));
    else if (!is_mark(point))
        c->separate = true;
    else if (!is_accent(point) && !c->separate && c->count > 0 && c->marks++ < MARKS_MAX)
        put(c, point);
}

static void collect_text(collector *c, const char *text, size_t length)
{
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text;
    size_t at = 0;

    while (at < length && !c->full) {
        utf8proc_int32_t point;
        utf8proc_int32_t parts[32]; /* the longest decomposition has 18 */
        int boundary = 0;
        utf8proc_ssize_t used = utf8proc_iterate(bytes + at, (utf8proc_ssize_t)(length - at), &point);

        if (used <= 0) {
            c->separate = true;
            at++;
            continue;
        }
        at += (size_t)used;
        utf8proc_ssize_t count =
            utf8proc_decompose_char(point, parts, 32, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &boundary);
        for (utf8proc_ssize_t i = 0; i < count && i < 32; i++)
            collect(c, parts[i]);
    }
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

size_t slug_make(const char *text, size_t length, char out[SLUG_SIZE])
{
    collector c = {.separate = true};
    size_t written = 0;

    collect_text(&c, text, length);
    compose(&c);
    size_t kept = length_kept(&c);
    for (size_t i = 0; i < kept; i++)
        written += (size_t)utf8proc_encode_char(c.points[i], (utf8proc_uint8_t *)out + written);
    out[written] = '\0';
    return written;
}

bool slug_is_possible(const char *text)
{
    size_t length = strlen(text);
    size_t at = 0;

    if (length == 0 || length > SLUG_STORED_MAX)
        return false;
    while (at < length) {
        utf8proc_int32_t point;
        utf8proc_ssize_t used =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(length - at), &point);
        if (used <= 0)
            return false;
        at += (size_t)used;
    }
    return true;
}
