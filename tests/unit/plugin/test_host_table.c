/*
 * The table that plugins get: whole, with the sizes of the public headers, and the functions that are its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/plugin/plugin.h"
#include "tests/unit/support/fixture.h"

/* A group is its size and then functions: none may be NULL. */
static void assert_group(const void *group, size_t size)
{
    assert_non_null(group);
    assert_int_equal(*(const size_t *)group, size);
    assert_int_equal((size - sizeof(size_t)) % sizeof(void (*)(void)), 0);
    const unsigned char *functions = (const unsigned char *)group + sizeof(size_t);
    static const unsigned char none[sizeof(void (*)(void))];
    for (size_t at = 0; at < size - sizeof(size_t); at += sizeof none)
        assert_memory_not_equal(functions + at, none, sizeof none);
}

static void every_group_is_whole(void **unused)
{
    (void)unused;
    const tl_host *host = host_table();
    assert_int_equal(host->struct_size, sizeof(tl_host));
    assert_int_equal(host->abi_major, TL_ABI_MAJOR);
    assert_int_equal(host->abi_minor, TL_ABI_MINOR);
    assert_group(host->module, sizeof(tl_module_api));
    assert_group(host->log, sizeof(tl_log_api));
    assert_group(host->task, sizeof(tl_task_api));
    assert_group(host->http, sizeof(tl_http_api));
    assert_group(host->json, sizeof(tl_json_api));
    assert_group(host->db, sizeof(tl_db_api));
    assert_group(host->redis, sizeof(tl_redis_api));
    assert_group(host->mail, sizeof(tl_mail_api));
    assert_group(host->health, sizeof(tl_health_api));
    assert_group(host->objects, sizeof(tl_objects_api));
    assert_group(host->metrics, sizeof(tl_metrics_api));
    /* the groups above are all there are */
    assert_int_equal(offsetof(tl_host, metrics) + sizeof host->metrics, sizeof(tl_host));
}

/*
 * The sizes of version 1.0: a change that is no append at the end breaks plugins that are built, and has to become a
 * new major.
 */
static void the_layout_of_version_1_0_stays(void **unused)
{
    (void)unused;
    assert_int_equal(offsetof(tl_host, metrics), 96);
    assert_int_equal(offsetof(tl_http_api, stream_write), 152);
    assert_int_equal(offsetof(tl_objects_api, presign), 112);
    assert_int_equal(offsetof(tl_metrics_api, text), 24);
    assert_int_equal(offsetof(tl_json_api, text), 152);
    assert_int_equal(offsetof(tl_db_api, time), 112);
    assert_int_equal(offsetof(tl_redis_api, item), 64);
    assert_int_equal(offsetof(tl_task_api, time_text), 64);
    assert_int_equal(offsetof(tl_plugin, stop), 152);
    assert_int_equal(offsetof(tl_route, max_body), 32);
    assert_int_equal(offsetof(tl_option, help), 56);
    assert_int_equal(sizeof(tl_service), 16);
    assert_int_equal(sizeof(tl_need), 24);
    assert_int_equal(offsetof(tl_command, run), 24);
    assert_int_equal(offsetof(tl_job, help), 32);
    assert_int_equal(offsetof(tl_metric, help), 16);
    assert_int_equal(TL_ERROR, -1);
    assert_int_equal(TL_REPLIED, -4);
    assert_int_equal(TL_DENIED, -6);
    assert_int_equal(TL_OPTION_LIST, 8);
    assert_int_equal(TL_DB_FAILED, 7);
}

static void the_layout_of_version_1_1_stays(void **unused)
{
    (void)unused;
    assert_int_equal(offsetof(tl_http_api, cookies), 168);
    assert_int_equal(offsetof(tl_http_api, check_write), 192);
    assert_int_equal(offsetof(tl_task_api, isolated), 80);
    assert_int_equal(offsetof(tl_route, secret), 40);
    assert_int_equal(TL_EXCEEDED, -7);
}

static void write_times(tl_request *req, void *arg)
{
    (void)arg;
    const tl_task_api *task = host_table()->task;
    assert_string_equal(task->time_text(req, 518313600000000), "1986-06-05T00:00:00.000000Z");
    assert_string_equal(task->time_text(req, 0), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(task->time_text(req, -1), "1969-12-31T23:59:59.999999Z");
    assert_string_equal(task->time_text(req, 1709164800000042), "2024-02-29T00:00:00.000042Z");
    assert_true(task->now() > 1700000000000000);
}

static void times_are_rfc_3339_in_utc(void **unused)
{
    (void)unused;
    worker *w = fixture_worker_new(fixture_settings());
    fixture_run(w, write_times, NULL);
    fixture_worker_free(w);
}

static int refuse(tl_module *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = host_table()->module->vrefuse(m, format, args);
    va_end(args);
    return result;
}

static void the_last_refusal_counts(void **unused)
{
    (void)unused;
    tl_module m = {.name = "any"};
    assert_int_equal(refuse(&m, "first"), TL_ERROR);
    assert_int_equal(refuse(&m, "second %d", 2), TL_ERROR);
    assert_string_equal(m.refusal, "second 2");
    free(m.refusal);
}

static void production_is_what_the_settings_say(void **unused)
{
    (void)unused;
    settings *s = fixture_settings();
    worker *w = fixture_worker_new(s);
    assert_false(host_table()->module->is_production());
    s->mode = "production";
    assert_true(host_table()->module->is_production());
    fixture_worker_free(w);
}

static void dependencies_have_names(void **unused)
{
    (void)unused;
    worker *w = fixture_worker_new(fixture_settings());
    const tl_health_api *health = host_table()->health;
    static const char *const names[] = {"database", "redis", "migrations", "workers"};
    const size_t count = sizeof names / sizeof *names;
    for (size_t i = 0; i < count; i++)
        assert_string_equal(health->name(i), names[i]);
    /* Without a configured store there is no storage to ask. */
    assert_int_equal(health->count(), count);
    assert_null(health->name(count));
    assert_int_equal(health->check(NULL, count), TL_UNAVAILABLE);
    fixture_worker_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_group_is_whole),
        cmocka_unit_test(the_layout_of_version_1_0_stays),
        cmocka_unit_test(the_layout_of_version_1_1_stays),
        cmocka_unit_test(times_are_rfc_3339_in_utc),
        cmocka_unit_test(the_last_refusal_counts),
        cmocka_unit_test(production_is_what_the_settings_say),
        cmocka_unit_test(dependencies_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
