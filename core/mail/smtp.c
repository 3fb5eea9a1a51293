/*
 * The `smtp` driver: one message over one connection, by libcurl. libcurl doubles leading dots itself.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/mail/transport.h"

enum { CONNECT_SECONDS = 15, WHOLE_SECONDS = 60 };

typedef struct upload {
    const char *next;
    size_t left;
} upload;

static size_t read_upload(char *buffer, size_t size, size_t count, void *arg)
{
    upload *u = arg;
    size_t length = size * count < u->left ? size * count : u->left;
    memcpy(buffer, u->next, length);
    u->next += length;
    u->left -= length;
    return length;
}

typedef struct dialogue {
    bool at_recipient; /* the last command was RCPT */
    bool refused;      /* … and its answer a permanent no */
} dialogue;

/*
 * libcurl gives the same error for several commands, and only the recipient's refusal is final. Nothing of the dialogue
 * is kept, for it holds the password. Not asked afterwards: by then QUIT was the last command.
 */
static int watch_dialogue(CURL *curl, curl_infotype type, char *data, size_t size, void *arg)
{
    (void)curl;
    dialogue *d = arg;
    if (type == CURLINFO_HEADER_OUT)
        d->at_recipient = size >= 8 && strncasecmp(data, "RCPT TO:", 8) == 0;
    else if (type == CURLINFO_HEADER_IN && d->at_recipient && size >= 3 && data[0] == '5')
        d->refused = true;
    return 0;
}

static void set_security(CURL *curl, const settings *s)
{
    long use = CURLUSESSL_ALL;
    if (strcmp(s->smtp_tls, "try") == 0)
        use = CURLUSESSL_TRY;
    else if (strcmp(s->smtp_tls, "off") == 0)
        use = CURLUSESSL_NONE;
    curl_easy_setopt(curl, CURLOPT_USE_SSL, use);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (s->smtp_ca_file && s->smtp_ca_file[0])
        curl_easy_setopt(curl, CURLOPT_CAINFO, s->smtp_ca_file);
    if (s->smtp_username && s->smtp_username[0]) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, s->smtp_username);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, s->smtp_password ? s->smtp_password : "");
    }
}

static void set_transfer(CURL *curl, const mail_delivery *d, upload *body, struct curl_slist *to)
{
    curl_easy_setopt(curl, CURLOPT_URL, d->settings->smtp_url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* none from the environment either */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)WHOLE_SECONDS);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, d->message.from->address);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_upload);
    curl_easy_setopt(curl, CURLOPT_READDATA, body);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body->left);
}

static void judge(mail_delivery *d, CURL *curl, CURLcode result, const char *detail, bool refused)
{
    long code = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    if (result == CURLE_OK) {
        d->outcome = MAIL_SENT;
        return;
    }
    const char *text = detail[0] ? detail : curl_easy_strerror(result);
    d->outcome = refused ? MAIL_REFUSED : MAIL_FAILED;
    char number[24];
    snprintf(number, sizeof(number), "%ld", code);
    if (code > 0 && !strstr(text, number))
        snprintf(d->error, sizeof(d->error), "%.160s (last answer %ld)", text, code);
    else
        snprintf(d->error, sizeof(d->error), "%.190s", text);
}

void mail_send_smtp(mail_delivery *d)
{
    char detail[CURL_ERROR_SIZE] = "";
    dialogue heard = {false, false};
    size_t length = 0;
    d->outcome = MAIL_FAILED;
    snprintf(d->error, sizeof(d->error), "out of memory");
    char *text = mail_message_text(&d->message, &length);
    struct curl_slist *to = curl_slist_append(NULL, d->message.to);
    CURL *curl = curl_easy_init();
    if (text && to && curl) {
        upload body = {.next = text, .left = length};
        set_transfer(curl, d, &body, to);
        set_security(curl, d->settings);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
        curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L); /* or the next two are not used */
        curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, watch_dialogue);
        curl_easy_setopt(curl, CURLOPT_DEBUGDATA, &heard);
        CURLcode result = curl_easy_perform(curl);
        judge(d, curl, result, detail, heard.refused);
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(to);
    free(text);
}
