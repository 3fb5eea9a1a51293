/*
 * The text of a message. Plain ASCII with lines of a sane length goes out as it is, so that people can read it in a
 * file; anything else as quoted-printable.
 */
#include "core/mail/message.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PLAIN_LINE = 900,  /* an untouched line; the standard ends at 998 */
    QUOTED_LINE = 76,  /* of quoted-printable, with the closing "=" */
    PLAIN_HEADER = 66, /* a header's text that needs no folding */
    WORD_BYTES = 42,   /* of text in one encoded word: "=?UTF-8?B?" + 56 + "?=" is under 75 */
};

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* How many bytes the character at `text` has; a stray byte counts as a character. */
static size_t character_length(const char *text)
{
    size_t length = 1;
    if (((unsigned char)text[0] & 0xc0) == 0xc0)
        while (length < 4 && ((unsigned char)text[length] & 0xc0) == 0x80)
            length++;
    return length;
}

/* Encoded words (RFC 2047), each with whole characters, one a line. */
static void write_encoded(FILE *out, const char *text)
{
    while (*text) {
        size_t length = 0;
        while (text[length]) {
            size_t next = character_length(text + length);
            if (length + next > WORD_BYTES)
                break;
            length += next;
        }
        char base64[sodium_base64_ENCODED_LEN(WORD_BYTES, sodium_base64_VARIANT_ORIGINAL)];
        sodium_bin2base64(base64, sizeof(base64), (const unsigned char *)text, length, sodium_base64_VARIANT_ORIGINAL);
        text += length;
        fprintf(out, "=?UTF-8?B?%s?=%s", base64, *text ? "\r\n " : "");
    }
}

/* Text that cannot end the header: a control character makes it encoded. */
static bool fits_header(const char *text)
{
    return is_ascii(text) && !mail_has_control(text) && strlen(text) <= PLAIN_HEADER && !strstr(text, "=?") &&
           text[0] != ' ';
}

static void write_sender(FILE *out, const mail_sender *from)
{
    fputs("From: ", out);
    if (from->name[0] && fits_header(from->name)) {
        fputc('"', out);
        for (const char *p = from->name; *p; p++) {
            if (*p == '"' || *p == '\\')
                fputc('\\', out);
            fputc(*p, out);
        }
        fputs("\"\r\n ", out);
    } else if (from->name[0]) {
        write_encoded(out, from->name);
        fputs("\r\n ", out);
    }
    fprintf(out, "<%s>\r\n", from->address);
}

static void write_date(FILE *out, int64_t microseconds)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(microseconds / 1000000);
    struct tm t;
    gmtime_r(&seconds, &t);
    fprintf(out, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[t.tm_wday], t.tm_mday, months[t.tm_mon],
            t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

/* The next line of the text without its end; `*text` goes behind it. */
static size_t next_line(const char **text)
{
    size_t length = strcspn(*text, "\n");
    const char *line = *text;
    *text += length + (line[length] == '\n');
    return length > 0 && line[length - 1] == '\r' ? length - 1 : length;
}

static bool can_stay_plain(const char *text)
{
    while (*text) {
        const char *line = text;
        size_t length = next_line(&text);
        if (length > PLAIN_LINE)
            return false;
        for (size_t i = 0; i < length; i++)
            if ((unsigned char)line[i] >= 0x7f || ((unsigned char)line[i] < 0x20 && line[i] != '\t'))
                return false;
    }
    return true;
}

static bool needs_quoting(const char *line, size_t at, size_t length)
{
    unsigned char c = (unsigned char)line[at];
    if (c == ' ' || c == '\t')
        return at + 1 == length;
    /* A dot at the start of a line is safe in SMTP only when every hop doubles it. */
    return c <= 0x20 || c >= 0x7f || c == '=' || (c == '.' && at == 0);
}

static void write_quoted_line(FILE *out, const char *line, size_t length)
{
    size_t column = 0;
    for (size_t i = 0; i < length; i++) {
        bool quote = needs_quoting(line, i, length);
        size_t width = quote ? 3 : 1;
        size_t room = i + 1 == length ? QUOTED_LINE : QUOTED_LINE - 1;
        if (column + width > room) {
            fputs("=\r\n", out);
            column = 0;
            /* The rest of the line starts at its left edge now. */
            quote = quote || line[i] == '.';
            width = quote ? 3 : 1;
        }
        if (quote)
            fprintf(out, "=%02X", (unsigned char)line[i]);
        else
            fputc(line[i], out);
        column += width;
    }
    fputs("\r\n", out);
}

static void write_body(FILE *out, const char *text, bool plain)
{
    while (*text) {
        const char *line = text;
        size_t length = next_line(&text);
        if (plain)
            fprintf(out, "%.*s\r\n", (int)length, line);
        else
            write_quoted_line(out, line, length);
    }
}

char *mail_message_text(const mail_message *m, size_t *length)
{
    char *result = NULL;
    FILE *out = open_memstream(&result, length);
    if (!out)
        return NULL;
    const char *domain = strrchr(m->from->address, '@') + 1;
    bool plain = can_stay_plain(m->text);
    write_date(out, m->created);
    write_sender(out, m->from);
    fprintf(out, "To: <%s>\r\nSubject: ", m->to);
    if (fits_header(m->subject))
        fputs(m->subject, out);
    else
        write_encoded(out, m->subject);
    /* The same at every attempt, so that a mail that was sent twice can be recognised. */
    fprintf(out, "\r\nMessage-ID: <%lld.%lld@%s>\r\n", (long long)m->id, (long long)m->created, domain);
    fprintf(out,
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: %s\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "\r\n",
            plain ? "7bit" : "quoted-printable");
    write_body(out, m->text, plain);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(result);
        return NULL;
    }
    return result;
}
