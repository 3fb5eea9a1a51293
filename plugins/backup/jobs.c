/* The jobs: each does its work and tells of it in the log, by metrics, and when it fails by an alarm. */
#include "plugins/backup/jobs.h"

#include "plugins/backup/alarm.h"
#include "plugins/backup/drill.h"
#include "plugins/backup/dump.h"
#include "plugins/backup/prune.h"
#include "plugins/backup/verify.h"

#define SECONDS(microseconds) ((double)(microseconds) / 1e6)

static int failed(tl_request *req, const char *counter, const char *subject, const task *t, int result)
{
    tl_metric_add(counter, 1);
    /* A server that stops runs the job again when it is back. */
    if (result == TL_CANCELLED)
        tl_log(req, TL_WARNING, "%s: %s", subject, t->error);
    else
        alarm_raise(req, subject, t->error);
    return result;
}

static void prune(tl_request *req)
{
    task t;
    prune_list list;

    task_init(&t, req, PROGRESS_NONE);
    if (prune_run(&t, false, &list) != TL_OK)
        tl_log(req, TL_WARNING, "old backups are not deleted: %s", t.error);
    else if (list.going > 0)
        tl_log(req, TL_INFO, "%zu old backups are deleted, %zu are left", list.going, list.count - list.going);
}

int job_backup(tl_request *req)
{
    task t;
    entry *e;

    task_init(&t, req, PROGRESS_LOG);
    int result = dump_make(&t, &e);
    if (result != TL_OK)
        return failed(req, "backup_failures_total", "The backup has failed", &t, result);
    tl_metric_add("backups_total", 1);
    tl_log(req, TL_INFO, "backup %s is made: %s of %zu tables in %lld s", e->name, size_text(req, e->manifest->size),
           e->manifest->tables.count, (long long)e->manifest->milliseconds / 1000);
    result = verify_run(&t, e);
    if (result != TL_OK)
        return failed(req, "verification_failures_total", "The backup is made, but could not be verified", &t, result);
    tl_metric_add("verifications_total", 1);
    tl_log(req, TL_INFO, "backup %s is verified", e->name);
    prune(req);
    job_watch(req);
    return TL_OK;
}

int job_drill(tl_request *req)
{
    task t;

    task_init(&t, req, PROGRESS_LOG);
    entry *e = catalog_choose(&t, "latest");
    int result = e ? drill_run(&t, e) : tl_is_cancelled(req) ? TL_CANCELLED : TL_ERROR;
    if (result != TL_OK)
        return failed(req, "drill_failures_total", "The restore drill has failed", &t, result);
    tl_metric_add("drills_total", 1);
    tl_metric_set("drill_timestamp_seconds", SECONDS(tl_now()));
    tl_log(req, TL_INFO, "backup %s was restored for a test: %zu tables, %lld rows, all as they were dumped, in %lld s",
           e->name, e->manifest->tables.count, (long long)tables_rows(&e->manifest->tables),
           (long long)e->verdict->milliseconds / 1000);
    return TL_OK;
}

static void set_metrics(const entry *e)
{
    int64_t age = tl_now() - e->manifest->started;

    tl_metric_set("verified_age_seconds", SECONDS(age > 0 ? age : 0));
    tl_metric_set("verified_timestamp_seconds", SECONDS(e->manifest->started));
    tl_metric_set("size_bytes", (double)e->manifest->size);
    tl_metric_set("duration_seconds", (double)e->manifest->milliseconds / 1000);
    if (e->verdict->drilled > 0 && e->verdict->is_restorable)
        tl_metric_set("drill_timestamp_seconds", SECONDS(e->verdict->drilled));
}

static bool is_too_old(const entry *e)
{
    return !e || tl_now() - e->manifest->started > backup_options.max_age * 1000;
}

int job_watch(tl_request *req)
{
    static const char subject[] = "The newest verified backup is too old";
    task t;
    entry *e;
    size_t seen;

    task_init(&t, req, PROGRESS_NONE);
    int result = catalog_newest_verified(&t, &e, &seen);
    if (result == TL_CANCELLED)
        return result;
    if (result != TL_OK) {
        alarm_raise_daily(req, "unknown", "The state of the backups is not known", t.error);
        return result;
    }
    if (e)
        set_metrics(e);
    if (e && is_too_old(e))
        alarm_raise_daily(req, "old", subject,
                          tl_format(req, "It is %s, of %s. `talelio backup list` shows what has become of later ones.",
                                    e->name, tl_time_text(req, e->manifest->started)));
    else if (!e)
        alarm_raise_daily(req, "none", subject,
                          seen > 0 ? "None of the backups is verified: `talelio backup list` shows why."
                                   : "There is none at all: `talelio backup now` makes the first one.");
    return TL_OK;
}

/* The answer is kept for a while: whoever polls readiness must not make work for the storage. */
static int condition(tl_request *req)
{
    enum { KEPT = 5 * 60 * 1000000 };
    static int64_t asked_at;
    static int answer = TL_OK;
    task t;
    entry *e;
    size_t seen;
    int64_t now = tl_now();

    /* Where nobody watches, nobody is told. */
    if (!*backup_options.watch_schedule)
        return TL_OK;
    if (asked_at != 0 && now >= asked_at && now - asked_at < KEPT)
        return answer;
    task_init(&t, req, PROGRESS_NONE);
    int result = catalog_newest_verified(&t, &e, &seen);
    if (result == TL_CANCELLED)
        return result;
    asked_at = now;
    answer = result != TL_OK || is_too_old(e) ? TL_ERROR : TL_OK;
    return answer;
}

const tl_backup_v1 backup_service = {sizeof backup_service, condition};
