/*
 * Child processes: fed, read, judged, and never left behind.
 */
#include "core/plugin/plugin.h"
#include "core/request/request.h"
#include "tests/unit/support/fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "plugins/backup/child.h"

const tl_host *tl_the_host;
tl_module *tl_self;
struct backup_options backup_options;

static worker *the_test_worker;

static int set_up(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    the_test_worker = fixture_worker_new(fixture_settings());
    tl_the_host = host_table();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_worker_free(the_test_worker);
    return 0;
}

/* A script, what it is given, and what comes of it. */
typedef struct scene {
    const char *script;
    const char *program; /* NULL: a shell for the script */
    size_t feed;         /* bytes */
    bool is_streamed, is_left, is_nice;
    const char *url;
    int started, result;
    size_t read;
    pid_t pid;
    char kept[4096], error[800];
} scene;

static void feed(task *t, child *c, size_t bytes)
{
    char block[10000];

    memset(block, 'x', sizeof block);
    for (size_t left = bytes; left > 0;) {
        size_t count = left < sizeof block ? left : sizeof block;
        child_feed(t, c, block, count);
        left -= count;
    }
}

static void play(tl_request *req, void *arg)
{
    scene *s = arg;
    task *t = tl_alloc(req, sizeof *t);
    const char *arguments[] = {"child", "-c", s->script, NULL};
    conninfo a = {0};
    child *c;
    char block[5000];
    size_t length;

    task_init(t, req, PROGRESS_NONE);
    if (s->url)
        conninfo_read(&a, s->url);
    child_plan plan = {.program = s->program ? s->program : "/bin/sh",
                       .arguments = arguments,
                       .database = s->url ? &a : NULL,
                       .is_fed = s->feed > 0,
                       .is_nice = s->is_nice,
                       .output = s->is_streamed ? CHILD_STREAMED : CHILD_KEPT};
    s->started = child_begin(t, &plan, &c);
    if (s->started == TL_OK) {
        s->pid = c->pid;
        feed(t, c, s->feed);
        while (s->is_streamed && child_read(t, c, block, sizeof block, &length) == TL_OK && length > 0)
            s->read += length;
        s->result = s->is_left ? TL_OK : child_end(t, c);
        snprintf(s->kept, sizeof s->kept, "%s", c->kept ? c->kept : "");
    }
    snprintf(s->error, sizeof s->error, "%s", t->error);
    conninfo_free(&a);
}

static size_t descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");

    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static scene run(scene s)
{
    fixture_run(the_test_worker, play, &s);
    return s;
}

static void what_it_prints_is_kept(void **state)
{
    (void)state;
    scene s = run((scene){.script = "echo one; echo two"});
    assert_int_equal(s.result, TL_OK);
    assert_string_equal(s.kept, "one\ntwo\n");
}

static void much_goes_through_it_in_both_directions(void **state)
{
    (void)state;
    /* More than any pipe holds, so that both sides have to take turns. */
    scene s = run((scene){.script = "wc -c", .feed = 5000000});
    assert_int_equal(s.result, TL_OK);
    assert_int_equal(atoi(s.kept), 5000000);
    s = run((scene){.script = "cat | head -c 3000000 >&2; cat >/dev/null; exit 3", .feed = 3500000});
    assert_int_equal(s.result, TL_ERROR);
    s = run((scene){.script = "head -c 7000000 /dev/zero; echo x >&2", .is_streamed = true});
    assert_int_equal(s.result, TL_OK);
    assert_int_equal(s.read, 7000000);
}

static void one_that_takes_no_more_is_no_error_of_ours(void **state)
{
    (void)state;
    scene s = run((scene){.script = "head -c 10 >/dev/null; echo enough", .feed = 4000000});
    assert_int_equal(s.result, TL_OK);
    assert_string_equal(s.kept, "enough\n");
}

static void its_failure_is_told_in_its_own_words(void **state)
{
    (void)state;
    scene s = run((scene){.script = "echo 'disk is full' >&2; exit 7"});
    assert_int_equal(s.result, TL_ERROR);
    assert_non_null(strstr(s.error, "child failed with exit code 7: disk is full"));
    s = run((scene){.script = "echo going >&2; kill -KILL $$"});
    assert_int_equal(s.result, TL_ERROR);
    assert_non_null(strstr(s.error, "ended by signal 9"));
    /* Of many words the last ones count. */
    s = run((scene){.script = "head -c 100000 /dev/zero | tr '\\0' x >&2; echo; echo the reason >&2; exit 1"});
    assert_int_equal(s.result, TL_ERROR);
}

static void a_program_that_is_not_there_is_named(void **state)
{
    (void)state;
    scene s = run((scene){.program = "/nonexistent/pg_dump", .script = ""});
    assert_int_equal(s.started, TL_ERROR);
    assert_non_null(strstr(s.error, "/nonexistent/pg_dump cannot be started: No such file"));
}

static void it_gets_little_of_the_environment_and_no_descriptors(void **state)
{
    (void)state;
    setenv("AUTH_SECRET", "hidden", 1);
    setenv("PGSERVICEFILE", "/evil", 1);
    setenv("PGSSLROOTCERT", "/ca", 1);
    int leak = open("/dev/null", O_RDONLY);
    scene s = run((scene){.script = "env; echo fds: $(ls /proc/self/fd | wc -l)"});
    close(leak);
    assert_null(strstr(s.kept, "AUTH_SECRET"));
    assert_null(strstr(s.kept, "/evil"));
    assert_non_null(strstr(s.kept, "PGSSLROOTCERT=/ca"));
    assert_non_null(strstr(s.kept, "PATH="));
    /* ls has the folder open, and the pipe to wc. */
    assert_non_null(strstr(s.kept, "fds: 4\n"));
}

