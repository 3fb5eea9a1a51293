/*
 * Mail from whatever is queued: sender, recipient, subject and text, divided by NUL. What must hold for every input is
 * checked: only the headers that were meant, lines that end in CRLF and are not too long, and the text below them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/mail/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check_lines(const char *text, size_t length)
{
    size_t column = 0;
    for (size_t i = 0; i < length; i++) {
        require(text[i] != '\0');
        require(text[i] != '\n' || (i > 0 && text[i - 1] == '\r'));
        require(text[i] != '\r' || text[i + 1] == '\n');
        column = text[i] == '\n' ? 0 : column + 1;
        require(column < 999);
    }
}

static void check_headers(const char *text)
{
    static const char *const names[] = {
        "Date: ",         "From: ",         "To: ",          "Subject: ",       "Message-ID: ",
        "MIME-Version: ", "Content-Type: ", "Content-Trans", "Auto-Submitted: "};
    const char *line = text;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        require(strncmp(line, names[i], strlen(names[i])) == 0);
        do
            line = strstr(line, "\r\n") + 2;
        while (*line == ' ');
    }
    require(strncmp(line, "\r\n", 2) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *parts[4];
    char *copy = malloc(size + 4);
    memcpy(copy, data, size);
    memset(copy + size, 0, 4);
    char *next = copy;
    for (size_t i = 0; i < 4; i++) {
        parts[i] = next;
        next += strlen(next);
        if (next < copy + size)
            next++;
    }
    mail_sender from;
    char masked[64];
    mail_address_mask(parts[1], masked, sizeof(masked));
    if (mail_sender_parse(parts[0], &from) && mail_address_is_valid(parts[1])) {
        mail_message m = {.from = &from, .to = parts[1], .subject = parts[2], .text = parts[3], .id = 1, .created = 1};
        size_t length = 0;
        char *text = mail_message_text(&m, &length);
        require(text != NULL && strlen(text) == length);
        check_lines(text, length);
        check_headers(text);
        free(text);
    }
    free(copy);
    return 0;
}
