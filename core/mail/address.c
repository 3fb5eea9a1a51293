/*
 * Mail addresses: what is accepted as one, where a sender's name ends, and how an address looks in the log.
 */
#include <stdio.h>
#include <string.h>

#include "core/mail/message.h"

bool mail_has_control(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            return true;
    return false;
}

bool mail_address_is_valid(const char *address)
{
    size_t length = strlen(address);
    const char *at = strchr(address, '@');
    /* Quoted local parts and literals are legal, and nobody's. Without them no character needs quoting anywhere. */
    if (!at || strchr(at + 1, '@') || length >= MAIL_ADDRESS_SIZE || mail_has_control(address) ||
        strpbrk(address, " <>()[]\\,;:\""))
        return false;
    /* Every word and every label between dots has something in it. */
    return at > address && at - address <= 64 && address[0] != '-' && at[1] != '\0' && at[1] != '.' && at[1] != '-' &&
           address[0] != '.' && at[-1] != '.' && address[length - 1] != '.' && !strstr(address, "..");
}

bool mail_sender_parse(const char *text, mail_sender *out)
{
    memset(out, 0, sizeof(*out));
    if (mail_has_control(text))
        return false;
    text += strspn(text, " ");
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == ' ')
        length--;
    const char *address = text;
    size_t address_length = length;
    const char *open = strrchr(text, '<');
    if (open) {
        if (text[length - 1] != '>')
            return false;
        address = open + 1;
        address_length = (size_t)(text + length - 1 - address);
        size_t name_length = (size_t)(open - text);
        while (name_length > 0 && text[name_length - 1] == ' ')
            name_length--;
        if (name_length >= 2 && text[0] == '"' && text[name_length - 1] == '"') {
            text++;
            name_length -= 2;
        }
        if (name_length >= sizeof(out->name))
            return false;
        memcpy(out->name, text, name_length);
    }
    if (address_length >= sizeof(out->address))
        return false;
    memcpy(out->address, address, address_length);
    return mail_address_is_valid(out->address);
}

void mail_address_mask(const char *address, char *out, size_t size)
{
    const char *at = strrchr(address, '@');
    /* A first character of several bytes is left out rather than cut in two. */
    bool plain = address[0] > 0x20 && address[0] < 0x7f && address[0] != '@';
    snprintf(out, size, "%.*s***%s", plain ? 1 : 0, address, at ? at : "");
}
