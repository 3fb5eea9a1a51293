/*
 * What only a folder has: paths that stay within it, left-overs of processes that were killed, damaged files, and
 * objects that are whole after a kill.
 */
#include "tests/unit/objects/storage.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

static int open_storage(void **state)
{
    storage *t = calloc(1, sizeof *t);
    storage_prepare(t, false);
    storage_start(t);
    *state = t;
    return 0;
}

static int close_storage(void **state)
{
    storage_stop(*state);
    free(*state);
    return 0;
}

static void paths_are_as_documented(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"a", "a="},
        {"7/images/cat_1-2.jpeg", "7/images/cat_1-2.jpeg="},
        {"a/", "a/="},
        {"/a", "%/a="},
        {"a//b", "a/%/b="},
        {".hidden/.x", "%2Ehidden/%2Ex="},
        {"a..b/...", "a..b/%2E..="},
        {"%/=+", "%25/%3D%2B="},
        {"\xc3\xa4 b", "%C3%A4%20b="},
    };
    char path[DIR_PATH];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        dir_path(pairs[i][0], path);
        assert_string_equal(path, pairs[i][1]);
    }
}

/* No segment of a path is too long, hidden, or leads up. */
static void no_path_leaves_the_folder(void **state)
{
    (void)state;
    static const char *const starts[] = {"..", "../", "/..", ".", "/", "a/../../b", "\\..\\", "%2e%2e/"};
    for (size_t length = 1; length <= LONGEST_KEY; length++) {
        char key[LONGEST_KEY + 1], path[DIR_PATH];
        const char *start = starts[length % 8];
        for (size_t i = 0; i < length; i++)
            key[i] = start[i % strlen(start)];
        key[length] = '\0';
        dir_path(key, path);
        assert_true(path[0] != '/' && strlen(path) < DIR_PATH - 100);
        for (char *segment = strtok(path, "/"); segment; segment = strtok(NULL, "/"))
            assert_true(segment[0] != '.' && strlen(segment) <= 255);
    }
}

static void names_stand_for_one_part_of_a_key(void **state)
{
    (void)state;
    char part[DIR_PIECE + 2];
    assert_int_equal(dir_unescape("a%20b=", part), DIR_OBJECT);
    assert_string_equal(part, "a b");
    assert_int_equal(dir_unescape("=", part), DIR_OBJECT);
    assert_string_equal(part, "");
    assert_int_equal(dir_unescape("a", part), DIR_SEGMENT);
    assert_string_equal(part, "a/");
    assert_int_equal(dir_unescape("%", part), DIR_SEGMENT);
    assert_string_equal(part, "/");
    static const char *const strange[] = {"",    ".",   "..",  ".drafts", "a b",       "a+", "%2",
                                          "%2=", "%zz", "%61", "%2f=",    "%2F=",      "%%", "lost+found",
                                          "a=b", "%2e", "+",   "a%",      "a.tmp~\xc3"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        if (dir_unescape(strange[i], part) != DIR_NOTHING)
            fail_msg("taken: %s", strange[i]);
}

static void put_some(tl_request *req, storage *t)
{
    CHECK(put_text(req, t, "a/b", "text"));
    CHECK(put_text(req, t, "c", "text"));
}

static void read_damaged(tl_request *req, storage *t)
{
    const void *bytes;
    tl_object about;
    tl_object_list found;
    CHECK(objects_get(req, t->store, "a/b", 10, &bytes, NULL) == TL_ERROR);
    CHECK(objects_head(req, t->store, "a/b", &about) == TL_ERROR);
    CHECK(objects_list(req, t->store, "", NULL, 10, &found) == TL_OK && found.count == 1);
    CHECK(put_text(req, t, "a/b", "new") && has_text(req, t, "a/b", "new"));
}

static void a_damaged_file_is_an_error_and_can_be_replaced(void **state)
{
    storage *t = *state;
    char path[128];
    storage_run(t, put_some);
    snprintf(path, sizeof path, "%s/a/b=", t->folder);
    assert_int_equal(truncate(path, 700), 0);
    storage_run(t, read_damaged);
    assert_true(storage_logged("the file is damaged, or was not written by this server"));
    assert_true(storage_logged("1 files in "));
}

static void list_all(tl_request *req, storage *t)
{
    tl_object_list found;
    CHECK(objects_list(req, t->store, "", NULL, 10, &found) == TL_OK && found.count == 2);
}

static void strange_files_are_left_alone(void **state)
{
    storage *t = *state;
    char path[128];
    storage_run(t, put_some);
    static const char *const strange[] = {"lost+found", ".git", "README md", "a/notes ="};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        snprintf(path, sizeof path, "%s/%s", t->folder, strange[i]);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    snprintf(path, sizeof path, "%s/link=", t->folder);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    storage_run(t, list_all);
}

static void empty_folders_go(tl_request *req, storage *t)
{
    CHECK(put_text(req, t, "deep/er/and/deeper/x", "1") && put_text(req, t, "deep/y", "2"));
    CHECK(objects_remove(req, t->store, "deep/er/and/deeper/x") == TL_OK);
    char path[128];
    snprintf(path, sizeof path, "%s/deep/er", t->folder);
    CHECK(access(path, F_OK) != 0);
    CHECK(has_text(req, t, "deep/y", "2"));
}

static void folders_go_with_their_last_object(void **state)
{
    storage_run(*state, empty_folders_go);
}

static void objects_are_nobody_elses(void **state)
{
    storage *t = *state;
    struct stat s;
    char path[128];
    storage_run(t, put_some);
    snprintf(path, sizeof path, "%s/a", t->folder);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 077, 0);
    strcat(path, "/b=");
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 077, 0);
}

