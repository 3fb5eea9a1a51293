/*
 * Mail goes into an outbox in the database, within the caller's transaction if there is one, and is sent after the
 * answer, with retries. A mail server that is down loses nothing and delays nobody.
 */
#ifndef TALELIO_MAIL_H
#define TALELIO_MAIL_H

#include "base.h"

typedef struct tl_mail_api {
    size_t struct_size;
    int (*queue)(tl_request *req, const char *to, const char *subject, const char *text);
} tl_mail_api;

/*
 * Queues a plain-text mail (UTF-8) from the configured sender. Control characters in `to` or `subject` are refused. May
 * wait. TL_OK, or an error as for tl_query: `return tl_fail_db(req)`.
 */
static inline int tl_mail(tl_request *req, const char *to, const char *subject, const char *text)
{
    return tl_the_host->mail->queue(req, to, subject, text);
}

#endif
