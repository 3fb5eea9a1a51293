/*
 * The outbox table: every statement on mail_outbox is here. Sends nothing.
 */
#ifndef CORE_MAIL_OUTBOX_H
#define CORE_MAIL_OUTBOX_H

#include "core/mail/message.h"
#include "core/request/request.h"

typedef struct outbox_mail {
    mail_message message; /* `from` is left to the caller; the strings live as long as the request */
    int64_t attempt;      /* 1 at the first */
} outbox_mail;

/*
 * Takes the mail that has been due for longest, for some minutes: no other server gets it meanwhile, and if this
 * process ends, it becomes due again. 1: there is one, 0: there is none, or the error of db_query.
 */
int outbox_lease(tl_request *req, outbox_mail *out);

/* Each ends the lease. They touch nothing when the lease has run out and somebody else has taken the mail. */
int outbox_sent(tl_request *req, const outbox_mail *mail);
int outbox_retry(tl_request *req, const outbox_mail *mail, int64_t seconds, const char *error);
int outbox_give_up(tl_request *req, const outbox_mail *mail, const char *error);

/* Deletes what was given up long ago. */
int outbox_clean(tl_request *req);

#endif
