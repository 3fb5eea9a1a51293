/*
 * What a person at the command line asks for: a run now, and the list.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "core/db/db.h"
#include "core/jobs/private.h"
#include "core/worker.h"

enum { SECOND = 1000000, POLL = 20 };

static job *find(jobs *all, const char *plugin, const char *name)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->all[i].module->name, plugin) == 0 && strcmp(all->all[i].spec->name, name) == 0)
            return &all->all[i];
    return NULL;
}

/* TL_OK: the row is ours. */
static int claim_now(tl_request *req, job *j, const char **why)
{
    job_state s;
    claim row;
    bool won = false;
    int result = store_register(req, j);
    if (result == TL_OK)
        result = store_read(req, j, &s);
    if (result == TL_OK && s.running && s.stale)
        result = store_give_up(req, j, &s.row, "its process has ended before it");
    if (result == TL_OK)
        result = store_claim_manual(req, j, &row, &won);
    if (result != TL_OK) {
        *why = "the database cannot be used";
        return result;
    }
    if (won) {
        job_take(j, &row);
        return TL_OK;
    }
    *why = store_read(req, j, &s) == TL_OK && s.running
               ? arena_format(req->arena, "it runs already, in process %s", s.server)
               : "another process was faster";
    return TL_ERROR;
}

int jobs_run_now(tl_request *req, jobs *all, const char *plugin, const char *name, const char **why)
{
    job *j = find(all, plugin, name);
    if (!j) {
        *why = "there is no such job";
        return TL_NOT_FOUND;
    }
    int result = claim_now(req, j, why);
    if (result != TL_OK)
        return result;
    jobs_begin(all);
    while (j->phase != JOB_IDLE) {
        if (request_sleep(req, POLL) == TL_OK)
            continue;
        *why = "interrupted";
        return TL_CANCELLED;
    }
    *why = j->result == TL_OK ? "" : j->message;
    return j->result;
}

/* "2026-03-29 03:00 +0200" */
static const char *local_text(tl_request *req, const zone *z, int64_t moment)
{
    int32_t offset = zone_at(z, moment).offset;
    time_t local = (time_t)(moment + offset);
    struct tm date;
    char day[40] = "";
    if (gmtime_r(&local, &date))
        strftime(day, sizeof day, "%Y-%m-%d %H:%M", &date);
    int minutes = (offset < 0 ? -offset : offset) / 60;
    return arena_format(req->arena, "%s %c%02d%02d", day, offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static int fill_last(tl_request *req, const job *j, const zone *z, job_line *line)
{
    tl_rows *rows = db_query(req,
                             "SELECT extract(epoch FROM started_at)::bigint AS started, coalesce(result, '') AS result,"
                             " server, message FROM job_runs WHERE plugin = $1 AND job = $2"
                             " ORDER BY due_at DESC LIMIT 1",
                             2, (const char *const[]){j->module->name, j->spec->name});
    if (!rows)
        return TL_UNAVAILABLE;
    line->last = line->result = "";
    if (db_row_count(rows) == 0)
        return TL_OK;
    line->last = local_text(req, z, db_integer(rows, 0, "started"));
    const char *result = db_text(rows, 0, "result");
    const char *message = db_text(rows, 0, "message");
    line->result = *result ? arena_format(req->arena, "%s%s%s", result, *message ? ": " : "", message)
                           : arena_format(req->arena, "runs in process %s", db_text(rows, 0, "server"));
    return TL_OK;
}

static int fill_next(tl_request *req, const job *j, const zone *z, job_line *line)
{
    job_state s;
    line->next = "";
    if (!*j->schedule)
        return TL_OK;
    int result = store_read(req, j, &s);
    if (result != TL_OK)
        return result;
    int64_t now = s.known ? s.now / SECOND : time(NULL);
    int64_t due = s.known ? due_latest(&j->cron, j->zone, s.after / SECOND, now) : INT64_MIN;
    if (due == INT64_MIN)
        due = due_next(&j->cron, j->zone, now);
    line->next = due == INT64_MAX ? "" : local_text(req, z, due);
    return TL_OK;
}

int jobs_list(tl_request *req, jobs *all, job_line **lines)
{
    *lines = arena_alloc(req->arena, (all->count + 1) * sizeof **lines);
    const char *problem;
    const zone *utc = zone_load(req->arena, "UTC", &problem);
    for (size_t i = 0; i < all->count; i++) {
        const job *j = &all->all[i];
        const zone *z = j->zone ? j->zone : utc;
        job_line *line = &(*lines)[i];
        *line = (job_line){
            .plugin = j->module->name,
            .job = j->spec->name,
            .schedule = j->schedule,
            .zone = j->zone_name,
            .help = j->spec->help ? j->spec->help : "",
        };
        int result = fill_next(req, j, z, line);
        if (result == TL_OK)
            result = fill_last(req, j, z, line);
        if (result != TL_OK)
            return result;
    }
    return (int)all->count;
}
