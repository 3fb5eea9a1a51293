/*
 * Sending one message, on a thread of the blocking pool: into a folder, or to an SMTP server. Touches nothing but its
 * argument.
 */
#ifndef CORE_MAIL_TRANSPORT_H
#define CORE_MAIL_TRANSPORT_H

#include "core/config/settings.h"
#include "core/mail/message.h"

typedef enum mail_outcome {
    MAIL_SENT,
    MAIL_FAILED,  /* may work later */
    MAIL_REFUSED, /* the recipient will never be accepted */
} mail_outcome;

typedef struct mail_delivery {
    const settings *settings; /* [mail] only; constant while the process lives */
    mail_message message;
    mail_outcome outcome;
    char error[200]; /* no secret, no address, no answer's text */
} mail_delivery;

void mail_send_file(mail_delivery *d);
void mail_send_smtp(mail_delivery *d);

#endif
