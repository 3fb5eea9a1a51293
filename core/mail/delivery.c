/*
 * Delivery, in the jobs process: once a second one request works through what is due, one mail after the other. Each is
 * sent on the blocking pool. A mail is sent at least once: twice when the process or the database goes away between the
 * server's answer and the row's deletion.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "core/log/log.h"
#include "core/mail/mail.h"
#include "core/mail/outbox.h"
#include "core/mail/transport.h"
#include "core/pool/pool.h"
#include "core/worker.h"

enum {
    TURN_MOST = 20,        /* mails in one request, whose arena keeps every one of them */
    SETTLE_SECONDS = 30,   /* how long the outcome is tried to be written; well within the lease */
    PAUSE = 10000,         /* milliseconds after an error that is no absence */
    CLEAN_EVERY = 3600000, /* milliseconds */
};

struct mailer {
    worker *worker;
    mail_sender from;
    bool uses_curl;
    struct event *tick;
    tl_request *running; /* the request at work, NULL between */
    bool ending;         /* mailer_free was called while one is at work: that one frees */
    int64_t pause_until;
    int64_t clean_at;
};

static void destroy(mailer *m)
{
    if (m->tick)
        event_free(m->tick);
    if (m->uses_curl)
        curl_global_cleanup();
    free(m);
}

static int64_t retry_seconds(int64_t attempt)
{
    static const int64_t delays[] = {10, 30, 120, 600, 3600, 14400};
    int64_t last = (int64_t)(sizeof(delays) / sizeof(delays[0])) - 1;
    return delays[attempt - 1 < last ? attempt - 1 : last];
}

static void send_blocking(void *arg)
{
    mail_delivery *d = arg;
    if (strcmp(d->settings->mail_driver, "smtp") == 0)
        mail_send_smtp(d);
    else
        mail_send_file(d);
}

/* Writes down how it went. */
static int record(mailer *m, tl_request *req, const outbox_mail *mail, const mail_delivery *d)
{
    int64_t most = m->worker->settings->mail_attempts;
    if (d->outcome == MAIL_SENT)
        return outbox_sent(req, mail);
    if (d->outcome == MAIL_REFUSED || mail->attempt >= most)
        return outbox_give_up(req, mail, d->error);
    return outbox_retry(req, mail, retry_seconds(mail->attempt), d->error);
}

static void report(mailer *m, tl_request *req, const outbox_mail *mail, const mail_delivery *d)
{
    char masked[MAIL_ADDRESS_SIZE + 8];
    mail_address_mask(mail->message.to, masked, sizeof(masked));
    long long id = mail->message.id, attempt = mail->attempt;
    if (d->outcome == MAIL_SENT)
        log_info(m->worker, req, "mail %lld to %s sent", id, masked);
    else if (d->outcome == MAIL_REFUSED || mail->attempt >= m->worker->settings->mail_attempts)
        log_error(m->worker, req, "mail %lld to %s given up after %lld attempts: %s", id, masked, attempt, d->error);
    else
        log_warning(m->worker, req, "mail %lld to %s not sent, next attempt in %lld s: %s", id, masked,
                    (long long)retry_seconds(mail->attempt), d->error);
}

static int settle(mailer *m, tl_request *req, const outbox_mail *mail, const mail_delivery *d)
{
    report(m, req, mail, d);
    int result = record(m, req, mail, d);
    for (int i = 0; result == TL_UNAVAILABLE && i < SETTLE_SECONDS; i++) {
        result = request_sleep(req, 1000);
        if (result == TL_OK)
            result = record(m, req, mail, d);
    }
    return result;
}

/* One mail. 1: go on, 0: nothing is due, below: an error. */
static int deliver_one(mailer *m, tl_request *req)
{
    outbox_mail mail;
    int result = outbox_lease(req, &mail);
    if (result <= 0)
        return result;
    mail.message.from = &m->from;
    mail_delivery d = {.settings = m->worker->settings, .message = mail.message, .outcome = MAIL_FAILED};
    if (mail.attempt > m->worker->settings->mail_attempts) {
        /* The last attempt never came back. */
        strcpy(d.error, "the process ended while it was sent");
    } else {
        result = pool_run(m->worker->pool, req, send_blocking, &d);
        if (result == TL_CANCELLED)
            return result;
        if (result != TL_OK)
            strcpy(d.error, "the blocking pool is full");
    }
    result = settle(m, req, &mail, &d);
    return result == TL_OK ? 1 : result;
}

static void work(tl_request *req, void *arg)
{
    mailer *m = arg;
    int result = 1;
    for (int i = 0; i < TURN_MOST && result == 1 && !m->worker->stopping && !m->ending; i++)
        result = deliver_one(m, req);
    if (result == 0 && loop_now(m->worker) >= m->clean_at && !m->worker->stopping && !m->ending) {
        result = outbox_clean(req);
        m->clean_at = loop_now(m->worker) + CLEAN_EVERY;
    }
    /* A database that is away is no news here; anything else has been logged and would come again every second. */
    if (result == TL_ERROR)
        m->pause_until = loop_now(m->worker) + PAUSE;
    m->running = NULL;
    if (m->ending)
        destroy(m);
    else if (result == 1 && !m->worker->stopping)
        event_active(m->tick, EV_TIMEOUT, 0); /* there may be more */
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    mailer *m = arg;
    if (m->running || m->worker->stopping || loop_now(m->worker) < m->pause_until)
        return;
    tl_request *req = request_new(m->worker, 0);
    if (!req)
        return;
    m->running = req;
    if (!request_start(req, work, m))
        m->running = NULL;
}

mailer *mailer_new(struct worker *w)
{
    mailer *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    m->worker = w;
    if (!mail_sender_parse(w->settings->mail_from, &m->from)) {
        log_error(w, NULL, "[mail] from: expected an address or \"Name <address>\"");
        goto failed;
    }
    if (strcmp(w->settings->mail_driver, "smtp") == 0) {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
            log_error(w, NULL, "mail: libcurl does not start");
            goto failed;
        }
        m->uses_curl = true;
    }
    static const struct timeval second = {.tv_sec = 1};
    m->tick = event_new(w->base, -1, EV_PERSIST, on_tick, m);
    if (!m->tick || event_add(m->tick, &second) != 0) {
        log_error(w, NULL, "mail: the loop has no room");
        goto failed;
    }
    event_active(m->tick, EV_TIMEOUT, 0);
    return m;
failed:
    destroy(m);
    return NULL;
}

void mailer_free(mailer *m)
{
    if (!m)
        return;
    if (!m->running) {
        destroy(m);
        return;
    }
    /* Not cancelled: what the server has taken already must still be deleted, or it would be sent again. */
    m->ending = true;
    event_del(m->tick);
}
