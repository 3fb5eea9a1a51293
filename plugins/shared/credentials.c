/*
 * The rules of credentials.h. Letters are A-Z whatever the locale, as in the database's constraints.
 */
#include "plugins/shared/credentials.h"

#include <string.h>

#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/*
 * Words with single dots between them: RFC 5321 knows others only in quotes. A hyphen at the start looks like an option
 * to mail programs, and mail refuses it.
 */
static bool is_local_part(const char *text, size_t length)
{
    if (length < 1 || length > EMAIL_LOCAL_MAX || text[0] == '-' ||
        strspn(text, LETTERS_AND_DIGITS "!#$%&'*+-/=?^_`{|}~.") != length)
        return false;
    bool doubled = false;
    for (size_t i = 1; i < length; i++)
        doubled = doubled || (text[i - 1] == '.' && text[i] == '.');
    return text[0] != '.' && text[length - 1] != '.' && !doubled;
}

static bool is_label(const char *text, size_t length)
{
    return length >= 1 && length <= 63 && strspn(text, LETTERS_AND_DIGITS "-") >= length && text[0] != '-' &&
           text[length - 1] != '-';
}

static bool is_domain(const char *text)
{
    size_t labels = 0;

    for (;;) {
        size_t length = strcspn(text, ".");
        if (!is_label(text, length))
            return false;
        labels++;
        if (text[length] == '\0')
            return labels >= 2;
        text += length + 1;
    }
}

bool credentials_is_email(const char *email)
{
    size_t local = strcspn(email, "@");

    return strlen(email) <= EMAIL_MAX && email[local] == '@' && is_local_part(email, local) &&
           is_domain(email + local + 1);
}

bool credentials_is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text > 0x7f)
            return false;
    return true;
}

bool credentials_is_password(const char *password)
{
    size_t characters = 0;

    /* Every byte but the continuation bytes of UTF-8 (10xxxxxx) starts a character. */
    for (const unsigned char *c = (const unsigned char *)password; *c; c++)
        if ((*c & 0xc0) != 0x80)
            characters++;
    return characters >= PASSWORD_MIN && characters <= PASSWORD_MAX;
}

const char *credentials_trim(const char *text, size_t *length)
{
    static const char space[] = " \t\r\n\v\f";

    text += strspn(text, space);
    *length = strlen(text);
    while (*length > 0 && strchr(space, text[*length - 1]))
        (*length)--;
    return text;
}
