/*
 * Paths, queries and routes: decoding each piece once, finding the route, refusing routes that clash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/http/path.h"
#include "core/http/router.h"
#include "core/plugin/plugin.h"

#include <cmocka.h>

static tl_module notes = {.name = "notes"}, other = {.name = "other"};

static int handler(tl_request *req)
{
    (void)req;
    return TL_OK;
}

static void add(router *r, tl_method method, const char *path, problems *found)
{
    router_add(r, &(route){.method = method, .path = path, .handler = handler, .module = &notes}, found);
}

/* What a path and method lead to; segments stay in `path_text`. */
static route_match find(const router *r, tl_method method, const char *path_text, path_segments *segments)
{
    static char scratch[1000];
    route_match match;
    assert_int_equal(path_split(path_text, strlen(path_text), scratch, segments), PATH_OK);
    router_find(r, segments, method, &match);
    return match;
}

static void expect_route(const router *r, tl_method method, const char *path_text, const char *expected)
{
    path_segments segments;
    route_match match = find(r, method, path_text, &segments);
    if (!expected)
        assert_null(match.route);
    else if (!match.route || strcmp(match.route->path, expected) != 0)
        fail_msg("%s: expected %s, found %s", path_text, expected, match.route ? match.route->path : "nothing");
}

static int make(void **state)
{
    router *r = router_new();
    problems *found = problems_new();
    add(r, TL_GET, "/", found);
    add(r, TL_GET, "/v1/notes", found);
    add(r, TL_POST, "/v1/notes", found);
    add(r, TL_GET, "/v1/notes/:id", found);
    add(r, TL_DELETE, "/v1/notes/:id", found);
    add(r, TL_GET, "/v1/notes/latest", found);
    add(r, TL_GET, "/v1/users/:username/notes/:note_id", found);
    add(r, TL_GET, "/v1/users/me/notes", found);
    add(r, TL_GET, "/v1/users/:name/settings", found);
    assert_int_equal(problems_count(found), 0);
    problems_free(found);
    *state = r;
    return 0;
}

static int drop(void **state)
{
    router_free(*state);
    return 0;
}

static void test_routes_are_found(void **state)
{
    const router *r = *state;
    expect_route(r, TL_GET, "/", "/");
    expect_route(r, TL_GET, "/v1/notes", "/v1/notes");
    expect_route(r, TL_POST, "/v1/notes", "/v1/notes");
    expect_route(r, TL_GET, "/v1/notes/7", "/v1/notes/:id");
    expect_route(r, TL_GET, "/v1", NULL);
    expect_route(r, TL_GET, "/v1/notes/7/more", NULL);
    expect_route(r, TL_GET, "/V1/notes", NULL);
}

static void test_static_segments_beat_parameters(void **state)
{
    const router *r = *state;
    expect_route(r, TL_GET, "/v1/notes/latest", "/v1/notes/latest");
    /* given a static branch that leads nowhere, then the parameter is tried */
    expect_route(r, TL_GET, "/v1/users/me/settings", "/v1/users/:name/settings");
    expect_route(r, TL_GET, "/v1/users/me/notes/7", "/v1/users/:username/notes/:note_id");
    /* given a static route without the method, then the parameter's route has it */
    expect_route(r, TL_DELETE, "/v1/notes/latest", "/v1/notes/:id");
}

static void test_parameters_are_the_decoded_segments(void **state)
{
    path_segments segments;
    route_match match = find(*state, TL_GET, "/v1/users/t%C3%A4lel+x/notes/%2541", &segments);
    assert_non_null(match.route);
    assert_int_equal(match.parameter_count, 2);
    size_t first = match.parameters[0], second = match.parameters[1];
    assert_int_equal(segments.item[first].length, strlen("tälel+x"));
    assert_memory_equal(segments.item[first].text, "tälel+x", segments.item[first].length);
    assert_int_equal(segments.item[second].length, 3);
    assert_memory_equal(segments.item[second].text, "%41", 3);
}