static void the_password_is_in_a_file_that_only_it_can_read(void **state)
{
    (void)state;
    scene s = run((scene){.script = "tr '\\0' '\\n' </proc/$$/environ; tr '\\0' ' ' </proc/$$/cmdline; echo; "
                                    "stat -L -c %a /proc/self/fd/3; cat /proc/self/fd/3",
                          .url = "postgresql://me:hunter2@h/db"});
    assert_int_equal(s.result, TL_OK);
    char *file = strstr(s.kept, "600\n[talelio]\n");
    assert_non_null(file);
    assert_non_null(strstr(file, "password=hunter2\n"));
    *file = '\0';
    assert_null(strstr(s.kept, "hunter2"));
}

static void it_is_killed_and_reaped_with_the_request(void **state)
{
    (void)state;
    /* Its output ends when both sleep. */
    scene s = run(
        (scene){.script = "sleep 1000 >/dev/null & exec >/dev/null; sleep 1000", .is_streamed = true, .is_left = true});
    assert_int_equal(s.started, TL_OK);
    assert_int_equal(kill(s.pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    /* The group goes, and the shell's own child with it. */
    for (int i = 0; i < 200 && kill(-s.pid, 0) == 0; i++)
        usleep(10000);
    assert_int_equal(kill(-s.pid, 0), -1);
}

static void a_nice_one_gives_way_to_other_sessions_too(void **state)
{
    (void)state;
    /* It is made so after it has begun; a kernel that knows no such sessions has no file. */
    scene s = run((scene){.script = "while [ \"$(cut -d' ' -f19 /proc/$$/stat)\" -ne 10 ]; do sleep 0.01; done;"
                                    "file=/proc/$$/autogroup; [ -s $file ] || exec echo all;"
                                    "until grep -q 'nice 10$' $file; do sleep 0.01; done; echo all",
                          .is_nice = true});
    assert_int_equal(s.result, TL_OK);
    assert_string_equal(s.kept, "all\n");
}

static void a_grandchild_that_holds_the_pipes_is_not_waited_for(void **state)
{
    (void)state;
    scene s = run((scene){.script = "sleep 1000 & echo done"});
    assert_int_equal(s.result, TL_OK);
    assert_string_equal(s.kept, "done\n");
    assert_int_equal(kill(-s.pid, SIGKILL), 0);
}

static void it_dies_when_nobody_reads_it_any_more(void **state)
{
    int pair[2];

    (void)state;
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    /* SIGPIPE is ignored here, and must not be there. */
    scene s = run((scene){.script = "trap '' TERM; sh -c 'kill -PIPE $$; echo alive'; echo $?"});
    close(pair[0]);
    close(pair[1]);
    assert_null(strstr(s.kept, "alive"));
    assert_non_null(strstr(s.kept, "141"));
}

static void no_descriptor_is_left_behind(void **state)
{
    (void)state;
    run((scene){.script = "true"});
    size_t before = descriptors();
    for (int i = 0; i < 20; i++) {
        run((scene){.script = "cat", .feed = 10, .url = "dbname=x"});
        run((scene){.script = "sleep 100", .is_left = true});
        run((scene){.program = "/nonexistent", .script = ""});
    }
    assert_int_equal(descriptors(), before);
}

typedef struct cutting {
    tl_request *req;
    pid_t pid;
    int result;
    bool is_over;
    char error[800];
} cutting;

static void wait_for_ever(tl_request *req, void *arg)
{
    cutting *c = arg;
    task *t = tl_alloc(req, sizeof *t);
    const char *arguments[] = {"sleep", "1000", NULL};
    child_plan plan = {.program = "/bin/sleep", .arguments = arguments, .output = CHILD_KEPT};
    child *made;

    c->req = req;
    task_init(t, req, PROGRESS_NONE);
    child_begin(t, &plan, &made);
    c->pid = made->pid;
    c->result = child_end(t, made);
    snprintf(c->error, sizeof c->error, "%s", t->error);
    c->is_over = true;
}

static void a_cancelled_task_stops_waiting(void **state)
{
    cutting c = {0};

    (void)state;
    tl_request *req = request_new(the_test_worker, 200);
    assert_true(request_start(req, wait_for_ever, &c));
    assert_true(fixture_until(the_test_worker, &c.is_over, 20000));
    assert_int_equal(c.result, TL_CANCELLED);
    assert_non_null(strstr(c.error, "interrupted"));
    assert_int_equal(kill(c.pid, 0), -1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_it_prints_is_kept),
        TEST(much_goes_through_it_in_both_directions),
        TEST(one_that_takes_no_more_is_no_error_of_ours),
        TEST(its_failure_is_told_in_its_own_words),
        TEST(a_program_that_is_not_there_is_named),
        TEST(it_gets_little_of_the_environment_and_no_descriptors),
        TEST(the_password_is_in_a_file_that_only_it_can_read),
        TEST(it_is_killed_and_reaped_with_the_request),
        TEST(a_nice_one_gives_way_to_other_sessions_too),
        TEST(a_grandchild_that_holds_the_pipes_is_not_waited_for),
        TEST(it_dies_when_nobody_reads_it_any_more),
        TEST(no_descriptor_is_left_behind),
        TEST(a_cancelled_task_stops_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
