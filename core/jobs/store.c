/*
 * Every statement on job_schedules and job_runs. Which of two servers wins is decided by the tables' unique indexes and
 * by single statements; whether a process has died, by the database's clock alone.
 */
#include <inttypes.h>

#include "core/db/db.h"
#include "core/jobs/private.h"
#include "core/worker.h"

#define LEASE_OVER "heartbeat_at < now() - interval '90 seconds'"
_Static_assert(LEASE_SECONDS == 90, "the statements say so");

#define THE_JOB "plugin = $1 AND job = $2"
#define THE_MOMENT "(timestamptz 'epoch' + $3::bigint * interval '1 microsecond')"
/* The row as this process left it: a higher number of attempts is another's. */
#define OUR_ROW THE_JOB " AND due_at = " THE_MOMENT " AND attempts = $4::integer AND finished_at IS NULL"

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

static const char *number(tl_request *req, int64_t value)
{
    return arena_format(req->arena, "%" PRId64, value);
}

/* `*done`: it has touched a row. */
static int change(tl_request *req, const char *sql, size_t count, const char *const *params, bool *done)
{
    tl_rows *rows = db_query(req, sql, count, params);
    *done = rows && db_affected(rows) > 0;
    return rows ? TL_OK : result_of(req);
}

int store_register(tl_request *req, const job *j)
{
    static const char sql[] =
        "INSERT INTO job_schedules AS old (plugin, job, schedule, zone) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (plugin, job) DO UPDATE SET schedule = excluded.schedule, zone = excluded.zone, since = now()"
        " WHERE (old.schedule, old.zone) IS DISTINCT FROM (excluded.schedule, excluded.zone)";
    bool done;
    return change(req, sql, 4,
                  (const char *const[]){j->module->name, j->spec->name, j->schedule, *j->schedule ? j->zone_name : ""},
                  &done);
}

int store_read(tl_request *req, const job *j, job_state *out)
{
    /* Times leave as microseconds since 1970. */
    static const char sql[] =
        "SELECT (extract(epoch FROM now()) * 1000000)::bigint AS now,"
        " (extract(epoch FROM greatest(s.since, last.due_at)) * 1000000)::bigint AS after,"
        " (extract(epoch FROM open.due_at) * 1000000)::bigint AS due,"
        " open.attempts, open.manual, open.server, open." LEASE_OVER " AS stale,"
        " (extract(epoch FROM good.finished_at) * 1000000)::bigint AS succeeded,"
        " (extract(epoch FROM good.finished_at - good.started_at) * 1000000)::bigint AS took"
        " FROM job_schedules s"
        " LEFT JOIN LATERAL (SELECT * FROM job_runs WHERE plugin = s.plugin AND job = s.job"
        " ORDER BY due_at DESC LIMIT 1) last ON true"
        " LEFT JOIN job_runs open ON open.plugin = s.plugin AND open.job = s.job AND open.finished_at IS NULL"
        " LEFT JOIN LATERAL (SELECT * FROM job_runs WHERE plugin = s.plugin AND job = s.job AND result = 'ok'"
        " ORDER BY due_at DESC LIMIT 1) good ON true"
        " WHERE s.plugin = $1 AND s.job = $2";
    *out = (job_state){0};
    tl_rows *rows = db_query(req, sql, 2, (const char *const[]){j->module->name, j->spec->name});
    if (!rows)
        return result_of(req);
    out->known = db_row_count(rows) > 0;
    if (!out->known)
        return TL_OK;
    out->now = db_integer(rows, 0, "now");
    out->after = db_integer(rows, 0, "after");
    out->running = !db_is_null(rows, 0, "due");
    out->row = (claim){db_integer(rows, 0, "due"), db_integer(rows, 0, "attempts"), db_boolean(rows, 0, "manual")};
    out->server = db_text(rows, 0, "server");
    out->succeeded = db_integer(rows, 0, "succeeded");
    out->took = db_integer(rows, 0, "took");
    out->stale = db_boolean(rows, 0, "stale");
    return TL_OK;
}

