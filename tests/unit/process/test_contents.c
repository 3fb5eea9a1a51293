/*
 * What differs between two generations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/process/contents.h"

static contents *make(const char *const *plugins, const char *const *routes)
{
    contents *c = contents_new();
    for (; plugins[0]; plugins += 2)
        contents_add_plugin(c, plugins[0], plugins[1]);
    for (; routes[0]; routes++)
        contents_add_route(c, routes[0]);
    return c;
}

static void changed(contents *before, contents *after, const char *plugins, const char *routes, const char *words)
{
    char text[200];
    json_object *p = contents_plugin_changes(before, after);
    json_object *r = contents_route_changes(before, after);
    assert_string_equal(json_object_to_json_string_ext(p, JSON_C_TO_STRING_PLAIN), plugins);
    assert_string_equal(json_object_to_json_string_ext(r, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                        routes);
    contents_describe(p, r, text, sizeof text);
    assert_string_equal(text, words);
    json_object_put(p);
    json_object_put(r);
    contents_free(before);
    contents_free(after);
}

#define NOTHING "{\"added\":[],\"removed\":[],\"replaced\":[]}"
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NONE ((const char *const[]){NULL})

static void the_same_is_no_change_in_whatever_order(void **unused)
{
    (void)unused;
    changed(make(LIST("b\t1", "p", "a\t1", "q"), LIST("GET /x\ta", "GET /y\tb")),
            make(LIST("a\t1", "q", "b\t1", "p"), LIST("GET /y\tb", "GET /x\ta")), NOTHING, NOTHING,
            "the same plugins and routes");
}

static void additions_and_removals_are_told(void **unused)
{
    (void)unused;
    changed(make(LIST("a\t1", "p"), LIST("GET /x\ta")), make(LIST("b\t2", "p"), LIST("GET /y\tb", "GET /z\tb")),
            "{\"added\":[{\"name\":\"b\",\"version\":\"2\"}],\"removed\":[{\"name\":\"a\",\"version\":\"1\"}],"
            "\"replaced\":[]}",
            "{\"added\":[{\"name\":\"GET /y\",\"plugin\":\"b\"},{\"name\":\"GET /z\",\"plugin\":\"b\"}],"
            "\"removed\":[{\"name\":\"GET /x\",\"plugin\":\"a\"}],\"replaced\":[]}",
            "plugin b 2 added; plugin a 1 removed; 2 routes added; 1 route removed");
}

static void another_file_is_another_plugin(void **unused)
{
    (void)unused;
    changed(make(LIST("a\t1", "p", "b\t1", "p"), NONE), make(LIST("a\t1", "q", "b\t2", "r"), NONE),
            "{\"added\":[],\"removed\":[],\"replaced\":[{\"name\":\"a\",\"version\":\"1\",\"before\":\"1\"},"
            "{\"name\":\"b\",\"version\":\"2\",\"before\":\"1\"}]}",
            NOTHING, "plugin a 1 replaced; plugin b 2 replaces 1");
}

static void a_route_that_another_plugin_serves_is_another(void **unused)
{
    (void)unused;
    changed(make(NONE, LIST("GET /x\ta")), make(NONE, LIST("GET /x\tb")), NOTHING,
            "{\"added\":[],\"removed\":[],\"replaced\":[{\"name\":\"GET /x\",\"plugin\":\"b\",\"before\":\"a\"}]}",
            "1 route replaced");
}

static void a_long_description_is_cut(void **unused)
{
    (void)unused;
    contents *before = contents_new();
    contents *after = contents_new();
    for (char name[] = "a\t1"; name[0] <= 'z'; name[0]++)
        contents_add_plugin(after, name, "p");
    json_object *p = contents_plugin_changes(before, after);
    json_object *r = contents_route_changes(before, after);
    char text[32];
    contents_describe(p, r, text, sizeof text);
    assert_string_equal(text, "plugin a 1 added; plugin b 1 ad");
    json_object_put(p);
    json_object_put(r);
    contents_free(before);
    contents_free(after);
}

static void what_cannot_be_understood_is_left_out(void **unused)
{
    (void)unused;
    changed(contents_new(), make(LIST("without a version", "p"), LIST("GET /x")), NOTHING, NOTHING,
            "the same plugins and routes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_is_no_change_in_whatever_order),
        cmocka_unit_test(additions_and_removals_are_told),
        cmocka_unit_test(another_file_is_another_plugin),
        cmocka_unit_test(a_long_description_is_cut),
        cmocka_unit_test(what_cannot_be_understood_is_left_out),
        cmocka_unit_test(a_route_that_another_plugin_serves_is_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
