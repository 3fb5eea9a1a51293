/* Handing a configuration to another process, and the rules of production. */
#include <fcntl.h>
#include <sys/mman.h>

#include "tests/unit/config/config_case.h"

#define PLENTY                                                                                                         \
    ENOUGH "[plugin:a]\nenabled = yes\nkey = ${X}\n[redis]\nprefix = 5:hello,${Y:-z}\n[plugin:b]\nenabled = no\n"      \
           "secret = ${NEVER_SET}\n"

static const char *a_key;
static const tl_option a_options[] = {{"key", TL_OPTION_STRING, &a_key, ""}, {0}};
static const tl_option a_secret_options[] = {{"key", TL_OPTION_SECRET, &a_key, ""}, {0}};
static const char *const reserved[] = {"enabled", "path", "migrations", NULL};

static int memory_file(void)
{
    int fd = memfd_create("configuration", MFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static char *printed(config_case *t, config *c)
{
    config *kept = t->c;
    t->c = c;
    assert_true(config_bind_core(c, &t->s, t->found));
    assert_true(config_bind(c, "plugin:a", a_options, sizeof *a_options, reserved, t->found));
    char *text = case_printed(t);
    t->c = kept;
    return text;
}

static void another_process_sees_exactly_the_same(void **state)
{
    (void)state;
    config_case t;
    setenv("X", "a value, with 3:abc, in it", 1);
    case_load(&t, PLENTY, "Y=from the file\n");
    int fd = memory_file();
    assert_true(config_write(t.c, fd));
    unsetenv("X");
    unlink(t.ini);
    config *copy = config_read(fd, t.found);
    assert_non_null(copy);
    char *expected = printed(&t, t.c), *found = printed(&t, copy);
    assert_string_equal(found, expected);
    assert_string_equal(a_key, "a value, with 3:abc, in it");
    assert_string_equal(t.s.redis_prefix, "5:hello,from the file");
    assert_string_equal(config_ini_path(copy), t.ini);
    assert_string_equal(config_plugin_name(copy, 1), "b");
    assert_no_problem(&t);
    free(expected);
    free(found);
    config_free(copy);
    close(fd);
    case_end(&t);
}

static void several_processes_read_the_same_descriptor(void **state)
{
    (void)state;
    config_case t;
    case_load(&t, ENOUGH, NULL);
    int fd = memory_file();
    assert_true(config_write(t.c, fd));
    for (int i = 0; i < 3; i++) {
        config *copy = config_read(fd, t.found);
        assert_non_null(copy);
        config_free(copy);
    }
    close(fd);
    case_end(&t);
}

static void a_handover_that_is_cut_off_or_changed_is_refused(void **state)
{
    (void)state;
    config_case t;
    char bytes[2048];
    case_load(&t, ENOUGH "[plugin:a]\nenabled = no\n", NULL);
    int fd = memory_file();
    assert_true(config_write(t.c, fd));
    ssize_t length = pread(fd, bytes, sizeof bytes, 0);
    assert_in_range(length, 1, sizeof bytes - 1);
    for (ssize_t cut = 0; cut < length; cut++) {
        assert_int_equal(ftruncate(fd, cut), 0);
        assert_null(config_read(fd, t.found));
    }
    assert_int_equal(pwrite(fd, bytes, (size_t)length, 0), length);
    assert_int_equal(pwrite(fd, "x", 1, length), 1);
    assert_null(config_read(fd, t.found));
    assert_only_problem(&t, "the configuration from the master is incomplete");
    close(fd);
    case_end(&t);
}

static void a_descriptor_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    config_case t;
    case_folder(&t);
    assert_null(config_read(-1, t.found));
    assert_only_problem(&t, "the configuration cannot be read from the master: Bad file descriptor");
    case_end(&t);
}

/* The problems of production with these files and modes; `t` stays open. */
static void check_production(config_case *t, const char *ini, const char *env, mode_t ini_mode, mode_t env_mode)
{
    case_folder(t);
    case_write(t->ini, ini, strlen(ini));
    assert_int_equal(chmod(t->ini, ini_mode), 0);
    if (env) {
        case_write(t->env, env, strlen(env));
        assert_int_equal(chmod(t->env, env_mode), 0);
    }
    t->c = config_load(t->ini, t->env, t->found);
    assert_true(config_bind_core(t->c, &t->s, t->found));
    assert_true(config_bind(t->c, "plugin:a", a_secret_options, sizeof *a_secret_options, reserved, t->found));
    config_check_production(t->c, &t->s, t->found);
}

#define PRODUCTION "[server]\nmode = production\nuser = www\n" ENOUGH

static void a_secret_in_a_file_that_others_may_read_is_refused(void **state)
{
    (void)state;
    static const mode_t open[] = {0604, 0644, 0602, 0620, 0660, 0666};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        config_case t;
        check_production(&t, PRODUCTION "[plugin:a]\nkey = hunter2\n", NULL, open[i], 0);
        assert_only_problem(&t, "talelio.ini: holds a secret ([plugin:a] key), and others");
        assert_true(has_problem(&t, "run chmod 640 "));
        assert_false(has_problem(&t, "hunter2"));
        case_end(&t);
    }
}

