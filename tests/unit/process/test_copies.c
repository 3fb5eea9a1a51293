/*
 * Private copies of plugins' files.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/process/copies.h"

typedef struct scene {
    char folder[64];
    char ini[96];
    char plugin[96];
    problems *found;
    config *config;
    settings settings;
    copies copies;
} scene;

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    static scene s;
    s = (scene){.folder = "/tmp/test-copies-XXXXXX", .found = problems_new()};
    if (!mkdtemp(s.folder))
        return -1;
    snprintf(s.ini, sizeof s.ini, "%s/talelio.ini", s.folder);
    snprintf(s.plugin, sizeof s.plugin, "%s/notes.so", s.folder);
    write_file(s.ini, "[plugin:off]\nenabled = no\n[plugin:missing]\nenabled = yes\n[plugin:notes]\nenabled = yes\n");
    write_file(s.plugin, "the code");
    s.config = config_load(s.ini, NULL, s.found);
    s.settings.plugin_dir = s.folder;
    *state = &s;
    return s.config ? 0 : -1;
}

static int tear_down(void **state)
{
    scene *s = *state;
    copies_close(&s->copies);
    config_free(s->config);
    problems_free(s->found);
    unlink(s->plugin);
    unlink(s->ini);
    return rmdir(s->folder);
}

static void a_copy_stays_when_the_file_is_written_over(void **state)
{
    scene *s = *state;
    copies_make(&s->copies, s->config, &s->settings);
    write_file(s->plugin, "other");
    char text[16] = "";
    assert_int_equal(pread(s->copies.items[1].fd, text, sizeof text, 0), 8);
    assert_string_equal(text, "the code");
    assert_int_equal(pwrite(s->copies.items[1].fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(s->copies.items[1].fd, 0), -1);
}

static void there_is_one_for_each_enabled_plugin_in_order(void **state)
{
    scene *s = *state;
    copies_make(&s->copies, s->config, &s->settings);
    assert_int_equal(s->copies.count, 2);
    assert_string_equal(s->copies.items[0].name, "missing");
    assert_int_equal(s->copies.items[0].fd, -1);
    assert_string_equal(s->copies.items[1].name, "notes");
    assert_true(s->copies.items[1].fd >= 0);
}

static void the_print_tells_contents_apart(void **state)
{
    scene *s = *state;
    copies_make(&s->copies, s->config, &s->settings);
    char first[PRINT_SIZE];
    memcpy(first, copies_print(&s->copies, "notes"), sizeof first);
    copies_close(&s->copies);
    copies_make(&s->copies, s->config, &s->settings);
    assert_string_equal(copies_print(&s->copies, "notes"), first);
    copies_close(&s->copies);
    write_file(s->plugin, "the c0de");
    copies_make(&s->copies, s->config, &s->settings);
    assert_string_not_equal(copies_print(&s->copies, "notes"), first);
    assert_string_equal(copies_print(&s->copies, "nobody"), "");
}

static void what_looks_for_libraries_beside_itself_stays_where_it_is(void **state)
{
    scene *s = *state;
    write_file(s->plugin, "… $ORIGIN/lib …");
    copies_make(&s->copies, s->config, &s->settings);
    assert_int_equal(s->copies.items[1].fd, -1);
    assert_string_not_equal(copies_print(&s->copies, "notes"), "");
}

static void an_empty_file_has_no_copy(void **state)
{
    scene *s = *state;
    write_file(s->plugin, "");
    copies_make(&s->copies, s->config, &s->settings);
    assert_int_equal(s->copies.items[1].fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_copy_stays_when_the_file_is_written_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_is_one_for_each_enabled_plugin_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_print_tells_contents_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_looks_for_libraries_beside_itself_stays_where_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_file_has_no_copy, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
