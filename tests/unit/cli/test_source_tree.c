/*
 * Which files count as sources of a plugin, and in which folders they are noticed.
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cli/source_tree.h"

enum { SHORT = 100, LONG = 5000 /* milliseconds */ };

typedef struct scene {
    char root[64];
    struct event_base *base;
    source_tree *tree;
    char changed[64]; /* the plugin of the last change */
} scene;

static void on_changed(void *arg, const char *plugin)
{
    scene *s = arg;
    snprintf(s->changed, sizeof s->changed, "%s", plugin);
    event_base_loopbreak(s->base);
}

/* With the folders on the way to it. */
static void save(const scene *s, const char *path)
{
    char full[1024];
    snprintf(full, sizeof full, "%s/%s", s->root, path);
    for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(full, 0777) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fclose(file);
}

static void move(const scene *s, const char *from, const char *to)
{
    char before[1024], after[1024];
    snprintf(before, sizeof before, "%s/%s", s->root, from);
    snprintf(after, sizeof after, "%s/%s", s->root, to);
    assert_int_equal(rename(before, after), 0);
}

/* The plugin that is told of within that time, "" when there is none. */
static const char *changed_within(scene *s, int milliseconds)
{
    s->changed[0] = '\0';
    event_base_loopexit(s->base,
                        &(struct timeval){.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000});
    event_base_dispatch(s->base);
    return s->changed;
}

/* Until nothing is told of any more: several events are one save. */
static void settle(scene *s)
{
    while (*changed_within(s, SHORT))
        ;
}

static int set_up(void **state)
{
    static scene s;
    s = (scene){.root = "/tmp/test-sources-XXXXXX"};
    if (!mkdtemp(s.root))
        return -1;
    save(&s, "note/note.c");
    save(&s, "note/parts/deep/part.h");
    save(&s, "note/build/part.c");
    save(&s, "other/other.c");
    s.base = event_base_new();
    s.tree = source_tree_new(s.base, s.root, on_changed, &s);
    *state = &s;
    return s.tree ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about, (void)type, (void)where;
    return remove(path);
}

static int tear_down(void **state)
{
    scene *s = *state;
    source_tree_free(s->tree);
    event_base_free(s->base);
    return nftw(s->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void a_source_counts_in_every_folder_of_its_plugin(void **state)
{
    scene *s = *state;
    static const char *const paths[] = {"note/note.c", "note/new.cpp", "note/parts/deep/part.h", "note/CMakeLists.txt"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        save(s, paths[i]);
        assert_string_equal(changed_within(s, LONG), "note");
        settle(s);
    }
    save(s, "other/other.c");
    assert_string_equal(changed_within(s, LONG), "other");
}

static void builds_hidden_folders_and_other_files_do_not_count(void **state)
{
    scene *s = *state;
    static const char *const paths[] = {
        "note/build/part.c",      "note/build-debug/part.c", "note/cmake-build-release/part.c",
        "note/.git/part.c",       "note/.note.c.swp",        "note/note.c~",
        "note/notes.txt",         "note/README.md",          "note.draft-a1/note.c",
        "note/parts/build/part.c"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        save(s, paths[i]);
    assert_string_equal(changed_within(s, SHORT), "");
}

static void folders_that_are_made_later_count_with_what_is_in_them(void **state)
{
    scene *s = *state;
    save(s, "note/made/later/part.c");
    assert_string_equal(changed_within(s, LONG), "note");
    settle(s);
    save(s, "note/made/later/part.c");
    assert_string_equal(changed_within(s, LONG), "note");
    settle(s);
    save(s, "third/third.c");
    assert_string_equal(changed_within(s, LONG), "third");
}

static void what_is_moved_in_counts_and_what_is_moved_away_does_not(void **state)
{
    scene *s = *state;
    save(s, "Elsewhere/deep/part.c");
    move(s, "Elsewhere", "note/moved");
    assert_string_equal(changed_within(s, LONG), "note");
    settle(s);
    move(s, "note/moved", "Elsewhere");
    settle(s);
    save(s, "Elsewhere/deep/part.c");
    assert_string_equal(changed_within(s, SHORT), "");

    move(s, "note/note.c", "Elsewhere/note.c");
    assert_string_equal(changed_within(s, LONG), "note");
}

static void a_folder_that_gets_another_name_counts_as_what_it_is_now(void **state)
{
    scene *s = *state;
    move(s, "other", "another");
    settle(s);
    save(s, "another/other.c");
    assert_string_equal(changed_within(s, LONG), "another");
}

static void a_plugin_with_too_many_folders_is_watched_in_part(void **state)
{
    scene *s = *state;
    char path[64];
    for (int i = 0; i <= SOURCE_TREE_FOLDERS; i++) {
        snprintf(path, sizeof path, "note/many/%d/part.c", i);
        save(s, path);
    }
    settle(s);
    save(s, "note/late/part.c");
    assert_string_equal(changed_within(s, SHORT), "");
    save(s, "other/more/other.c");
    assert_string_equal(changed_within(s, LONG), "other");
}

static void a_root_that_is_not_there_cannot_be_watched(void **state)
{
    scene *s = *state;
    assert_null(source_tree_new(s->base, "/nowhere", on_changed, s));
    assert_int_equal(errno, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_source_counts_in_every_folder_of_its_plugin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(builds_hidden_folders_and_other_files_do_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folders_that_are_made_later_count_with_what_is_in_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_moved_in_counts_and_what_is_moved_away_does_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_gets_another_name_counts_as_what_it_is_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_plugin_with_too_many_folders_is_watched_in_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_root_that_is_not_there_cannot_be_watched, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
