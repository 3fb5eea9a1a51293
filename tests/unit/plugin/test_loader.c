/*
 * Loading real plugins, most of them broken in one way: what is told, and what still works. The plugins are in
 * tests/plugins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/plugin/modules.h"
#include "tests/plugins/good.h"
#include "tests/unit/support/fixture.h"

typedef struct loaded {
    worker *worker;
    config *config;
    problems *found;
    char ini[64];
    module_list *list;
} loaded;

/* Loads what the sections say; "%" stands for the folder of the test plugins. */
static void load(loaded *l, const char *sections)
{
    settings *s = fixture_settings();
    s->plugin_dir = TL_TEST_PLUGINS;
    *l = (loaded){.worker = fixture_worker_new(s), .found = problems_new()};
    snprintf(l->ini, sizeof l->ini, "/tmp/talelio-loader-XXXXXX");
    int fd = mkstemp(l->ini);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, sections, strlen(sections)), (int)strlen(sections));
    close(fd);
    l->config = config_load(l->ini, NULL, l->found);
    assert_non_null(l->config);
    l->list = module_list_load(l->worker, l->config, l->found);
    l->worker->modules = l->list;
}

static void unload(loaded *l)
{
    module_list_free(l->list);
    config_free(l->config);
    problems_free(l->found);
    unlink(l->ini);
    fixture_worker_free(l->worker);
}

/* Is there a problem whose line has all these parts? The list ends with NULL. */
static bool told(const loaded *l, ...)
{
    for (size_t i = 0; i < problems_count(l->found); i++) {
        const char *line = problems_text(l->found, i);
        va_list parts;
        va_start(parts, l);
        bool all = true;
        for (const char *part; all && (part = va_arg(parts, const char *));)
            all = strstr(line, part) != NULL;
        va_end(parts);
        if (all)
            return true;
    }
    problems_print(l->found, stderr);
    return false;
}

static bool logged(const char *text)
{
    char line[4096];
    bool found = false;
    FILE *log = fopen(fixture_log_path(), "r");
    assert_non_null(log);
    while (!found && fgets(line, sizeof line, log))
        found = strstr(line, text) != NULL;
    fclose(log);
    return found;
}

#define ENABLE(name) "[plugin:" name "]\nenabled = yes\n"

static good_state *state_of(const loaded *l)
{
    const tl_module *m = module_first(l->list);
    assert_non_null(m);
    assert_string_equal(m->name, "good");
    return ((const good_v1 *)m->plugin->provides[0].functions)->state();
}

static void a_good_plugin_gets_its_options_before_init(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("good") "limit = 7\n");
    assert_int_equal(problems_count(l.found), 0);
    const good_state *state = state_of(&l);
    assert_int_equal(state->limit_at_init, 7);
    assert_string_equal(state->greeting, "hello");
    assert_null(state->extra);
    unload(&l);
}

static void a_missing_optional_service_is_logged(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("good"));
    unload(&l);
    assert_true(logged("plugin good: no plugin provides extra.v1"));
}

static void a_disabled_plugin_is_not_loaded(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, "[plugin:no_entry]\nenabled = no\n");
    assert_int_equal(problems_count(l.found), 0);
    assert_null(module_first(l.list));
    unload(&l);
}

static void options_are_checked(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("good") "limit = 77\nlimmit = 3\n");
    assert_true(told(&l, ":3:", "limit", "77", NULL));
    assert_true(told(&l, ":4:", "limmit", "limit", NULL));
    unload(&l);
}

static void a_broken_file_is_told(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        const char *part;
        const char *expected;
    } cases[] = {
        {"no_such_file", "no_such_file.so", "not there"},
        {"no_entry", "entry", "talelio_plugin"},
        {"no_descriptor", "talelio_plugin", "expected a descriptor"},
        {"wrong_magic", "magic", "expected 0x544c5047, found 0x12345678"},
        {"other_major", "abi_major", "expected 1, found 2"},
        {"newer_minor", "abi_minor", "expected at most 1, found 2"},
        {"short_struct", "struct_size", "found 24"},
        {"long_routes", "route_size", "rebuild the plugin"},
        {"undefined_symbol", "cannot be loaded", "nobody_has_this"},
        {"wrong_name", "name", "expected 'wrong_name' as in [plugin:wrong_name], found 'another'"},
        {"endless", "routes", "does not end"},
        {"bad_auth", "auth.v1", "struct_size"},
        {"refuses", "init", "the moon is too far"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char sections[128];
        char plugin[64];
        char file[64];
        snprintf(sections, sizeof sections, "[plugin:%s]\nenabled = yes\n", cases[i].name);
        snprintf(plugin, sizeof plugin, "plugin %s: ", cases[i].name);
        snprintf(file, sizeof file, "%s.so: ", cases[i].name);
        loaded l;
        load(&l, sections);
        assert_int_equal(problems_count(l.found), 1);
        assert_true(told(&l, plugin, file, cases[i].part, cases[i].expected, NULL));
        unload(&l);
    }
}

