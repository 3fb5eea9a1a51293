/*
 * Delivery: from the outbox to a folder and to an SMTP server, with everything that can go wrong there.
 */
/* cmocka names a macro "fail", so it comes behind the headers that use the word. */
#include "core/db/db.h"
#include "core/log/log.h"
#include "core/mail/mail.h"
#include "tests/unit/support/fixture.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/mail/delivery_fixture.h"

static void read_only_file(char *content, size_t size, mode_t *mode)
{
    char path[400] = "";
    int count = 0;
    DIR *folder = opendir(the_folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        count++;
        snprintf(path, sizeof(path), "%s/%s", the_folder, entry->d_name);
    }
    closedir(folder);
    assert_int_equal(count, 1);
    assert_string_equal(path + strlen(path) - 6, "-1.eml");
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    *mode = found.st_mode & 07777;
    FILE *file = fopen(path, "r");
    content[fread(content, 1, size - 1, file)] = '\0';
    fclose(file);
}

static void the_file_driver_writes_a_file_and_deletes_the_row(void **state)
{
    (void)state;
    char content[4096];
    struct stat folder;
    mode_t mode;
    put("reader@example.org", "line one\n.line two");
    start("file");
    until_empty();
    read_only_file(content, sizeof(content), &mode);
    assert_int_equal(mode, 0600);
    assert_int_equal(stat(the_folder, &folder), 0);
    assert_int_equal(folder.st_mode & 07777, 0700);
    assert_non_null(strstr(content, "\r\nTo: <reader@example.org>\r\n"));
    assert_non_null(strstr(content, "\r\n\r\nline one\r\n.line two\r\n"));
    assert_int_equal(count_in_log("mail 1 to r***@example.org sent"), 1);
    assert_int_equal(count_in_log("reader@"), 0);
}

static void a_failure_is_noted_and_tried_again(void **state)
{
    (void)state;
    the.settings->mail_folder = "/proc/no/such/folder";
    put("reader@example.org", "text");
    start("file");
    until_sql(&the, "SELECT last_error IS NOT NULL FROM mail_outbox", "t");
    assert_string_equal(ask_sql(&the, "SELECT attempts || ' ' || (next_attempt_at > now() + interval '3 seconds' AND"
                                      " next_attempt_at <= now() + interval '10 seconds') FROM mail_outbox"),
                        "1 true");
    /* The second pause is longer. */
    make_due();
    until_sql(&the,
              "SELECT attempts = 2 AND next_attempt_at > now() + interval '10 seconds' AND"
              " next_attempt_at <= now() + interval '30 seconds' FROM mail_outbox",
              "t");
    the.settings->mail_folder = the_folder;
    make_due();
    until_empty();
}

static void many_mails_go_out(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        put("reader@example.org", "text");
    start("smtp");
    until_empty();
    assert_int_equal(the_server->connections, 50);
}

static void the_last_attempt_is_the_end(void **state)
{
    (void)state;
    the.settings->mail_attempts = 3;
    the.settings->smtp_url = "smtp://127.0.0.1:1";
    put("reader@example.org", "text");
    run_sql(&the, "UPDATE mail_outbox SET attempts = 2");
    start("smtp");
    until_sql(&the, "SELECT given_up_at IS NOT NULL FROM mail_outbox", "t");
    assert_string_equal(ask_sql(&the, "SELECT body IS NULL FROM mail_outbox"), "t");
    assert_int_equal(count_in_log("given up after 3 attempts"), 1);
}

/* As after a process that died in its last attempt. */
static void an_attempt_that_never_came_back_counts(void **state)
{
    (void)state;
    the.settings->mail_attempts = 3;
    put("reader@example.org", "text");
    run_sql(&the, "UPDATE mail_outbox SET attempts = 3");
    start("smtp");
    until_sql(&the, "SELECT given_up_at IS NOT NULL FROM mail_outbox", "t");
    assert_int_equal(the_server->connections, 0);
}

