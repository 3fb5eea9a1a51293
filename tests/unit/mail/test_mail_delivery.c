/*
 * Delivery: from the outbox to a folder and to an SMTP server, with everything that can go wrong there.
 */
/* cmocka names a macro "fail", so it comes behind the headers that use the word. */
#include "core/db/db.h"
#include "core/log/log.h"
#include "core/mail/mail.h"
#include "tests/unit/support/fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/mail/outbox_fixture.h"
#include "tests/unit/mail/smtp_server.h"

static outbox_fixture the;
static mailer *the_mailer;
static smtp_server *the_server;
static char the_folder[64];
static char the_url[64];

static int set_up(void **state)
{
    (void)state;
    outbox_fixture_make(&the);
    strcpy(the_folder, "/tmp/talelio-mail-XXXXXX");
    assert_non_null(mkdtemp(the_folder));
    assert_int_equal(rmdir(the_folder), 0);
    the.settings->mail_folder = the_folder;
    the.settings->mail_from = "Talelio <no-reply@example.org>";
    the_server = smtp_server_start();
    snprintf(the_url, sizeof(the_url), "smtp://127.0.0.1:%d", the_server->port);
    the.settings->smtp_url = the_url;
    the.settings->smtp_tls = "off";
    return 0;
}

static void remove_folder(void)
{
    char path[400];
    DIR *folder = opendir(the_folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(path, sizeof(path), "%s/%s", the_folder, entry->d_name);
        unlink(path);
    }
    if (folder)
        closedir(folder);
    rmdir(the_folder);
}

static int tear_down(void **state)
{
    (void)state;
    mailer_free(the_mailer);
    the_mailer = NULL;
    smtp_server_stop(the_server);
    outbox_fixture_free(&the);
    remove_folder();
    return 0;
}

static void start(const char *driver)
{
    the.settings->mail_driver = driver;
    the_mailer = mailer_new(the.worker);
    assert_non_null(the_mailer);
}

static void put(const char *recipient, const char *body)
{
    char sql[1024];
    snprintf(sql, sizeof(sql), "INSERT INTO mail_outbox (recipient, subject, body) VALUES ('%s', 'Subject', '%s')",
             recipient, body);
    run_sql(&the, sql);
}

static void make_due(void)
{
    run_sql(&the, "UPDATE mail_outbox SET next_attempt_at = now()");
}

static void until_empty(void)
{
    until_sql(&the, "SELECT count(*) FROM mail_outbox", "0");
}

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

static void smtp_carries_envelope_and_text(void **state)
{
    (void)state;
    put("reader@example.org", ".starts with a dot\n..two\n.\nend");
    start("smtp");
    until_empty();
    assert_non_null(strstr(the_server->heard, "MAIL FROM:<no-reply@example.org>"));
    assert_non_null(strstr(the_server->heard, "RCPT TO:<reader@example.org>\r\n"));
    assert_non_null(strstr(the_server->message, "\r\n\r\n..starts with a dot\r\n...two\r\n..\r\nend\r\n"));
    assert_null(strstr(the_server->heard, "AUTH"));
}

static void a_text_of_dots_is_carried_whole(void **state)
{
    (void)state;
    run_sql(&the, "INSERT INTO mail_outbox (recipient, subject, body)"
                  " VALUES ('reader@example.org', 's', repeat(E'.\\n', 100000))");
    start("smtp");
    until_empty();
    const char *body = strstr(the_server->message, "\r\n\r\n") + 4;
    for (int i = 0; i < 100000; i++, body += 4)
        assert_memory_equal(body, "..\r\n", 4);
    assert_string_equal(body, "");
}

static void a_greylisted_mail_goes_out_later(void **state)
{
    (void)state;
    the_server->recipient = "451 come again\r\n";
    put("reader@example.org", "text");
    start("smtp");
    until_sql(&the, "SELECT last_error IS NOT NULL FROM mail_outbox", "t");
    assert_string_equal(ask_sql(&the, "SELECT given_up_at IS NULL AND body = 'text' FROM mail_outbox"), "t");
    assert_non_null(strstr(ask_sql(&the, "SELECT last_error FROM mail_outbox"), "451"));
    the_server->recipient = "250 fine\r\n";
    make_due();
    until_empty();
}

static void a_refused_recipient_is_given_up_at_once(void **state)
{
    (void)state;
    the_server->recipient = "550 <reader@example.org> nobody here\r\n";
    put("reader@example.org", "secret token");
    start("smtp");
    until_sql(&the, "SELECT given_up_at IS NOT NULL FROM mail_outbox", "t");
    assert_string_equal(ask_sql(&the, "SELECT body IS NULL AND attempts = 1 FROM mail_outbox"), "t");
    assert_null(strstr(ask_sql(&the, "SELECT last_error FROM mail_outbox"), "nobody here"));
    assert_int_equal(count_in_log("mail 1 to r***@example.org given up"), 1);
    assert_int_equal(count_in_log("550"), 1);
    assert_int_equal(count_in_log("reader@"), 0);
}

static void a_refused_sender_is_no_reason_to_give_up_at_once(void **state)
{
    (void)state;
    the_server->mail = "550 you may not\r\n";
    put("reader@example.org", "text");
    start("smtp");
    until_sql(&the, "SELECT last_error IS NOT NULL FROM mail_outbox", "t");
    assert_string_equal(ask_sql(&the, "SELECT given_up_at IS NULL FROM mail_outbox"), "t");
}

