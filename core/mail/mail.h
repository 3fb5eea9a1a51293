/*
 * Mail: an outbox table in the database, and its delivery in the jobs process.
 */
#ifndef CORE_MAIL_MAIL_H
#define CORE_MAIL_MAIL_H

#include <talelio/mail.h>

struct worker;
typedef struct mailer mailer;

/* As documented in talelio/mail.h. */
int mail_queue(tl_request *req, const char *to, const char *subject, const char *text);

/*
 * Starts delivery on this worker's loop (the jobs process only): every second what is due is leased (FOR UPDATE SKIP
 * LOCKED, so several servers share the work), sent on the blocking pool, and marked; failures are tried again with
 * growing delays, and given up with a line in the log after [mail] attempts.
 */
mailer *mailer_new(struct worker *w);

/* No mail is begun any more; one that is being sent is finished by its request, which the loop must let end. */
void mailer_free(mailer *m);

#endif