static void count_up(tl_request *req, void *arg)
{
    int *turns = arg;
    while (*turns < 5 && request_sleep(req, 10) == TL_OK)
        ++*turns;
}

static void a_slow_server_holds_neither_the_loop_nor_a_second_delivery(void **state)
{
    (void)state;
    the_server->hold = 2500;
    put("first@example.org", "text");
    put("second@example.org", "text");
    start("smtp");
    while (the_server->connections == 0)
        turn_loop(&the, 20);
    int turns = 0;
    fixture_run(the.worker, count_up, &turns);
    assert_int_equal(turns, 5);
    assert_int_equal(the_server->connections, 1);
    until_empty();
    assert_false(the_server->overlapped);
    assert_int_equal(the_server->connections, 2);
}

/* As at a reload: the mail under way is finished, so that nobody sends it again, and no other is begun. */
static void stopping_finishes_the_mail_under_way(void **state)
{
    (void)state;
    the_server->hold = 500;
    put("first@example.org", "text");
    put("second@example.org", "text");
    start("smtp");
    while (the_server->connections == 0)
        turn_loop(&the, 20);
    mailer_free(the_mailer);
    the_mailer = NULL;
    for (int i = 0; i < 500 && request_count(the.worker->requests) > 0; i++)
        turn_loop(&the, 20);
    assert_int_equal(request_count(the.worker->requests), 0);
    assert_int_equal(the_server->connections, 1);
    assert_string_equal(ask_sql(&the, "SELECT recipient || ' ' || attempts FROM mail_outbox"), "second@example.org 0");
}

/* As when a stop takes too long: nothing is lost, though it may be sent twice. */
static void a_hard_stop_keeps_the_mail(void **state)
{
    (void)state;
    the_server->hold = 500;
    put("reader@example.org", "text");
    start("smtp");
    while (the_server->connections == 0)
        turn_loop(&the, 20);
    mailer_free(the_mailer);
    the_mailer = NULL;
    request_cancel_all(the.worker->requests);
    for (int i = 0; i < 500 && request_count(the.worker->requests) > 0; i++)
        turn_loop(&the, 20);
    assert_int_equal(request_count(the.worker->requests), 0);
    assert_string_equal(ask_sql(&the, "SELECT count(*) FROM mail_outbox WHERE body = 'text'"), "1");
}

static void a_database_that_is_away_is_waited_for_quietly(void **state)
{
    (void)state;
    db_free(the.worker->db);
    the.settings->postgres_url = "host=/tmp/talelio-no-such-folder dbname=none";
    the.settings->db_wait = 0;
    the.worker->db = db_new(the.worker, NULL);
    start("file");
    turn_loop(&the, 3300);
    logger_flush(the.worker->log);
    assert_int_equal(count_in_log("mail"), 0);
    assert_true(count_in_log("\n") < 6);
    mailer_free(the_mailer);
    db_free(the.worker->db);
    the.settings->postgres_url = the.url;
    the.settings->db_wait = 5000;
    the.worker->db = db_new(the.worker, NULL);
    put("reader@example.org", "text");
    start("file");
    until_empty();
}

static void a_sender_that_is_none_is_told(void **state)
{
    (void)state;
    the.settings->mail_from = "nobody";
    the.settings->mail_driver = "file";
    assert_null(mailer_new(the.worker));
    logger_flush(the.worker->log);
    assert_int_equal(count_in_log("[mail] from"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_file_driver_writes_a_file_and_deletes_the_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failure_is_noted_and_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_mails_go_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_attempt_is_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_attempt_that_never_came_back_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_server_holds_neither_the_loop_nor_a_second_delivery, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopping_finishes_the_mail_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hard_stop_keeps_the_mail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_that_is_away_is_waited_for_quietly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sender_that_is_none_is_told, set_up, tear_down),
    };
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
