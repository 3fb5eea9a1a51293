/*
 * Whom the control socket answers, and with what.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/process/control.h"

enum { NOBODY = 65534, OTHER = 65533 };

typedef struct scene {
    char folder[64];
    char path[96];
    settings settings;
    struct event_base *base;
    problems *found;
    control *control;
    int asked; /* for the status */
    int reloads;
} scene;

static const char *status(void *arg)
{
    scene *s = arg;
    s->asked++;
    return "{\"ok\":true}";
}

static void reload(void *arg)
{
    scene *s = arg;
    s->reloads++;
}

static int set_up(void **state)
{
    scene *s = calloc(1, sizeof *s);
    strcpy(s->folder, "/tmp/talelio-control-XXXXXX");
    if (!mkdtemp(s->folder))
        return -1;
    snprintf(s->path, sizeof s->path, "%s/control.sock", s->folder);
    s->settings.run_dir = s->folder;
    s->found = problems_new();
    s->base = event_base_new();
    s->control =
        control_open(s->base, &s->settings, &(control_calls){.reload = reload, .status = status, .arg = s}, s->found);
    *state = s;
    return s->control ? 0 : -1;
}

static int tear_down(void **state)
{
    scene *s = *state;
    control_close(s->control);
    event_base_free(s->base);
    problems_free(s->found);
    int result = rmdir(s->folder);
    free(s);
    return result;
}

static int ask(const scene *s, const char *words)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, s->path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        send(fd, words, strlen(words), MSG_NOSIGNAL) < 0)
        perror("asking");
    return fd;
}

/* All that comes until the socket is closed; "" when that is nothing. The loop turns meanwhile. */
static const char *hear(const scene *s, int fd)
{
    static char text[4096];
    size_t length = 0;
    for (;;) {
        event_base_loop(s->base, EVLOOP_NONBLOCK);
        ssize_t count = recv(fd, text + length, sizeof text - 1 - length, MSG_DONTWAIT);
        if (count > 0)
            length += (size_t)count;
        else if (count == 0 || errno != EAGAIN)
            break;
        else
            usleep(1000);
    }
    text[length] = '\0';
    close(fd);
    return text;
}

static void its_own_user_is_answered(void **state)
{
    scene *s = *state;
    assert_string_equal(hear(s, ask(s, "status\n")), "{\"ok\":true}\n");
    assert_int_equal(s->asked, 1);
}

static void the_socket_is_for_this_user_only(void **state)
{
    scene *s = *state;
    struct stat about;
    assert_int_equal(stat(s->path, &about), 0);
    assert_true(S_ISSOCK(about.st_mode));
    assert_int_equal(about.st_mode & 07777, 0600);
}

static void who_asks_while_a_reload_runs_gets_the_result_of_the_next(void **state)
{
    scene *s = *state;
    int first = ask(s, "reload\n");
    while (s->reloads < 1)
        event_base_loop(s->base, EVLOOP_ONCE);
    control_reload_begins(s->control);
    int second = ask(s, "reload\n");
    while (s->reloads < 2)
        event_base_loop(s->base, EVLOOP_ONCE);
    control_reload_ends(s->control, "one");
    assert_string_equal(hear(s, first), "one\n");
    control_reload_begins(s->control);
    control_reload_ends(s->control, "two");
    assert_string_equal(hear(s, second), "two\n");
}

static void who_still_waits_hears_that_the_server_stops(void **state)
{
    scene *s = *state;
    int fd = ask(s, "reload\n");
    while (s->reloads < 1)
        event_base_loop(s->base, EVLOOP_ONCE);
    control_close(s->control);
    s->control = NULL;
    assert_non_null(strstr(hear(s, fd), "the server stops"));
    assert_int_equal(access(s->path, F_OK), -1);
}

/* The kernel remembers who somebody was when he connected. */
static int ask_as(const scene *s, uid_t user)
{
    uid_t me = geteuid();
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(seteuid(user), 0);
    int fd = ask(s, "status\n");
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(seteuid(me), 0);
    return fd;
}

/* As on a file system that does not know modes. */
static void open_to_everybody(const scene *s)
{
    assert_int_equal(chmod(s->folder, 0777), 0);
    assert_int_equal(chmod(s->path, 0777), 0);
}

static void another_user_is_not_answered_whatever_the_modes(void **state)
{
    scene *s = *state;
    open_to_everybody(s);
    assert_string_equal(hear(s, ask_as(s, NOBODY)), "");
    assert_int_equal(s->asked, 0);
    assert_string_equal(hear(s, ask_as(s, 0)), "{\"ok\":true}\n");
}

static void a_server_of_another_user_answers_him_and_root_alone(void **state)
{
    scene *s = *state;
    open_to_everybody(s);
    assert_int_equal(seteuid(NOBODY), 0);
    hear(s, ask_as(s, NOBODY));
    int of_himself = s->asked;
    hear(s, ask_as(s, 0));
    int of_root = s->asked - of_himself;
    hear(s, ask_as(s, OTHER));
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(of_himself, 1);
    assert_int_equal(of_root, 1);
    assert_int_equal(s->asked, 2);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_own_user_is_answered),
        TEST(the_socket_is_for_this_user_only),
        TEST(who_asks_while_a_reload_runs_gets_the_result_of_the_next),
        TEST(who_still_waits_hears_that_the_server_stops),
    };
    /* Only root can be several users. */
    const struct CMUnitTest tests_of_root[] = {
        TEST(another_user_is_not_answered_whatever_the_modes),
        TEST(a_server_of_another_user_answers_him_and_root_alone),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (geteuid() == 0)
        failed += cmocka_run_group_tests(tests_of_root, NULL, NULL);
    return failed;
}
