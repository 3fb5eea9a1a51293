/* Escaping for the log, by runs of harmless bytes: most of what is logged is one run. */
#include "core/log/line.h"

#include "core/log/utf8.h"

#define CUT "\xe2\x80\xa6"

/* The longest that one sequence of the input can become: four bytes as "\xNN" each. */
enum { LONGEST_ESCAPE = 16 };

static const char hex[] = "0123456789abcdef";

void line_put_int(line *l, int64_t value)
{
    char digits[20];
    size_t count = 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[sizeof digits - ++count] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        line_put_literal(l, "-");
    line_put(l, digits + sizeof digits - count, count);
}

static bool is_plain(unsigned char byte, bool json)
{
    return byte >= 0x20 && byte < 0x7f && !(json && (byte == '"' || byte == '\\'));
}

/* One bit set in each byte of `word` that is zero, and perhaps in bytes above such a one. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
}

/* Of eight bytes at once: true only when all of them are plain. */
static bool are_plain(const char *text, bool json)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t word;
    memcpy(&word, text, sizeof word);
    uint64_t special = (word | (word - each * 0x20)) & each * 0x80;
    special |= zero_bytes(word ^ each * 0x7f);
    if (json)
        special |= zero_bytes(word ^ each * '"') | zero_bytes(word ^ each * '\\');
    return special == 0;
}

/* How much of the text goes out as it is. */
static size_t plain_run(const char *text, size_t length, bool json)
{
    size_t run = 0;
    while (length - run >= sizeof(uint64_t) && are_plain(text + run, json))
        run += sizeof(uint64_t);
    while (run < length && is_plain((unsigned char)text[run], json))
        run++;
    return run;
}

static char short_escape(unsigned char byte)
{
    switch (byte) {
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '"':
    case '\\':
        return (char)byte;
    default:
        return 0;
    }
}

/* `text` starts with a byte that is not plain. Returns the length that was taken from it. */
static size_t put_special(line *l, const char *text, size_t length)
{
    unsigned char byte = (unsigned char)text[0];
    size_t sequence = utf8_sequence(text, length);
    /* U+0080 to U+009F are control characters too: terminals act on them. */
    bool is_control = byte < 0x80 || (byte == 0xc2 && sequence == 2 && (unsigned char)text[1] < 0xa0);
    if (sequence > 1 && !is_control) {
        line_put(l, text, sequence);
        return sequence;
    }
    char escape = short_escape(byte);
    if (escape) {
        line_put(l, (char[]){'\\', escape}, 2);
        return 1;
    }
    if (l->json && sequence == 0) {
        line_put_literal(l, "\xef\xbf\xbd");
        return 1;
    }
    if (sequence == 2)
        byte = (unsigned char)text[1];
    if (l->json || sequence == 2)
        line_put(l, (char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
    else
        line_put(l, (char[]){'\\', 'x', hex[byte >> 4], hex[byte & 15]}, 4);
    return sequence == 2 ? 2 : 1;
}

void line_put_escaped(line *l, const char *text, size_t length, size_t limit)
{
    size_t room = (size_t)(l->end - l->at);
    char *stop = l->at + (limit < room ? limit : room);
    while (length > 0) {
        size_t run = plain_run(text, length, l->json);
        size_t left = (size_t)(stop - l->at);
        bool is_cut = run > left || (run == left && run < length) || (run < length && left - run < LONGEST_ESCAPE);
        if (is_cut) {
            size_t keep = left < sizeof CUT - 1 ? 0 : left - (sizeof CUT - 1);
            line_put(l, text, run < keep ? run : keep);
            if (left >= sizeof CUT - 1)
                line_put_literal(l, CUT);
            return;
        }
        line_put(l, text, run);
        text += run;
        length -= run;
        if (length > 0) {
            size_t taken = put_special(l, text, length);
            text += taken;
            length -= taken;
        }
    }
}