static void left_overs_are_removed_and_live_drafts_are_not(void **state)
{
    storage *t = *state;
    char left[128], live[128];
    storage_run(t, put_some);
    snprintf(left, sizeof left, "%s/.drafts/0123456789", t->folder);
    snprintf(live, sizeof live, "%s/.drafts/9876543210", t->folder);
    close(open(left, O_CREAT | O_WRONLY, 0600));
    int fd = open(live, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    objects_recover(t->worker->objects);
    assert_int_not_equal(access(left, F_OK), 0);
    assert_int_equal(access(live, F_OK), 0);
    close(fd);
    objects_recover(t->worker->objects);
    assert_int_not_equal(access(live, F_OK), 0);
}

static void be_unusable(tl_request *req, storage *t)
{
    tl_object about;
    CHECK(objects_put(req, t->store, "k", "v", 1, NULL) == TL_UNAVAILABLE);
    CHECK(objects_check(req, t->store) != TL_OK);
    CHECK(objects_head(req, t->store, "k", &about) == TL_NOT_FOUND);
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
    (void)state;
    storage t;
    storage_prepare(&t, false);
    t.settings.folder = "/dev/null/objects";
    storage_start(&t);
    assert_true(storage_logged("/dev/null/objects cannot be used: Not a directory"));
    storage_run(&t, be_unusable);
    assert_true(storage_logged("storing k fails in /dev/null/objects: Not a directory"));
    storage_stop(&t);
}

static void a_missing_folder_is_made(void **state)
{
    storage *t = *state;
    storage_run(t, put_some);
    storage_remove_folder(t->folder);
    storage_run(t, put_some);
    assert_int_equal(storage_open_uploads(t), 0);
}

/* Puts until it is killed: the same key with other contents, and new ones. */
static void put_for_ever(const char *folder)
{
    static unsigned char bytes[300000];
    for (unsigned round = 0;; round++) {
        tl_object_options options = {.content_type = "a/b", .cache_control = ""};
        dir_draft draft;
        char key[64];
        memset(bytes, 'a' + (int)(round % 26), sizeof bytes);
        snprintf(key, sizeof key, round % 2 ? "same/key" : "new/%u", round);
        if (dir_draft_begin(folder, &draft) || dir_draft_write(&draft, bytes, sizeof bytes - round % 26) ||
            dir_draft_finish(folder, &draft, key, &options))
            _exit(1);
    }
}

static int whole_objects;

static void check_all(tl_request *req, storage *t)
{
    tl_object_list found;
    const char *after = NULL;
    do {
        CHECK(objects_list(req, t->store, "", after, 1000, &found) == TL_OK);
        for (size_t i = 0; i < found.count; i++) {
            const void *bytes;
            tl_object about;
            CHECK(objects_get(req, t->store, found.items[i].key, 1 << 20, &bytes, &about) == TL_OK);
            const char *text = bytes;
            CHECK(about.size == 300000 - (text[0] - 'a'));
            for (int64_t at = 0; at < about.size; at++)
                CHECK(text[at] == text[0]);
            whole_objects++;
        }
        after = found.next;
    } while (after);
    CHECK(!storage_logged("damaged"));
}

static void after_a_kill_an_object_is_whole_or_not_there(void **state)
{
    storage *t = *state;
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            put_for_ever(t->folder);
        usleep(20000 + (useconds_t)i * 7000);
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
    }
    storage_run(t, check_all);
    assert_true(whole_objects > 0);
    objects_recover(t->worker->objects);
    assert_int_equal(storage_open_uploads(t), 0);
}

static void no_urls(tl_request *req, storage *t)
{
    CHECK(put_text(req, t, "k", "v"));
    CHECK(!objects_presign(req, t->store, TL_GET, "k", 60) && !objects_url(req, t->store, "k"));
}

static void a_folder_has_no_urls(void **state)
{
    storage_run(*state, no_urls);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, open_storage, close_storage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_as_documented),
        cmocka_unit_test(no_path_leaves_the_folder),
        cmocka_unit_test(names_stand_for_one_part_of_a_key),
        TEST(a_damaged_file_is_an_error_and_can_be_replaced),
        TEST(strange_files_are_left_alone),
        TEST(folders_go_with_their_last_object),
        TEST(objects_are_nobody_elses),
        TEST(left_overs_are_removed_and_live_drafts_are_not),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_told),
        TEST(a_missing_folder_is_made),
        TEST(after_a_kill_an_object_is_whole_or_not_there),
        TEST(a_folder_has_no_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
