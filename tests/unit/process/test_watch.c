/*
 * Noticing changed files.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/process/watch.h"

enum { SHORT = 300, LONG = 5000 /* milliseconds */ };

typedef struct scene {
    char folder[64];
    char file[96];
    char other[96];
    struct event_base *base;
    watcher *watcher;
    int changes;
    bool busy; /* whoever is called says "not now" */
} scene;

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool on_change(void *arg)
{
    scene *s = arg;
    s->changes++;
    event_base_loopbreak(s->base);
    return !s->busy;
}

static int set_up(void **state)
{
    static scene s;
    s = (scene){.folder = "/tmp/test-watch-XXXXXX"};
    if (!mkdtemp(s.folder))
        return -1;
    snprintf(s.file, sizeof s.file, "%s/file", s.folder);
    snprintf(s.other, sizeof s.other, "%s/other", s.folder);
    write_file(s.file, "one");
    s.base = event_base_new();
    s.watcher = watcher_new(s.base, on_change, &s);
    watcher_begin(s.watcher);
    watcher_look(s.watcher, s.file);
    *state = &s;
    return s.watcher ? 0 : -1;
}

static int tear_down(void **state)
{
    scene *s = *state;
    watcher_free(s->watcher);
    event_base_free(s->base);
    unlink(s->file);
    unlink(s->other);
    return rmdir(s->folder);
}

static int changes_within(scene *s, int milliseconds)
{
    s->changes = 0;
    event_base_loopexit(s->base,
                        &(struct timeval){.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000});
    event_base_dispatch(s->base);
    return s->changes;
}

static void a_file_that_is_written_over_has_changed(void **state)
{
    scene *s = *state;
    write_file(s->file, "another");
    assert_int_equal(changes_within(s, LONG), 1);
}

static void a_file_that_another_takes_the_place_of_has_changed(void **state)
{
    scene *s = *state;
    write_file(s->other, "two");
    assert_int_equal(rename(s->other, s->file), 0);
    assert_int_equal(changes_within(s, LONG), 1);
}

static void a_file_that_comes_from_another_folder_has_changed(void **state)
{
    scene *s = *state;
    char elsewhere[sizeof s->folder + 16];
    snprintf(elsewhere, sizeof elsewhere, "%s-elsewhere", s->folder);
    write_file(elsewhere, "two");
    assert_int_equal(rename(elsewhere, s->file), 0);
    assert_int_equal(changes_within(s, LONG), 1);
}

static void a_file_that_goes_and_comes_back_has_changed(void **state)
{
    scene *s = *state;
    unlink(s->file);
    assert_int_equal(changes_within(s, LONG), 1);
    watcher_begin(s->watcher);
    watcher_look(s->watcher, s->file);
    write_file(s->file, "again");
    assert_int_equal(changes_within(s, LONG), 1);
}

static void other_files_do_not_count(void **state)
{
    scene *s = *state;
    write_file(s->other, "two");
    assert_int_equal(changes_within(s, SHORT), 0);
}

static void what_was_looked_at_after_the_change_has_not_changed(void **state)
{
    scene *s = *state;
    write_file(s->file, "another");
    watcher_begin(s->watcher);
    watcher_look(s->watcher, s->file);
    assert_int_equal(changes_within(s, SHORT), 0);
}

static void one_that_is_being_written_is_left_alone(void **state)
{
    scene *s = *state;
    int fd = open(s->file, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, "half", 4), 4);
    assert_int_equal(changes_within(s, SHORT), 0);
    close(fd);
    assert_int_equal(changes_within(s, LONG), 1);
}

static void a_change_that_comes_at_a_bad_time_is_told_again(void **state)
{
    scene *s = *state;
    s->busy = true;
    write_file(s->file, "another");
    assert_int_equal(changes_within(s, LONG), 1);
    s->busy = false;
    assert_int_equal(changes_within(s, LONG), 1);
    assert_int_equal(changes_within(s, SHORT), 0);
}

static void one_that_is_looked_at_meanwhile_is_not(void **state)
{
    scene *s = *state;
    s->busy = true;
    write_file(s->file, "another");
    assert_int_equal(changes_within(s, LONG), 1);
    watcher_begin(s->watcher);
    watcher_look(s->watcher, s->file);
    assert_int_equal(changes_within(s, SHORT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_that_is_written_over_has_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_another_takes_the_place_of_has_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_comes_from_another_folder_has_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_goes_and_comes_back_has_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_files_do_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_looked_at_after_the_change_has_not_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_being_written_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_that_comes_at_a_bad_time_is_told_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_looked_at_meanwhile_is_not, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
