/*
 * What only a folder has: paths that stay within it, left-overs of processes that were killed, damaged files, and
 * objects that are whole after a kill.
 */
#include "tests/unit/objects/storage.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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
    /* Also a link to what would be an object. */
    snprintf(path, sizeof path, "%s/linked=", t->folder);
    assert_int_equal(symlink("c=", path), 0);
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
    tl_object_list found;
    CHECK(objects_put(req, t->store, "k", "v", 1, NULL) == TL_UNAVAILABLE);
    CHECK(objects_check(req, t->store) != TL_OK);
    CHECK(objects_head(req, t->store, "k", &about) == TL_UNAVAILABLE);
    CHECK(objects_list(req, t->store, "", NULL, 10, &found) == TL_UNAVAILABLE);
    CHECK(objects_remove(req, t->store, "k") == TL_UNAVAILABLE);
    CHECK(objects_copy(req, t->store, "k", "l", NULL) == TL_UNAVAILABLE);
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

static void miss_the_folder(tl_request *req, storage *t)
{
    tl_object about;
    /* A disk that is not there has not lost its objects. */
    CHECK(objects_head(req, t->store, "c", &about) == TL_UNAVAILABLE);
    CHECK(objects_remove(req, t->store, "c") == TL_UNAVAILABLE);
    CHECK(put_text(req, t, "c", "new") && has_text(req, t, "c", "new"));
    CHECK(objects_head(req, t->store, "a/b", &about) == TL_NOT_FOUND);
}

static void a_missing_folder_is_told_and_made_by_who_writes(void **state)
{
    storage *t = *state;
    storage_run(t, put_some);
    storage_remove_folder(t->folder);
    storage_run(t, miss_the_folder);
    assert_true(storage_logged("reading c fails in "));
    assert_int_equal(storage_open_uploads(t), 0);
}

static void find_nothing(tl_request *req, storage *t)
{
    tl_object about;
    tl_object_list found;
    CHECK(objects_head(req, t->store, "c", &about) == TL_NOT_FOUND);
    CHECK(objects_copy(req, t->store, "c", "d", NULL) == TL_NOT_FOUND);
    CHECK(objects_list(req, t->store, "", NULL, 10, &found) == TL_OK && found.count == 0);
    CHECK(objects_remove(req, t->store, "c") == TL_OK && objects_sweep(req, t->store, "", 0) == TL_OK);
    CHECK(access(t->folder, F_OK) != 0);
    CHECK(put_text(req, t, "c", "first") && has_text(req, t, "c", "first"));
}

/* As a command is, on a machine that has not served yet: it recovers nothing. */
static void a_folder_that_was_never_made_is_empty(void **state)
{
    storage *t = *state;
    storage_remove_folder(t->folder);
    objects_free(t->worker->objects);
    t->worker->objects = objects_new(t->worker);
    t->store = objects_store("test");
    storage_run(t, find_nothing);
}

static void lose_the_folder(tl_request *req, storage *t)
{
    static const unsigned char bytes[3 << 20];
    int error;
    tl_upload *u = objects_upload_begin(req, t->store, "k", NULL, &error);
    CHECK(u && objects_upload_write(req, u, bytes, sizeof bytes) == TL_OK);
    storage_remove_folder(t->folder);
    CHECK(objects_upload_finish(req, u) == TL_UNAVAILABLE);
}

static void a_folder_that_goes_during_an_upload_is_told(void **state)
{
    storage *t = *state;
    storage_run(t, lose_the_folder);
    assert_true(storage_logged("storing k fails in "));
}

/* What the kernel is asked to do, in order, while `is_noted`; the calls of the whole program come by here. */
static bool is_noted;
static char noted[2048];
static const char *refused; /* the file or folder of the store that cannot be synced; NULL: none */

/* The path within the store, or "/a draft". */
static const char *within(int fd)
{
    static char path[DIR_PATH];
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    const char *store = strstr(path, "objects-");
    return strstr(path, "/.drafts/") ? "/a draft" : store ? store + strlen("objects-XXXXXX") : "the folder above";
}

