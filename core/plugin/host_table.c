/*
 * The table that plugins get: every function of include/talelio, backed by the core. What is here beyond the tables
 * only translates between the two.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/db/db.h"
#include "core/health/health.h"
#include "core/http/http.h"
#include "core/json/json.h"
#include "core/log/log.h"
#include "core/mail/mail.h"
#include "core/metrics/metrics.h"
#include "core/objects/objects.h"
#include "core/plugin/plugin.h"
#include "core/pool/isolation.h"
#include "core/pool/pool.h"
#include "core/redis/redis.h"
#include "core/request/request.h"
#include "core/worker.h"

static bool module_is_production(void)
{
    return strcmp(the_worker->settings->mode, "production") == 0;
}

static int module_vrefuse(tl_module *module, const char *format, va_list args)
{
    free(module->refusal);
    if (vasprintf(&module->refusal, format, args) < 0)
        module->refusal = NULL;
    return TL_ERROR;
}

static void log_vwrite(tl_module *module, tl_request *req, tl_level level, const char *format, va_list args)
{
    logger_vwrite(the_worker->log, level, module ? module->name : NULL, req, format, args);
}

static void *task_alloc(tl_request *req, size_t size)
{
    request_check_memory(req, size);
    return arena_alloc(req->arena, size);
}

static char *task_vformat(tl_request *req, const char *format, va_list args)
{
    char *text = arena_vformat(req->arena, format, args);
    request_check_memory(req, 0);
    return text;
}

static void task_defer(tl_request *req, void (*run)(void *arg), void *arg)
{
    arena_defer(req->arena, run, arg);
}

static int task_blocking(tl_request *req, void (*run)(void *arg), void *arg)
{
    return pool_run(req->worker->pool, req, run, arg);
}

static int task_isolated(tl_request *req, tl_isolated_run *run, const void *input, size_t length,
                         int64_t cpu_milliseconds, const void **output, size_t *output_length)
{
    return isolation_run(req->worker->isolation, req, run, input, length, cpu_milliseconds, output, output_length);
}

static bool task_is_cancelled(const tl_request *req)
{
    return req->cancelled;
}

static int64_t task_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static char *task_time_text(tl_request *req, int64_t microseconds)
{
    int64_t fraction = microseconds % 1000000;
    if (fraction < 0)
        fraction += 1000000;
    time_t seconds = (microseconds - fraction) / 1000000;
    struct tm utc;
    if (!gmtime_r(&seconds, &utc))
        return arena_copy(req->arena, "");
    char day[64];
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    return arena_format(req->arena, "%s.%06dZ", day, (int)fraction);
}

static tl_rows *db_query_checked(tl_request *req, const char *sql, size_t count, const char *const *params)
{
    tl_rows *rows = db_query(req, sql, count, params);
    request_check_memory(req, 0);
    return rows;
}

static tl_redis_value *redis_command_checked(tl_request *req, size_t count, const char *const *words)
{
    tl_redis_value *value = redis_command(req, count, words);
    request_check_memory(req, 0);
    return value;
}

static int objects_get_checked(tl_request *req, tl_store *store, const char *key, size_t limit, const void **bytes,
                               tl_object *about)
{
    int result = objects_get(req, store, key, limit, bytes, about);
    request_check_memory(req, 0);
    return result;
}

static int db_fail(tl_request *req)
{
    switch (db_error(req)) {
    case TL_DB_UNAVAILABLE:
        return http_fail_service(req, "database", TL_UNAVAILABLE);
    case TL_DB_CANCELLED:
        return http_fail_service(req, "database", TL_CANCELLED);
    default:
        return http_fail_service(req, "database", TL_ERROR);
    }
}

static int redis_fail(tl_request *req)
{
    int error = redis_error(req);
    return http_fail_service(req, "redis", error == TL_OK ? TL_ERROR : error);
}

static const tl_module_api module_api = {
    .struct_size = sizeof module_api,
    .is_production = module_is_production,
    .vrefuse = module_vrefuse,
};

static const tl_log_api log_api = {.struct_size = sizeof log_api, .vwrite = log_vwrite};

static const tl_task_api task_api = {
    .struct_size = sizeof task_api,
    .alloc = task_alloc,
    .vformat = task_vformat,
    .defer = task_defer,
    .sleep = request_sleep,
    .blocking = task_blocking,
    .is_cancelled = task_is_cancelled,
    .now = task_now,
    .time_text = task_time_text,
    .scoped = request_scoped,
    .isolated = task_isolated,
};

static const tl_http_api http_api = {
    .struct_size = sizeof http_api,
    .method = http_method,
    .path = http_path,
    .path_param = http_path_param,
    .query_param = http_query_param,
    .header = http_header,
    .cookie = http_cookie,
    .remote_address = http_remote_address,
    .request_id = http_request_id,
    .body = http_body,
    .json_body = http_json_body,
    .identity = http_identity,
    .set_header = http_set_header,
    .set_cookie = http_set_cookie,
    .reply = http_reply,
    .reply_json = http_reply_json,
    .vfail = http_vfail,
    .fail_service = http_fail_service,
    .stream_begin = http_stream_begin,
    .stream_write = http_stream_write,
    .stream_drain = http_stream_drain,
    .cookies = http_cookies,
    .etag = http_etag,
    .check_read = http_check_read,
    .check_write = http_check_write,
};

static const tl_json_api json_api = {
    .struct_size = sizeof json_api,
    .object = json_new_object,
    .array = json_new_array,
    .set = json_set,
    .set_string = json_set_string,
    .set_int = json_set_int,
    .set_double = json_set_double,
    .set_bool = json_set_bool,
    .append = json_append,
    .append_string = json_append_string,
    .parse = json_parse,
    .type = json_type_of,
    .get = json_get,
    .at = json_at,
    .count = json_count,
    .as_string = json_as_string,
    .as_int = json_as_int,
    .as_double = json_as_double,
    .as_bool = json_as_bool,
    .text = json_text,
};

static const tl_db_api db_api = {
    .struct_size = sizeof db_api,
    .query = db_query_checked,
    .begin = db_begin,
    .commit = db_commit,
    .rollback = db_rollback,
    .error = db_error,
    .constraint = db_constraint,
    .reply_error = db_fail,
    .row_count = db_row_count,
    .affected = db_affected,
    .is_null = db_is_null,
    .text = db_text,
    .integer = db_integer,
    .boolean = db_boolean,
    .time = db_time,
};

static const tl_redis_api redis_api = {
    .struct_size = sizeof redis_api,
    .key = redis_key,
    .command = redis_command_checked,
    .reply_error = redis_fail,
    .is_nil = redis_is_nil,
    .text = redis_text,
    .integer = redis_integer,
    .count = redis_count,
    .item = redis_item,
};

static const tl_mail_api mail_api = {.struct_size = sizeof mail_api, .queue = mail_queue};

static const tl_health_api health_api = {
    .struct_size = sizeof health_api,
    .count = health_count,
    .name = health_name,
    .check = health_check,
};

static const tl_objects_api objects_api = {
    .struct_size = sizeof objects_api,
    .store = objects_store,
    .put = objects_put,
    .upload_begin = objects_upload_begin,
    .upload_write = objects_upload_write,
    .upload_finish = objects_upload_finish,
    .upload_abort = objects_upload_abort,
    .get = objects_get_checked,
    .download_begin = objects_download_begin,
    .download_read = objects_download_read,
    .head = objects_head,
    .remove = objects_remove,
    .list = objects_list,
    .copy = objects_copy,
    .presign = objects_presign,
    .url = objects_url,
    .sweep = objects_sweep,
};

/* Read into memory of the request: what the writer allocates is not the arena's. */
static const char *metrics_of_all(tl_request *req, size_t *length)
{
    char *text = req->worker->metrics ? metrics_text(req->worker->metrics, length) : NULL;
    if (!text) {
        *length = 0;
        return "";
    }
    const char *copy = arena_copy_bytes(req->arena, text, *length);
    free(text);
    return copy;
}

static const tl_metrics_api metrics_api = {
    .struct_size = sizeof metrics_api,
    .add = metrics_module_add,
    .set = metrics_module_set,
    .text = metrics_of_all,
};

const tl_host *host_table(void)
{
    static const tl_host host = {
        .struct_size = sizeof host,
        .abi_major = TL_ABI_MAJOR,
        .abi_minor = TL_ABI_MINOR,
        .module = &module_api,
        .log = &log_api,
        .task = &task_api,
        .http = &http_api,
        .json = &json_api,
        .db = &db_api,
        .redis = &redis_api,
        .mail = &mail_api,
        .health = &health_api,
        .metrics = &metrics_api,
        .objects = &objects_api,
    };
    return &host;
}