/* What is wrong with a file of the first `size` of `bytes`, as a plugin; NULL when it loads. */
static const char *opened(const char *bytes, size_t size, arena *memory)
{
    char path[] = "/tmp/talelio-cut-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
    problems *found = problems_new();
    tl_module m = {.name = "good", .path = path};
    module_open(&m, memory, found);
    assert_true(problems_count(found) <= 1);
    const char *problem = problems_count(found) == 1 ? arena_copy(memory, problems_text(found, 0)) : NULL;
    problems_free(found);
    unlink(path);
    return problem;
}

static void a_file_that_is_cut_off_anywhere_is_refused_and_crashes_nobody(void **unused)
{
    (void)unused;
    enum { CUTS = 200 };
    arena *memory = arena_new(NULL);
    FILE *file = fopen(TL_TEST_PLUGINS "/good.so", "re");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *bytes = arena_alloc(memory, size);
    assert_int_equal(fread(bytes, 1, size, file), size);
    fclose(file);

    assert_null(opened(bytes, size, memory));
    size_t refused = 0;
    for (size_t i = 0; i < CUTS; i++) {
        const char *problem = opened(bytes, size * i / CUTS, memory);
        /* What stands behind the last part that is mapped is for debuggers: without it the rest loads. */
        if (!problem)
            break;
        refused++;
        assert_true(strstr(problem, ": plugin good: cannot be loaded: expected ") != NULL);
    }
    assert_true(refused > 2);
    arena_free(memory);
}

static void every_bad_entry_of_every_table_is_told(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("bad_tables"));
    static const char *const expected[][2] = {
        {"version", "empty"},
        {"routes[1].handler", "/no-handler"},
        {"routes[2].path", "no-slash"},
        {"routes[3].method", "99"},
        {"routes[4].auth", "9"},
        {"options[0].target", "target"},
        {"options[1].name", "Capital"},
        {"options[2].type", "77"},
        {"options[3].name", "enabled"},
        {"options[4].choices", "choice"},
        {"provides[0].functions", "nothing.v1"},
        {"needs[0].target", "anything.v1"},
        {"commands[0].run", "run-nothing"},
        {"jobs[0].name", "Nightly"},
        {"jobs[0].schedule", "Nightly"},
        {"jobs[0].run", "Nightly"},
        {"metrics[0].type", "9"},
        {"metrics[1].name", "with-dash"},
    };
    size_t count = sizeof expected / sizeof expected[0];
    for (size_t i = 0; i < count; i++)
        assert_true(told(&l, "bad_tables.so", expected[i][0], expected[i][1], NULL));
    assert_int_equal(problems_count(l.found), count);
    unload(&l);
}

static void all_plugins_problems_are_told_at_once(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("no_entry") ENABLE("good") ENABLE("refuses") ENABLE("other_major"));
    assert_int_equal(problems_count(l.found), 3);
    assert_true(told(&l, "plugin no_entry", NULL));
    assert_true(told(&l, "plugin refuses", NULL));
    assert_true(told(&l, "plugin other_major", NULL));
    unload(&l);
}

static void a_missing_service_names_who_would_provide_it(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("needy") "[plugin:good]\nenabled = yes\n[plugin:provider]\nenabled = no\n");
    assert_int_equal(problems_count(l.found), 1);
    assert_true(told(&l, "plugin needy: needs: expected a provider of 'shared.v1', found none: plugin provider",
                     "[plugin:provider]", NULL));
    unload(&l);

    /* also when no section names it */
    load(&l, ENABLE("needy"));
    assert_int_equal(problems_count(l.found), 1);
    assert_true(told(&l, "provider provides it", NULL));
    unload(&l);
}

static void a_service_that_nobody_has_says_so(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("lonely"));
    assert_int_equal(problems_count(l.found), 1);
    assert_true(told(&l, "plugin lonely", "missing.v7", "nor any in", TL_TEST_PLUGINS, NULL));
    unload(&l);
}

static void services_are_found_in_any_order(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("needy") ENABLE("provider"));
    assert_int_equal(problems_count(l.found), 0);
    unload(&l);
    load(&l, ENABLE("provider") ENABLE("needy"));
    assert_int_equal(problems_count(l.found), 0);
    unload(&l);
}

static void two_providers_of_a_service_are_told(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("provider") ENABLE("second_provider") ENABLE("needy"));
    assert_int_equal(problems_count(l.found), 1);
    assert_true(told(&l, "plugin second_provider", "shared.v1", "the first is plugin provider", "provider.so", NULL));
    unload(&l);
}

static void routes_and_commands_clash(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("good") ENABLE("clash"));
    assert_true(told(&l, "plugin clash", "commands", "greet", "plugin good", NULL));
    assert_true(told(&l, "plugin clash", "commands", "serve", "talelio's own", NULL));
    size_t before = problems_count(l.found);
    router *r = module_list_router(l.list, l.found);
    assert_true(problems_count(l.found) > before);
    assert_true(told(&l, "good", "clash", "/good/hello", NULL));
    router_free(r);
    unload(&l);
}

