/*
 * The list of dependencies: an entry is a name and a function that asks. A dependency that answers wrongly counts as
 * unavailable; why is in the log.
 */
#include "core/health/health.h"

#include "core/db/db.h"
#include "core/objects/objects.h"
#include "core/process/scoreboard.h"
#include "core/redis/redis.h"
#include "core/request/request.h"
#include "core/worker.h"

static int check_database(tl_request *req)
{
    if (db_query(req, "SELECT 1", 0, NULL))
        return TL_OK;
    return db_error(req) == TL_DB_CANCELLED ? TL_CANCELLED : TL_UNAVAILABLE;
}

static int check_redis(tl_request *req)
{
    if (redis_command(req, 1, (const char *const[]){"PING"}))
        return TL_OK;
    return redis_error(req) == TL_CANCELLED ? TL_CANCELLED : TL_UNAVAILABLE;
}

/* All stores: which of them does not work is in the log. */
static int check_storage(tl_request *req)
{
    const objects *stores = req->worker->objects;
    int worst = TL_OK;
    for (size_t i = 0; i < objects_count(stores) && worst != TL_CANCELLED; i++) {
        int result = objects_check(req, objects_at(stores, i));
        if (result != TL_OK)
            worst = result == TL_CANCELLED ? TL_CANCELLED : TL_UNAVAILABLE;
    }
    return worst;
}

/* Every connection to the database has checked the schema before its first statement. */
static int check_migrations(tl_request *req)
{
    return db_state_of(req->worker->db) == DB_READY ? TL_OK : TL_UNAVAILABLE;
}

/* Of this server: one that dies again and again is no place to send visitors to. */
static int check_workers(tl_request *req)
{
    const worker *w = req->worker;
    for (size_t i = 0; i < w->board_count; i++)
        if (w->boards[i].looping)
            return TL_UNAVAILABLE;
    return TL_OK;
}

static const struct dependency {
    const char *name;
    int (*check)(tl_request *req);
} dependencies[] = {
    {"database", check_database}, {"redis", check_redis},     {"migrations", check_migrations},
    {"workers", check_workers},   {"storage", check_storage}, /* last, because it is left out where no store is
                                                                 configured */
};

size_t health_count(void)
{
    size_t count = sizeof dependencies / sizeof dependencies[0];
    return the_worker->objects ? count : count - 1;
}

const char *health_name(size_t index)
{
    return index < health_count() ? dependencies[index].name : NULL;
}

int health_check(tl_request *req, size_t index)
{
    return index < health_count() ? dependencies[index].check(req) : TL_UNAVAILABLE;
}