int store_claim(tl_request *req, const job *j, const claim *wanted, bool *won)
{
    /* A server whose look is late must not run a moment after a later one. */
    static const char sql[] = "INSERT INTO job_runs (plugin, job, due_at, server) SELECT $1, $2, " THE_MOMENT ", $4"
                              " WHERE NOT EXISTS (SELECT FROM job_runs WHERE " THE_JOB " AND due_at >= " THE_MOMENT ")"
                              " ON CONFLICT DO NOTHING";
    return change(req, sql, 4,
                  (const char *const[]){j->module->name, j->spec->name, number(req, wanted->due), j->owner->server},
                  won);
}

int store_take_over(tl_request *req, const job *j, claim *row, bool *won)
{
    static const char sql[] = "UPDATE job_runs SET attempts = attempts + 1, started_at = now(), heartbeat_at = now(),"
                              " server = $5 WHERE " OUR_ROW " AND " LEASE_OVER;
    int result = change(req, sql, 5,
                        (const char *const[]){j->module->name, j->spec->name, number(req, row->due),
                                              number(req, row->attempts), j->owner->server},
                        won);
    row->attempts += *won;
    return result;
}

int store_claim_manual(tl_request *req, const job *j, claim *out, bool *won)
{
    static const char sql[] =
        "INSERT INTO job_runs (plugin, job, due_at, server, manual) VALUES ($1, $2, now(), $3, true)"
        " ON CONFLICT DO NOTHING RETURNING (extract(epoch FROM due_at) * 1000000)::bigint AS due";
    tl_rows *rows = db_query(req, sql, 3, (const char *const[]){j->module->name, j->spec->name, j->owner->server});
    *won = rows && db_row_count(rows) > 0;
    if (*won)
        *out = (claim){db_integer(rows, 0, "due"), 1, true};
    return rows ? TL_OK : result_of(req);
}

int store_give_up(tl_request *req, const job *j, const claim *row, const char *message)
{
    static const char sql[] =
        "UPDATE job_runs SET finished_at = now(), result = 'lost', message = $5 WHERE " OUR_ROW " AND " LEASE_OVER;
    bool done;
    return change(req, sql, 5,
                  (const char *const[]){j->module->name, j->spec->name, number(req, row->due),
                                        number(req, row->attempts), message},
                  &done);
}

int store_renew(tl_request *req, const job *j, bool *ours)
{
    return change(req, "UPDATE job_runs SET heartbeat_at = now() WHERE " OUR_ROW, 4,
                  (const char *const[]){j->module->name, j->spec->name, number(req, j->claim.due),
                                        number(req, j->claim.attempts)},
                  ours);
}

/* The last month is kept, and of rare jobs the last twenty runs. */
static void clean(tl_request *req, const job *j)
{
    static const char sql[] =
        "DELETE FROM job_runs WHERE " THE_JOB " AND due_at < now() - interval '30 days' AND due_at <"
        " (SELECT due_at FROM job_runs WHERE " THE_JOB " ORDER BY due_at DESC OFFSET 19 LIMIT 1)";
    bool done;
    change(req, sql, 2, (const char *const[]){j->module->name, j->spec->name}, &done);
}

int store_finish(tl_request *req, const job *j, const char *result, const char *message, bool *ours)
{
    static const char sql[] = "UPDATE job_runs SET finished_at = now(), heartbeat_at = now(), result = $5, message = $6"
                              " WHERE " OUR_ROW;
    int code = change(req, sql, 6,
                      (const char *const[]){j->module->name, j->spec->name, number(req, j->claim.due),
                                            number(req, j->claim.attempts), result, message},
                      ours);
    /* A failure here is made good by the next run. */
    if (code == TL_OK && *ours)
        clean(req, j);
    return code;
}

int store_release(tl_request *req, const job *j, bool *ours)
{
    return change(req, "UPDATE job_runs SET heartbeat_at = '-infinity' WHERE " OUR_ROW, 4,
                  (const char *const[]){j->module->name, j->spec->name, number(req, j->claim.due),
                                        number(req, j->claim.attempts)},
                  ours);
}