static void collect(const route *what, void *arg)
{
    strcat(arg, what->path);
    strcat(arg, " ");
}

static void routes_that_need_auth_are_left_out_without_it(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("good"));
    router *r = module_list_router(l.list, l.found);
    char paths[256] = "";
    router_each(r, collect, paths);
    assert_string_equal(paths, "/good/hello ");
    assert_null(module_auth(l.list, NULL));
    router_free(r);
    unload(&l);
    assert_true(logged("plugin good: 1 route"));
}

static void an_older_descriptor_is_read_by_its_own_sizes(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("older") "second = two\n");
    problems_print(l.found, stderr);
    assert_int_equal(problems_count(l.found), 0);
    const tl_plugin *p = module_first(l.list)->plugin;
    assert_string_equal(p->version, "0.9");
    assert_string_equal(p->routes[1].path, "/two");
    assert_int_equal(p->routes[1].method, TL_PUT);
    assert_int_equal(p->routes[1].handler(NULL), 2);
    assert_int_equal(p->routes[1].auth, TL_AUTH_NONE);
    assert_null(p->routes[2].path);
    assert_string_equal(*(const char **)p->options[0].target, "1");
    assert_string_equal(*(const char **)p->options[1].target, "two");
    assert_null(p->options[1].help);
    assert_null(p->provides);
    assert_true(p->needs == NULL && p->init == NULL && p->start == NULL && p->stop == NULL);
    unload(&l);
}

typedef struct starting {
    loaded *loaded;
    int result;
} starting;

static void start(tl_request *req, void *arg)
{
    starting *s = arg;
    s->result = module_list_start(s->loaded->list, req, s->loaded->found);
}

static void plugins_start_and_stop_once(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("good") ENABLE("provider"));
    good_state *state = state_of(&l);
    state->starts = state->stops = 0;
    starting s = {&l, TL_ERROR};
    fixture_run(l.worker, start, &s);
    assert_int_equal(s.result, TL_OK);
    module_list_stop(l.list);
    module_list_stop(l.list);
    assert_int_equal(state->starts, 1);
    assert_int_equal(state->stops, 1);
    unload(&l);
}

static void with_a_faulty_plugin_none_is_started(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("good") ENABLE("nowhere"));
    good_state *state = state_of(&l);
    state->starts = 0;
    starting s = {&l, TL_OK};
    fixture_run(l.worker, start, &s);
    assert_int_equal(s.result, TL_ERROR);
    assert_int_equal(state->starts, 0);
    unload(&l);
}

static void a_start_that_refuses_is_told_and_the_earlier_ones_stop(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("good") ENABLE("start_refuses"));
    good_state *state = state_of(&l);
    state->stops = 0;
    starting s = {&l, TL_OK};
    fixture_run(l.worker, start, &s);
    assert_int_equal(s.result, TL_ERROR);
    assert_true(told(&l, "plugin start_refuses: start: not before tomorrow", NULL));
    module_list_stop(l.list);
    assert_int_equal(state->stops, 1);
    unload(&l);
}

static void commands_are_found_with_their_owner(void **unused)
{
    (void)unused;
    loaded l;
    load(&l, ENABLE("provider") ENABLE("good"));
    tl_module *owner = NULL;
    const tl_command *greet = module_command(l.list, "greet", &owner);
    assert_non_null(greet);
    assert_string_equal(owner->name, "good");
    assert_null(module_command(l.list, "gree", &owner));
    unload(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_plugin_gets_its_options_before_init),
        cmocka_unit_test(a_missing_optional_service_is_logged),
        cmocka_unit_test(a_disabled_plugin_is_not_loaded),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(a_broken_file_is_told),
        cmocka_unit_test(a_file_that_is_cut_off_anywhere_is_refused_and_crashes_nobody),
        cmocka_unit_test(every_bad_entry_of_every_table_is_told),
        cmocka_unit_test(all_plugins_problems_are_told_at_once),
        cmocka_unit_test(a_missing_service_names_who_would_provide_it),
        cmocka_unit_test(a_service_that_nobody_has_says_so),
        cmocka_unit_test(services_are_found_in_any_order),
        cmocka_unit_test(two_providers_of_a_service_are_told),
        cmocka_unit_test(routes_and_commands_clash),
        cmocka_unit_test(routes_that_need_auth_are_left_out_without_it),
        cmocka_unit_test(an_older_descriptor_is_read_by_its_own_sizes),
        cmocka_unit_test(plugins_start_and_stop_once),
        cmocka_unit_test(with_a_faulty_plugin_none_is_started),
        cmocka_unit_test(a_start_that_refuses_is_told_and_the_earlier_ones_stop),
        cmocka_unit_test(commands_are_found_with_their_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