static void a_refused_text_is_no_success(void **state)
{
    (void)state;
    the_server->data = "554 looks like spam\r\n";
    put("reader@example.org", "text");
    start("smtp");
    until_sql(&the, "SELECT last_error IS NOT NULL FROM mail_outbox", "t");
    assert_non_null(strstr(ask_sql(&the, "SELECT last_error FROM mail_outbox"), "554"));
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

static void nothing_is_said_without_the_tls_that_is_required(void **state)
{
    (void)state;
    the.settings->smtp_tls = "require";
    the.settings->smtp_username = "site";
    the.settings->smtp_password = "smtp-secret";
    the_server->ehlo = "250-test\r\n250 AUTH PLAIN LOGIN\r\n";
    put("reader@example.org", "text");
    start("smtp");
    until_sql(&the, "SELECT last_error IS NOT NULL FROM mail_outbox", "t");
    assert_int_equal(the_server->connections, 1);
    assert_null(strstr(the_server->heard, "AUTH"));
    assert_null(strstr(the_server->heard, "MAIL"));
    assert_int_equal(count_in_log("smtp-secret"), 0);
}

static void the_login_is_sent(void **state)
{
    (void)state;
    the.settings->smtp_username = "site";
    the.settings->smtp_password = "smtp-secret";
    the_server->ehlo = "250-test\r\n250 AUTH PLAIN\r\n";
    put("reader@example.org", "text");
    start("smtp");
    until_empty();
    /* base64 of "\0site\0smtp-secret" */
    assert_non_null(strstr(the_server->heard, "AHNpdGUAc210cC1zZWNyZXQ="));
    assert_int_equal(count_in_log("smtp-secret"), 0);
}

/* An SMTP server behind TLS with a certificate that nobody has signed. */
static pid_t start_tls_server(const char *folder, int port)
{
    char command[1024];
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost -days "
             "2 -keyout %s/key -out %s/cert "
             ">%s/log 2>&1",
             folder, folder, folder);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof(command), "%s/key", folder);
    char certificate[512], address[64];
    snprintf(certificate, sizeof(certificate), "%s/cert", folder);
    snprintf(address, sizeof(address), "127.0.0.1:%d", port);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execlp("openssl", "openssl", "s_server", "-quiet", "-accept", address, "-key", command, "-cert", certificate,
               (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void a_certificate_that_nobody_vouches_for_is_refused(void **state)
{
    (void)state;
    char url[64];
    assert_int_equal(mkdir(the_folder, 0700), 0);
    /* A port that was free a moment ago. */
    int probe = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(any);
    assert_int_equal(bind(probe, (struct sockaddr *)&any, size), 0);
    assert_int_equal(getsockname(probe, (struct sockaddr *)&any, &size), 0);
    close(probe);
    pid_t pid = start_tls_server(the_folder, ntohs(any.sin_port));
    snprintf(url, sizeof(url), "smtps://localhost:%d", ntohs(any.sin_port));
    for (int i = 0, fd = -1; i < 500 && fd < 0; i++) {
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&any, size) == 0) {
            close(fd);
            break;
        }
        close(fd);
        fd = -1;
        usleep(20000);
    }
    the.settings->smtp_url = url;
    the.settings->smtp_tls = "require";
    put("reader@example.org", "text");
    start("smtp");
    until_sql(&the, "SELECT last_error IS NOT NULL FROM mail_outbox", "t");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    const char *error = ask_sql(&the, "SELECT last_error FROM mail_outbox");
    /* The name is right, so only the missing signature is left. */
    if (!strstr(error, "self-signed certificate") && !strstr(error, "self signed certificate"))
        fail_msg("not refused for its certificate: %s", error);
}

static void count_up(tl_request *req, void *arg)
{
    int *turns = arg;
    while (*turns < 20 && request_sleep(req, 10) == TL_OK)
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
    assert_int_equal(turns, 20);
    assert_int_equal(the_server->connections, 1);
    until_empty();
    assert_false(the_server->overlapped);
    assert_int_equal(the_server->connections, 2);
}

static void a_server_that_says_nothing_is_given_up_on(void **state)
{
    (void)state;
    the_server->hold = 120000;
    put("reader@example.org", "text");
    start("smtp");
    until_sql(&the, "SELECT last_error IS NOT NULL FROM mail_outbox", "t");
    assert_string_equal(ask_sql(&the, "SELECT given_up_at IS NULL FROM mail_outbox"), "t");
}

static void stopping_in_the_middle_ends_cleanly(void **state)
{
    (void)state;
    the_server->hold = 500;
    put("reader@example.org", "text");
    start("smtp");
    while (the_server->connections == 0)
        turn_loop(&the, 20);
    mailer_free(the_mailer);
    the_mailer = NULL;
    for (int i = 0; i < 500 && request_count(the.worker->requests) > 0; i++)
        turn_loop(&the, 20);
    assert_int_equal(request_count(the.worker->requests), 0);
    /* It may have gone out; nobody has lost it. */
    assert_string_equal(ask_sql(&the, "SELECT count(*) FROM mail_outbox"), "1");
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
        cmocka_unit_test_setup_teardown(smtp_carries_envelope_and_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_text_of_dots_is_carried_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_greylisted_mail_goes_out_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_recipient_is_given_up_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_sender_is_no_reason_to_give_up_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_text_is_no_success, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_attempt_is_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_attempt_that_never_came_back_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_said_without_the_tls_that_is_required, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_login_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_certificate_that_nobody_vouches_for_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_server_holds_neither_the_loop_nor_a_second_delivery, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_says_nothing_is_given_up_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopping_in_the_middle_ends_cleanly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_that_is_away_is_waited_for_quietly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sender_that_is_none_is_told, set_up, tear_down),
    };
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