static void a_secret_in_a_closed_file_is_fine(void **state)
{
    (void)state;
    static const mode_t closed[] = {0600, 0640, 0400, 0440};
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        config_case t;
        check_production(&t, PRODUCTION "[plugin:a]\nkey = hunter2\n", NULL, closed[i], 0);
        assert_no_problem(&t);
        case_end(&t);
    }
}

static void a_file_without_secrets_may_be_open(void **state)
{
    (void)state;
    config_case t;
    setenv("X", "hunter2", 1);
    check_production(&t, PRODUCTION "[plugin:a]\nkey = ${X}\n", NULL, 0644, 0);
    assert_no_problem(&t);
    case_end(&t);
    unsetenv("X");
}

static void a_password_in_the_address_of_the_database_is_a_secret(void **state)
{
    (void)state;
    config_case t;
    check_production(&t, "[server]\nmode = production\nuser = www\n[postgres]\nurl = postgresql://a:hunter2@h/d\n",
                     NULL, 0644, 0);
    assert_only_problem(&t, "talelio.ini: holds a secret ([postgres] url)");
    case_end(&t);
}

static void an_open_environment_file_is_refused(void **state)
{
    (void)state;
    config_case t;
    check_production(&t, PRODUCTION, "X=hunter2\n", 0644, 0644);
    assert_only_problem(&t, "env: is for secrets, and others than its owner and group may use it (mode 644)");
    case_end(&t);
    check_production(&t, PRODUCTION, "X=hunter2\n", 0644, 0640);
    assert_no_problem(&t);
    case_end(&t);
}

static void development_does_not_mind(void **state)
{
    (void)state;
    config_case t;
    check_production(&t, ENOUGH "[plugin:a]\nkey = hunter2\n", "X=1\n", 0666, 0666);
    assert_no_problem(&t);
    case_end(&t);
}

static void modes_are_handed_over_too(void **state)
{
    (void)state;
    config_case t;
    check_production(&t, PRODUCTION, "X=hunter2\n", 0644, 0644);
    int fd = memory_file();
    assert_true(config_write(t.c, fd));
    config *copy = config_read(fd, t.found);
    problems *again = problems_new();
    assert_true(config_bind_core(copy, &t.s, again));
    config_check_production(copy, &t.s, again);
    assert_int_equal(problems_count(again), 1);
    problems_free(again);
    config_free(copy);
    close(fd);
    case_end(&t);
}

static void root_needs_somebody_to_become(void **state)
{
    (void)state;
    config_case t;
    check_production(&t, "[server]\nmode = production\n" ENOUGH, NULL, 0600, 0);
    if (geteuid() == 0)
        assert_only_problem(&t, "talelio.ini: [server] user is empty");
    else
        assert_no_problem(&t);
    case_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_process_sees_exactly_the_same),
        cmocka_unit_test(several_processes_read_the_same_descriptor),
        cmocka_unit_test(a_handover_that_is_cut_off_or_changed_is_refused),
        cmocka_unit_test(a_descriptor_that_cannot_be_read_is_told),
        cmocka_unit_test(a_secret_in_a_file_that_others_may_read_is_refused),
        cmocka_unit_test(a_secret_in_a_closed_file_is_fine),
        cmocka_unit_test(a_file_without_secrets_may_be_open),
        cmocka_unit_test(a_password_in_the_address_of_the_database_is_a_secret),
        cmocka_unit_test(an_open_environment_file_is_refused),
        cmocka_unit_test(development_does_not_mind),
        cmocka_unit_test(modes_are_handed_over_too),
        cmocka_unit_test(root_needs_somebody_to_become),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
