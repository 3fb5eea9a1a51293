/*
 * Statements on mail_outbox. `attempts` is counted when a mail is taken, so a mail that kills the process is not tried
 * for ever, and it tells the lease of one server from a later one.
 */
#include "core/mail/outbox.h"

#include <inttypes.h>
#include <string.h>

#include "core/db/db.h"
#include "core/log/log.h"
#include "core/mail/mail.h"
#include "core/worker.h"

static int result_of(const tl_request *req)
{
    switch (db_error(req)) {
    case TL_DB_OK:
        return TL_OK;
    case TL_DB_UNAVAILABLE:
        return TL_UNAVAILABLE;
    case TL_DB_CANCELLED:
        return TL_CANCELLED;
    default:
        return TL_ERROR;
    }
}

static int execute(tl_request *req, const char *sql, size_t count, const char *const *params)
{
    return db_query(req, sql, count, params) ? TL_OK : result_of(req);
}

int mail_queue(tl_request *req, const char *to, const char *subject, const char *text)
{
    const char *problem = NULL;
    if (!to || !mail_address_is_valid(to))
        problem = "the recipient is no plain address";
    else if (!subject || !subject[0] || strlen(subject) > MAIL_SUBJECT_MOST || mail_has_control(subject))
        problem = "the subject is empty, too long or has control characters";
    else if (!text || strlen(text) > MAIL_TEXT_MOST)
        problem = "the text is too long";
    if (problem) {
        log_error(req->worker, req, "a mail is refused: %s", problem);
        return TL_ERROR;
    }
    return execute(req, "INSERT INTO mail_outbox (recipient, subject, body) VALUES ($1, $2, $3)", 3,
                   (const char *const[]){to, subject, text});
}

int outbox_lease(tl_request *req, outbox_mail *out)
{
    static const char sql[] =
        "WITH due AS MATERIALIZED ("
        "SELECT id FROM mail_outbox WHERE given_up_at IS NULL AND next_attempt_at <= now()"
        " ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) "
        "UPDATE mail_outbox SET attempts = attempts + 1, next_attempt_at = now() + interval '5 minutes'"
        " FROM due WHERE mail_outbox.id = due.id "
        "RETURNING mail_outbox.id, recipient, subject, body, attempts,"
        " (extract(epoch FROM created_at) * 1000000)::bigint AS created";
    tl_rows *rows = db_query(req, sql, 0, NULL);
    if (!rows)
        return result_of(req);
    if (db_row_count(rows) == 0)
        return 0;
    memset(out, 0, sizeof(*out));
    out->message.id = db_integer(rows, 0, "id");
    out->message.to = db_text(rows, 0, "recipient");
    out->message.subject = db_text(rows, 0, "subject");
    out->message.text = db_text(rows, 0, "body");
    out->attempt = db_integer(rows, 0, "attempts");
    out->message.created = db_integer(rows, 0, "created");
    return 1;
}

static const char *number(tl_request *req, int64_t value)
{
    return arena_format(req->arena, "%" PRId64, value);
}

int outbox_sent(tl_request *req, const outbox_mail *mail)
{
    /* Whoever has the lease by now: it has been sent. */
    return execute(req, "DELETE FROM mail_outbox WHERE id = $1", 1,
                   (const char *const[]){number(req, mail->message.id)});
}

int outbox_retry(tl_request *req, const outbox_mail *mail, int64_t seconds, const char *error)
{
    return execute(
        req,
        "UPDATE mail_outbox SET next_attempt_at = now() + make_interval(secs => $3), last_error = $4"
        " WHERE id = $1 AND attempts = $2",
        4,
        (const char *const[]){number(req, mail->message.id), number(req, mail->attempt), number(req, seconds), error});
}

int outbox_give_up(tl_request *req, const outbox_mail *mail, const char *error)
{
    return execute(req,
                   "UPDATE mail_outbox SET given_up_at = now(), body = NULL, last_error = $3"
                   " WHERE id = $1 AND attempts = $2",
                   3, (const char *const[]){number(req, mail->message.id), number(req, mail->attempt), error});
}

int outbox_clean(tl_request *req)
{
    return execute(req, "DELETE FROM mail_outbox WHERE given_up_at < now() - interval '30 days'", 0, NULL);
}