static void note(const char *what, int fd, const char *name, int64_t size)
{
    if (!is_noted)
        return;
    size_t used = strlen(noted);
    if (size >= 0)
        snprintf(noted + used, sizeof noted - used, "%s %s of %d\n", what, within(fd), (int)size);
    else
        snprintf(noted + used, sizeof noted - used, "%s %s/%s\n", what, within(fd), name);
}

int fsync(int fd)
{
    struct stat file;
    note("sync", fd, "", fstat(fd, &file) == 0 && S_ISREG(file.st_mode) ? file.st_size : -1);
    if (refused && strcmp(within(fd), refused) == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int renameat(int from, const char *old, int to, const char *new)
{
    note("rename to", to, new, -1);
    return (int)syscall(SYS_renameat2, from, old, to, new, 0);
}

int unlinkat(int fd, const char *name, int flags)
{
    int result = (int)syscall(SYS_unlinkat, fd, name, flags);
    if (result == 0)
        note("remove", fd, name, -1);
    return result;
}

static void put_and_remove(tl_request *req, storage *t)
{
    is_noted = true;
    CHECK(put_text(req, t, "a/b/c", "text"));
    CHECK(objects_copy(req, t->store, "a/b/c", "d", NULL) == TL_OK);
    CHECK(objects_remove(req, t->store, "a/b/c") == TL_OK);
    is_noted = false;
}

/* Bytes before the name, and the name before the answer: what the power takes away was not answered yet. */
static void all_is_on_the_disk_before_it_is_answered(void **state)
{
    noted[0] = '\0';
    storage_run(*state, put_and_remove);
    assert_string_equal(noted, "sync /a draft of 1028\n"
                               "rename to /a/b/c=\n"
                               "sync /a/b/\n"
                               "sync /a/\n"
                               "sync /\n"
                               "sync /a draft of 1028\n"
                               "rename to /d=\n"
                               "sync /\n"
                               "remove /a/b/c=\n"
                               "remove /a/b\n"
                               "remove /a\n"
                               "sync /\n");
}

static void put_into_a_new_folder(tl_request *req, storage *t)
{
    storage_remove_folder(t->folder);
    is_noted = true;
    bool fine = put_text(req, t, "c", "text");
    is_noted = false;
    CHECK(fine);
}

static void the_stores_own_folder_is_on_the_disk_too(void **state)
{
    noted[0] = '\0';
    storage_run(*state, put_into_a_new_folder);
    assert_string_equal(noted, "sync the folder above/\n"
                               "sync /a draft of 1028\n"
                               "rename to /c=\n"
                               "sync /\n");
}

static void fail_to_sync(tl_request *req, storage *t)
{
    tl_object about;
    static const char *const at_put[] = {"/a draft", "/x/y", "/x", ""};
    static const char *const at_remove[] = {"/a/b", "/a", ""};

    /* What a name was not given to is not there; of what could not be kept nobody is told that it is kept. */
    for (size_t i = 0; i < sizeof at_put / sizeof *at_put; i++) {
        refused = at_put[i];
        int result = objects_put(req, t->store, "x/y/z", "v", 1, NULL);
        refused = NULL;
        CHECK(result == TL_UNAVAILABLE);
        CHECK(i > 0 || objects_head(req, t->store, "x/y/z", &about) == TL_NOT_FOUND);
    }

    /* The folder that is synced is the lowest one that stays. */
    for (size_t i = 0; i < sizeof at_remove / sizeof *at_remove; i++) {
        CHECK(put_text(req, t, "a/b/c", "text"));
        CHECK(i > 0 || put_text(req, t, "a/b/other", "text"));
        CHECK(i > 1 || put_text(req, t, "a/other", "text"));
        refused = at_remove[i];
        int result = objects_remove(req, t->store, "a/b/c");
        refused = NULL;
        CHECK(result == TL_UNAVAILABLE);
        CHECK(i != 0 || objects_remove(req, t->store, "a/b/other") == TL_OK);
        CHECK(i != 1 || objects_remove(req, t->store, "a/other") == TL_OK);
    }
    CHECK(put_text(req, t, "x/y/z", "new") && has_text(req, t, "x/y/z", "new"));
}

static void what_the_disk_does_not_take_is_not_answered_as_done(void **state)
{
    storage *t = *state;
    storage_run(t, fail_to_sync);
    assert_true(storage_logged("storing x/y/z fails in "));
    assert_true(storage_logged("Input/output error"));
    assert_int_equal(storage_open_uploads(t), 0);
}

/* The last round whose put has returned; shared with the process that is killed. */
static unsigned *answered;

enum { ROUNDS = 100000, KILLS = 60, PUT_SIZE = 300000 };

static unsigned char letter_of(unsigned round)
{
    return (unsigned char)('a' + round % 26);
}

/* Puts until it is killed: the same key with other contents, and new ones. */
static void put_for_ever(const char *folder, unsigned first)
{
    static unsigned char bytes[PUT_SIZE];
    int root = dir_open_root(folder, false);
    for (unsigned round = first;; round++) {
        tl_object_options options = {.content_type = "a/b", .cache_control = ""};
        dir_draft draft;
        char key[64];
        memset(bytes, letter_of(round), sizeof bytes);
        snprintf(key, sizeof key, round % 2 ? "same/key" : "new/%u", round);
        if (dir_draft_begin(root, &draft) || dir_draft_write(&draft, bytes, sizeof bytes - round % 26) ||
            dir_draft_finish(root, &draft, key, &options))
            _exit(1);
        *answered = round;
    }
}

static int whole_objects;
static unsigned first_round;

/* Is it there as this round has put it, or one that came behind? */
static bool is_whole(tl_request *req, storage *t, const char *key, unsigned round, unsigned or_later)
{
    const void *bytes;
    tl_object about;
    if (objects_get(req, t->store, key, 1 << 20, &bytes, &about) != TL_OK)
        return false;
    const unsigned char *text = bytes;
    for (int64_t at = 0; at < about.size; at++)
        if (text[at] != text[0])
            return false;
    whole_objects++;
    return (text[0] == letter_of(round) || text[0] == letter_of(or_later)) && about.size == PUT_SIZE - (text[0] - 'a');
}

static void check_answered(tl_request *req, storage *t)
{
    char key[64];
    for (unsigned round = first_round; round <= *answered; round += 2) {
        snprintf(key, sizeof key, "new/%u", round);
        CHECK(is_whole(req, t, key, round, round));
    }
    /* Of the one that was under way when the kill came either all is there, or nothing. */
    unsigned next = *answered + 1;
    tl_object about;
    snprintf(key, sizeof key, "new/%u", next);
    if (next % 2 == 0)
        CHECK(objects_head(req, t->store, key, &about) == TL_NOT_FOUND || is_whole(req, t, key, next, next));
    unsigned last = *answered % 2 ? *answered : *answered - 1;
    if (*answered > first_round)
        CHECK(is_whole(req, t, "same/key", last, last + 2));
    CHECK(!storage_logged("damaged"));
}

static void a_put_that_was_answered_survives_a_kill_and_others_are_whole_or_absent(void **state)
{
    storage *t = *state;
    answered = mmap(NULL, sizeof *answered, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(answered != MAP_FAILED);
    for (unsigned i = 1; i <= KILLS; i++) {
        first_round = i * ROUNDS;
        *answered = first_round - 1;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            put_for_ever(t->folder, first_round);
        usleep(1000 + randombytes_uniform(20000));
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        storage_run(t, check_answered);
    }
    munmap(answered, sizeof *answered);
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
        TEST(a_missing_folder_is_told_and_made_by_who_writes),
        TEST(a_folder_that_was_never_made_is_empty),
        TEST(a_folder_that_goes_during_an_upload_is_told),
        TEST(all_is_on_the_disk_before_it_is_answered),
        TEST(the_stores_own_folder_is_on_the_disk_too),
        TEST(what_the_disk_does_not_take_is_not_answered_as_done),
        TEST(a_put_that_was_answered_survives_a_kill_and_others_are_whole_or_absent),
        TEST(a_folder_has_no_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
