/*
 * Giving up privileges, and limits: each in a child process, which nothing that follows has to share.
 */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/process/privileges.h"

enum { GROUPS_MOST = 64 };

/* In the child: what does not hold is told, and ends it. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                                    \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static void in_a_child(void (*run)(void))
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        run();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void limit_in_production(void)
{
    const settings s = {.mode = "production"};
    CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
    process_limits(&s);
    CHECK(prctl(PR_GET_DUMPABLE) == 0);
}

static void limit_in_development(void)
{
    const settings s = {.mode = "development"};
    CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
    process_limits(&s);
    CHECK(prctl(PR_GET_DUMPABLE) == 1);
}

/* Neither core files nor debuggers of the same user: there are secrets in its memory. */
static void in_production_a_process_cannot_be_dumped(void **unused)
{
    (void)unused;
    in_a_child(limit_in_production);
    in_a_child(limit_in_development);
}

static void start_with_few(void)
{
    const settings s = {.mode = "development"};
    struct rlimit files = {.rlim_cur = 32, .rlim_max = 64};
    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
    signal(SIGPIPE, SIG_DFL);
    umask(0);
    process_limits(&s);
    CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur == 64 && files.rlim_max == 64);
    CHECK(umask(0) == 077);
    CHECK(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
}

static void descriptors_files_and_broken_pipes_are_as_documented(void **unused)
{
    (void)unused;
    in_a_child(start_with_few);
}

static void drop_as_an_ordinary_user(void)
{
    const settings s = {.user = "daemon"};
    problems *found = problems_new();
    if (geteuid() == 0)
        CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    uid_t me = geteuid();
    CHECK(privileges_drop(&s, found) && problems_count(found) == 0);
    CHECK(geteuid() == me && getuid() == me);
}

static void whoever_is_not_root_stays_who_he_is(void **unused)
{
    (void)unused;
    in_a_child(drop_as_an_ordinary_user);
}

static gid_t group_of(const char *name)
{
    const struct passwd *user = getpwnam(name);
    CHECK(user);
    return user->pw_gid;
}

static void become_nobody(void)
{
    const settings s = {.user = "nobody"};
    const gid_t powerful[] = {0, 1, 4711};
    gid_t expected[GROUPS_MOST], groups[GROUPS_MOST], real, effective, saved;
    int expected_count = GROUPS_MOST;
    uid_t user, acting, kept;
    problems *found = problems_new();
    CHECK(setgroups(3, powerful) == 0);
    CHECK(privileges_drop(&s, found) && problems_count(found) == 0);

    uid_t nobody = getpwnam("nobody")->pw_uid;
    CHECK(getresuid(&user, &acting, &kept) == 0 && user == nobody && acting == nobody && kept == nobody);
    gid_t group = group_of("nobody");
    CHECK(getresgid(&real, &effective, &saved) == 0 && real == group && effective == group && saved == group);
    CHECK(getgrouplist("nobody", group, expected, &expected_count) >= 0);
    CHECK(getgroups(GROUPS_MOST, groups) == expected_count);
    for (int i = 0; i < expected_count; i++)
        for (size_t k = 0; k < 3; k++)
            CHECK(groups[i] != powerful[k]);
    CHECK(setuid(0) != 0 && setgid(0) != 0);
}

static void root_becomes_the_user_with_nothing_of_root_left(void **unused)
{
    (void)unused;
    in_a_child(become_nobody);
}

static void become_a_stranger(void)
{
    const settings s = {.user = "talelio-no-such-user"};
    problems *found = problems_new();
    CHECK(!privileges_drop(&s, found) && problems_count(found) == 1);
    CHECK(strstr(problems_text(found, 0), "there is no user 'talelio-no-such-user'"));
    CHECK(geteuid() == 0);
}

static void root_does_not_go_on_as_root_when_there_is_no_such_user(void **unused)
{
    (void)unused;
    in_a_child(become_a_stranger);
}

static void give_two_files(void)
{
    const settings s = {.user = "nobody", .run_dir = "/run/talelio"};
    char path[] = "/tmp/talelio-privileges-XXXXXX", second[sizeof path + 2];
    struct stat about;
    problems *found = problems_new();
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    snprintf(second, sizeof second, "%s-2", path);

    /* given a file with a second name, which that user may have made of any file */
    CHECK(link(path, second) == 0);
    bool given = privileges_give(&s, fd, found);
    unlink(second);
    CHECK(!given && problems_count(found) == 1 && fstat(fd, &about) == 0 && about.st_uid == 0);

    /* given one that is only here */
    given = privileges_give(&s, fd, found);
    unlink(path);
    CHECK(given && fstat(fd, &about) == 0 && about.st_uid == getpwnam("nobody")->pw_uid);
    CHECK(about.st_gid == group_of("nobody"));
}

static void root_gives_away_only_files_that_are_nowhere_else(void **unused)
{
    (void)unused;
    in_a_child(give_two_files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_production_a_process_cannot_be_dumped),
        cmocka_unit_test(descriptors_files_and_broken_pipes_are_as_documented),
        cmocka_unit_test(whoever_is_not_root_stays_who_he_is),
    };
    /* Nobody else can become another user. */
    const struct CMUnitTest tests_of_root[] = {
        cmocka_unit_test(root_becomes_the_user_with_nothing_of_root_left),
        cmocka_unit_test(root_does_not_go_on_as_root_when_there_is_no_such_user),
        cmocka_unit_test(root_gives_away_only_files_that_are_nowhere_else),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (geteuid() == 0)
        failed += cmocka_run_group_tests(tests_of_root, NULL, NULL);
    return failed;
}
