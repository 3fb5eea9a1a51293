/*
 * The health plugin over a host table of the test's own: dependencies that are up and down as the test says.
 */
/* cmocka names a macro "fail", so it comes behind the headers that use the word. */
#include "core/json/json.h"
#include "tests/unit/support/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static worker *the_test_worker;

/* What the plugin was told, and what it said. */
static int database, redis, asked;
static int replied_status;
static char replied[1024], cache_control[64], failed_service[64];

static size_t dependency_count(void)
{
    return 2;
}

static const char *dependency_name(size_t index)
{
    return index == 0 ? "database" : "redis";
}

static int dependency_check(tl_request *req, size_t index)
{
    (void)req;
    asked++;
    return index == 0 ? database : redis;
}

static int64_t now(void)
{
    static int64_t microseconds = INT64_C(1800000000000000);

    return microseconds += 1500;
}

static int reply(tl_request *req, int status, const char *content_type, const void *bytes, size_t length)
{
    (void)req;
    replied_status = status;
    snprintf(replied, sizeof replied, "%s|%.*s", content_type, (int)length, (const char *)bytes);
    return TL_OK;
}

static int reply_json(tl_request *req, int status, const tl_json *value)
{
    replied_status = status;
    snprintf(replied, sizeof replied, "%s", json_text(req, value, NULL));
    return TL_OK;
}

static int fail_service(tl_request *req, const char *service, int error)
{
    (void)req;
    replied_status = error == TL_CANCELLED ? 503 : 500;
    snprintf(failed_service, sizeof failed_service, "%s", service);
    return TL_OK;
}

static void set_header(tl_request *req, const char *name, const char *value)
{
    (void)req;
    if (strcmp(name, "Cache-Control") == 0)
        snprintf(cache_control, sizeof cache_control, "%s", value);
}

static const tl_health_api health = {sizeof health, dependency_count, dependency_name, dependency_check};
static const tl_task_api task = {.struct_size = sizeof task, .now = now};
static const tl_http_api http = {.struct_size = sizeof http,
                                 .reply = reply,
                                 .reply_json = reply_json,
                                 .fail_service = fail_service,
                                 .set_header = set_header};
static const tl_json_api json = {.struct_size = sizeof json,
                                 .object = json_new_object,
                                 .set = json_set,
                                 .set_string = json_set_string,
                                 .set_double = json_set_double};
static const tl_host host = {sizeof host,   TL_ABI_MAJOR,  TL_ABI_MINOR, .health = &health,
                             .task = &task, .http = &http, .json = &json};

extern tl_plugin_entry talelio_plugin;

static void ask_on_fiber(tl_request *req, void *path)
{
    for (const tl_route *route = talelio_plugin(&host, NULL)->routes; route->path; route++)
        if (strcmp(route->path, path) == 0)
            route->handler(req);
}

static void ask(const char *path)
{
    asked = replied_status = 0;
    replied[0] = cache_control[0] = failed_service[0] = '\0';
    fixture_run(the_test_worker, ask_on_fiber, (void *)path);
}

static int set_up(void **state)
{
    (void)state;
    the_test_worker = fixture_worker_new(fixture_settings());
    return the_test_worker ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_worker_free(the_test_worker);
    return 0;
}

static void health_touches_nothing(void **state)
{
    (void)state;
    database = redis = TL_UNAVAILABLE;
    ask("/v1/health");
    assert_int_equal(replied_status, 200);
    assert_string_equal(replied, "text/plain; charset=utf-8|👍");
    assert_int_equal(asked, 0);
}

static void ready_when_all_are_up(void **state)
{
    (void)state;
    database = redis = TL_OK;
    ask("/v1/health/ready");
    assert_int_equal(replied_status, 200);
    assert_string_equal(replied, "{\"status\":\"up\",\"database\":{\"status\":\"up\",\"milliseconds\":1.5},"
                                 "\"redis\":{\"status\":\"up\",\"milliseconds\":1.5}}");
    assert_string_equal(cache_control, "no-store");
}

static void not_ready_when_one_is_down_and_all_are_asked(void **state)
{
    (void)state;
    database = TL_UNAVAILABLE;
    redis = TL_OK;
    ask("/v1/health/ready");
    assert_int_equal(replied_status, 503);
    assert_string_equal(replied, "{\"status\":\"down\",\"database\":{\"status\":\"down\",\"milliseconds\":1.5},"
                                 "\"redis\":{\"status\":\"up\",\"milliseconds\":1.5}}");
    assert_string_equal(cache_control, "no-store");
}

static void a_cancelled_request_asks_no_further(void **state)
{
    (void)state;
    database = TL_CANCELLED;
    redis = TL_OK;
    ask("/v1/health/ready");
    assert_int_equal(asked, 1);
    assert_int_equal(replied_status, 503);
    assert_string_equal(failed_service, "database");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_touches_nothing),
        cmocka_unit_test(ready_when_all_are_up),
        cmocka_unit_test(not_ready_when_one_is_down_and_all_are_asked),
        cmocka_unit_test(a_cancelled_request_asks_no_further),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