static void test_another_method_tells_what_is_allowed(void **state)
{
    path_segments segments;
    char text[ALLOW_SIZE];
    route_match match = find(*state, TL_PUT, "/v1/notes/latest", &segments);
    assert_null(match.route);
    assert_string_equal(router_allow_text(match.allow, text), "GET, HEAD, DELETE, OPTIONS");
    match = find(*state, TL_PUT, "/v1/nothing", &segments);
    assert_int_equal(match.allow, 0);
    assert_string_equal(router_allow_text(~0u, text), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}

static void count_in_order(const route *what, void *arg)
{
    static const route *last;
    size_t *count = arg;
    if (*count > 0)
        assert_true(strcmp(last->path, what->path) <= 0);
    last = what;
    ++*count;
}

static void test_every_route_is_listed_in_order(void **state)
{
    size_t count = 0;
    router_each(*state, count_in_order, &count);
    assert_int_equal(count, 9);
}

static void test_clashing_routes_name_both_plugins(void **state)
{
    problems *found = problems_new();
    router_add(*state, &(route){.method = TL_GET, .path = "/v1/notes/:slug", .handler = handler, .module = &other},
               found);
    assert_int_equal(problems_count(found), 1);
    const char *text = problems_text(found, 0);
    assert_non_null(strstr(text, "notes"));
    assert_non_null(strstr(text, "other"));
    assert_non_null(strstr(text, "/v1/notes/:id"));
    assert_non_null(strstr(text, "/v1/notes/:slug"));
    problems_free(found);
}

static void expect_shown(const router *r, const char *target, const char *expected)
{
    char shown[200];
    size_t at;
    const char *instead = router_secret(r, target, &at);
    snprintf(shown, sizeof shown, "%.*s%s", instead ? (int)at : (int)strlen(target), target, instead ? instead : "");
    assert_string_equal(shown, expected);
}

static void test_a_secret_in_a_target_is_found_wherever_it_leads(void **state)
{
    router *r = *state;
    problems *found = problems_new();
    router_add(r, &(route){.method = TL_GET, .path = "/v1/verify/:token/done", .handler = handler, .secret = true},
               found);
    router_add(r, &(route){.method = TL_POST, .path = "/v1/reset", .handler = handler, .secret = true}, found);
    problems_free(found);

    expect_shown(r, "/v1/verify/abc/done?x=1", "/v1/verify/:token/done");
    expect_shown(r, "/v1/verify/abc", "/v1/verify/:token/done");
    expect_shown(r, "/v1/verify/abc%zz/", "/v1/verify/:token/done");
    expect_shown(r, "//v1/verify/abc", "//v1/verify/:token/done");
    expect_shown(r, "/V1/Verify/abc", "/V1/Verify/:token/done");
    expect_shown(r, "http://a/v1/verify/abc", "http://a/v1/verify/:token/done");
    expect_shown(r, "/v1/reset?token=abc", "/v1/reset");
    /* and nothing else is hidden */
    expect_shown(r, "/v1/resets?a=b", "/v1/resets?a=b");
    expect_shown(r, "/v1/verify", "/v1/verify");
    expect_shown(r, "/v1/notes/7", "/v1/notes/7");
    expect_shown(r, "*", "*");
    expect_shown(r, "", "");
}

static void test_malformed_routes_are_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",     "v1",     "/v1/",   "//v1", "/v1//x", "/v1/:", "/:Id",  "/:a1",
        "/a b", "/a%20b", "/:a/:a", "/a?b", "/:a:b",  "/é",    "/v1/*", "/:a/:b/:c/:d/:e/:f/:g/:h/:i"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        router *r = router_new();
        problems *found = problems_new();
        add(r, TL_GET, paths[i], found);
        if (problems_count(found) != 1)
            fail_msg("'%s' is accepted", paths[i]);
        assert_non_null(strstr(problems_text(found, 0), "notes"));
        problems_free(found);
        router_free(r);
    }
}

