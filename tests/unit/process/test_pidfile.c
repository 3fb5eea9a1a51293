/*
 * The pid file's lock: one master a run_dir, and a dead one does not count.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/process/pidfile.h"
#include "core/process/privileges.h"

static char folder[] = "/tmp/talelio-pidfile-XXXXXX";
static char run_dir[64];
static settings s;

static int make_folder(void **unused)
{
    (void)unused;
    if (!mkdtemp(folder))
        return -1;
    snprintf(run_dir, sizeof run_dir, "%s/run", folder);
    s = (settings){.run_dir = run_dir, .user = "", .mode = "development"};
    return 0;
}

static int remove_folder(void **unused)
{
    (void)unused;
    char path[128];
    snprintf(path, sizeof path, "%s/talelio.pid", run_dir);
    unlink(path);
    rmdir(run_dir);
    return rmdir(folder);
}

static void run_dir_is_for_this_user_only(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    assert_true(run_dir_make(&s, found));
    assert_true(run_dir_make(&s, found)); /* it may be there already */
    struct stat about;
    assert_int_equal(stat(run_dir, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    problems_free(found);
}

static void nobody_runs_where_nothing_is(void **unused)
{
    (void)unused;
    assert_int_equal(pidfile_owner(&s), 0);
}

static void a_second_master_is_refused_with_the_pid_of_the_first(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    int fd = pidfile_take(&s, found);
    assert_true(fd >= 0);
    assert_int_equal(pidfile_owner(&s), getpid());
    assert_int_equal(pidfile_take(&s, found), -1);
    assert_int_equal(problems_count(found), 1);
    char pid[32];
    snprintf(pid, sizeof pid, "(pid %d, ", (int)getpid());
    assert_non_null(strstr(problems_text(found, 0), pid));
    assert_non_null(strstr(problems_text(found, 0), "talelio stop"));
    close(fd);
    problems_free(found);
}

static void a_killed_master_leaves_nothing_to_clean_up(void **unused)
{
    (void)unused;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        problems *found = problems_new();
        char yes = pidfile_take(&s, found) >= 0 ? 'y' : 'n';
        if (write(ready[1], &yes, 1) == 1)
            pause();
        _exit(0);
    }
    char answer = 0;
    assert_int_equal(read(ready[0], &answer, 1), 1);
    assert_int_equal(answer, 'y');
    assert_int_equal(pidfile_owner(&s), child);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(pidfile_owner(&s), 0);
    problems *found = problems_new();
    int fd = pidfile_take(&s, found);
    assert_true(fd >= 0);
    assert_int_equal(pidfile_owner(&s), getpid());
    close(fd);
    close(ready[0]);
    close(ready[1]);
    problems_free(found);
}

static void a_link_in_its_place_is_not_followed(void **unused)
{
    (void)unused;
    /* given somebody's file, and a link to it where the pid file belongs */
    char path[128], precious[128], text[16] = "";
    snprintf(path, sizeof path, "%s/talelio.pid", run_dir);
    snprintf(precious, sizeof precious, "%s/precious", folder);
    unlink(path);
    FILE *file = fopen(precious, "w+");
    assert_non_null(file);
    assert_true(fputs("precious", file) >= 0 && fflush(file) == 0);
    assert_int_equal(symlink(precious, path), 0);

    /* when a master starts, then it refuses, and the file is what it was */
    problems *found = problems_new();
    assert_int_equal(pidfile_take(&s, found), -1);
    assert_non_null(strstr(problems_text(found, 0), path));
    rewind(file);
    assert_non_null(fgets(text, sizeof text, file));
    assert_string_equal(text, "precious");
    fclose(file);
    unlink(path);
    unlink(precious);
    problems_free(found);
}

static void an_unwritable_run_dir_is_named(void **unused)
{
    (void)unused;
    problems *found = problems_new();
    settings other = {.run_dir = "/proc/talelio-run", .user = "", .mode = "development"};
    assert_false(run_dir_make(&other, found));
    assert_non_null(strstr(problems_text(found, 0), "[server] run_dir"));
    assert_non_null(strstr(problems_text(found, 0), "/proc/talelio-run"));
    problems_free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_dir_is_for_this_user_only),
        cmocka_unit_test(nobody_runs_where_nothing_is),
        cmocka_unit_test(a_second_master_is_refused_with_the_pid_of_the_first),
        cmocka_unit_test(a_killed_master_leaves_nothing_to_clean_up),
        cmocka_unit_test(a_link_in_its_place_is_not_followed),
        cmocka_unit_test(an_unwritable_run_dir_is_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
