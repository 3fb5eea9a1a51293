/*
 * One look at the tables: what ended is written down, what runs renews its lease, what is due is claimed.
 */
#include <inttypes.h>

#include "core/jobs/private.h"
#include "core/log/log.h"
#include "core/worker.h"

enum { SECOND = 1000000, WAKE_BEHIND = 20, LATE_SECONDS = 90 };

void job_take(job *j, const claim *row)
{
    j->claim = *row;
    j->phase = JOB_CLAIMED;
    j->interrupted = j->lost = false;
    j->message[0] = '\0';
    j->renewed = loop_now(j->owner->worker);
}

static int claim_due(tl_request *req, job *j, const job_state *s, int64_t due)
{
    bool won;
    claim wanted = {.due = due * SECOND, .attempts = 1};
    int result = store_claim(req, j, &wanted, &won);
    if (result != TL_OK || !won)
        return result;
    job_take(j, &wanted);
    int64_t late = s->now / SECOND - due;
    if (late > LATE_SECONDS)
        log_warning(req->worker, req, "job %s of plugin %s is caught up on: it was due %" PRId64 " s ago",
                    j->spec->name, j->module->name, late);
    return result;
}

/* Whoever had the row has died, or was stopped. A newer moment makes up for it; else it is started once more. */
static int inherit(tl_request *req, job *j, job_state *s, bool newer_is_due)
{
    const char *job_name = j->spec->name, *plugin = j->module->name;
    if (s->row.manual || newer_is_due)
        return store_give_up(req, j, &s->row, "its process has ended before it");
    if (s->row.attempts >= ATTEMPTS_MOST) {
        log_error(req->worker, req,
                  "job %s of plugin %s is given up until it is due again: %" PRId64
                  " times the process that ran it has ended before it",
                  job_name, plugin, s->row.attempts);
        return store_give_up(req, j, &s->row, "the process that ran it has ended too often");
    }
    bool won;
    int result = store_take_over(req, j, &s->row, &won);
    if (result != TL_OK || !won)
        return result;
    job_take(j, &s->row);
    log_warning(req->worker, req, "job %s of plugin %s is started again: %s has ended before it", job_name, plugin,
                s->server);
    return result;
}

static void measure(const job *j, const job_state *s)
{
    if (s->succeeded == 0)
        return;
    metric_set(j->last_success, (double)s->succeeded / SECOND);
    metric_set(j->last_duration, (double)s->took / SECOND);
}

/* `*wait`: until it is of interest again. */
static int consider(tl_request *req, job *j, int64_t *wait)
{
    job_state s;
    int result = store_read(req, j, &s);
    if (result != TL_OK)
        return result;
    if (!s.known) {
        /* Somebody has emptied the table. */
        j->owner->registered = false;
        *wait = LOOK_AFTER_ERROR;
        return TL_OK;
    }
    measure(j, &s);
    int64_t now = s.now / SECOND;
    int64_t due = due_latest(&j->cron, j->zone, s.after / SECOND, now);
    int64_t next = due_next(&j->cron, j->zone, now);
    *wait = next == INT64_MAX ? LOOK_MOST : (next * SECOND - s.now) / 1000 + WAKE_BEHIND;
    if (s.running && !s.stale) {
        /* Its end, or its process' death, is of interest soon. */
        *wait = LOOK_BLOCKED;
        return TL_OK;
    }
    if (s.running)
        result = inherit(req, j, &s, due != INT64_MIN);
    if (result == TL_OK && due != INT64_MIN && !j->owner->stopping)
        result = claim_due(req, j, &s, due);
    return result;
}

static int renew(tl_request *req, job *j)
{
    int64_t sent = loop_now(req->worker);
    if (sent - j->renewed < RENEW - 1000)
        return TL_OK;
    bool ours;
    int result = store_renew(req, j, &ours);
    if (result != TL_OK)
        return result;
    if (ours) {
        j->renewed = sent;
        return TL_OK;
    }
    if (j->lost)
        return TL_OK;
    j->lost = true;
    log_error(req->worker, req, "job %s of plugin %s is cancelled: its lease ran out, and another server has it",
              j->spec->name, j->module->name);
    if (j->req)
        request_cancel(j->req, false);
    return TL_OK;
}

static int settle(tl_request *req, job *j)
{
    bool ours = true;
    int result = TL_OK;
    if (j->lost)
        log_warning(req->worker, req, "job %s of plugin %s: the end of a run that another server has taken over",
                    j->spec->name, j->module->name);
    else if (j->interrupted && j->result != TL_OK && !j->claim.manual)
        result = store_release(req, j, &ours);
    else
        result = store_finish(req, j, j->result == TL_OK ? "ok" : "failed", j->message, &ours);
    if (result == TL_UNAVAILABLE || result == TL_CANCELLED)
        return result;
    if (!ours)
        log_warning(req->worker, req, "job %s of plugin %s: another server had taken the run over", j->spec->name,
                    j->module->name);
    j->phase = JOB_IDLE;
    return result;
}

static int look_at(tl_request *req, job *j, int64_t *wait)
{
    *wait = LOOK_MOST;
    switch (j->phase) {
    case JOB_ENDED:
        *wait = 0;
        return settle(req, j);
    case JOB_CLAIMED:
    case JOB_RUNNING:
        *wait = RENEW;
        return renew(req, j);
    case JOB_IDLE:
        break;
    }
    return j->owner->scheduled && !j->owner->stopping && *j->schedule ? consider(req, j, wait) : TL_OK;
}

static int register_all(tl_request *req, jobs *j)
{
    int result = TL_OK;
    for (size_t i = 0; i < j->count && result == TL_OK; i++)
        result = store_register(req, &j->all[i]);
    j->registered = result == TL_OK;
    return result;
}

int64_t look_at_all(tl_request *req, jobs *j)
{
    if (j->scheduled && !j->stopping && !j->registered && register_all(req, j) != TL_OK)
        return LOOK_AFTER_ERROR;
    int64_t least = LOOK_MOST;
    for (size_t i = 0; i < j->count; i++) {
        int64_t wait;
        if (look_at(req, &j->all[i], &wait) != TL_OK)
            return LOOK_AFTER_ERROR;
        if (wait < least)
            least = wait;
    }
    /* A run may have ended while this look waited for the database. */
    for (size_t i = 0; i < j->count; i++)
        if (j->all[i].phase == JOB_ENDED)
            least = 0;
    return least;
}