static void test_routes_need_a_handler_and_a_method(void **state)
{
    problems *found = problems_new();
    router_add(*state, &(route){.method = TL_GET, .path = "/a", .module = &notes}, found);
    router_add(*state, &(route){.method = 0, .path = "/a", .handler = handler, .module = &notes}, found);
    router_add(*state, &(route){.method = 6, .path = "/b", .handler = handler, .module = &notes}, found);
    assert_int_equal(problems_count(found), 3);
    problems_free(found);
}

static void test_dangerous_paths_are_malformed(void **state)
{
    (void)state;
    static const char *const paths[] = {"/%00", "/a%00b",  "/%2f",    "/a%2Fb",  "/.",         "/..",    "/a/../b",
                                        "/%2e", "/%2E%2e", "/.%2e/a", "/%",      "/%4",        "/%zz",   "/%4g",
                                        "/%ff", "/%c3",    "/%c3%28", "/%c0%af", "/%ed%a0%80", "/a//%00"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char scratch[100];
        path_segments segments;
        if (path_split(paths[i], strlen(paths[i]), scratch, &segments) != PATH_MALFORMED)
            fail_msg("'%s' is accepted", paths[i]);
    }
}

static void test_empty_segments_lead_nowhere(void **state)
{
    (void)state;
    static const char *const paths[] = {"//", "//a", "/a/", "/a//b",
                                        "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char scratch[100];
        path_segments segments;
        assert_int_equal(path_split(paths[i], strlen(paths[i]), scratch, &segments), PATH_NOWHERE);
    }
}

static void test_queries_are_split_and_decoded(void **state)
{
    (void)state;
    const char *query = "a=1&b&=c&&d=e=f";
    size_t length = strlen(query);
    static const char *const expected[][2] = {{"a", "1"}, {"b", ""}, {"", "c"}, {"", ""}, {"d", "e=f"}};
    query_pair pair;
    for (size_t i = 0; i < 5; i++) {
        assert_true(query_next(&query, &length, &pair));
        assert_int_equal(pair.name_length, strlen(expected[i][0]));
        assert_memory_equal(pair.name, expected[i][0], pair.name_length);
        assert_int_equal(pair.value_length, strlen(expected[i][1]));
        assert_memory_equal(pair.value, expected[i][1], pair.value_length);
    }
    assert_false(query_next(&query, &length, &pair));

    char to[20];
    assert_int_equal(percent_decode("a+%2B%20", 8, true, to), 4);
    assert_memory_equal(to, "a + ", 4);
    assert_int_equal(percent_decode("a+b", 3, false, to), 3);
    assert_memory_equal(to, "a+b", 3);
}

static void test_malformed_queries_are_found(void **state)
{
    (void)state;
    char scratch[100];
    assert_true(query_is_valid("a=%41&b=+", 9, scratch));
    static const char *const queries[] = {"a=%00", "%00=a", "a=%", "a=%f", "a=%ff", "a=1&b=%zz"};
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        assert_false(query_is_valid(queries[i], strlen(queries[i]), scratch));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_routes_are_found, make, drop),
        cmocka_unit_test_setup_teardown(test_static_segments_beat_parameters, make, drop),
        cmocka_unit_test_setup_teardown(test_parameters_are_the_decoded_segments, make, drop),
        cmocka_unit_test_setup_teardown(test_another_method_tells_what_is_allowed, make, drop),
        cmocka_unit_test_setup_teardown(test_every_route_is_listed_in_order, make, drop),
        cmocka_unit_test_setup_teardown(test_clashing_routes_name_both_plugins, make, drop),
        cmocka_unit_test_setup_teardown(test_routes_need_a_handler_and_a_method, make, drop),
        cmocka_unit_test_setup_teardown(test_a_secret_in_a_target_is_found_wherever_it_leads, make, drop),
        cmocka_unit_test(test_malformed_routes_are_refused),
        cmocka_unit_test(test_dangerous_paths_are_malformed),
        cmocka_unit_test(test_empty_segments_lead_nowhere),
        cmocka_unit_test(test_queries_are_split_and_decoded),
        cmocka_unit_test(test_malformed_queries_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
