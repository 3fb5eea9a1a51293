/*
 * The SMTP side of delivery: what the server hears, and what its answers do.
 */
/* cmocka names a macro "fail", so it comes behind the headers that use the word. */
#include "core/db/db.h"
#include "core/log/log.h"
#include "core/mail/mail.h"
#include "tests/unit/support/fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/mail/delivery_fixture.h"

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
    /* The code stands there once; a time of day or a port may have these digits, too. */
    assert_int_equal(count_in_log(": RCPT failed: 550"), 1);
    assert_int_equal(count_in_log("answer 550"), 0);
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
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also after a crash of the test */
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

static void a_server_that_says_nothing_is_given_up_on(void **state)
{
    (void)state;
    the_server->hold = 120000;
    put("reader@example.org", "text");
    start("smtp");
    until_sql(&the, "SELECT last_error IS NOT NULL FROM mail_outbox", "t");
    assert_string_equal(ask_sql(&the, "SELECT given_up_at IS NULL FROM mail_outbox"), "t");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(smtp_carries_envelope_and_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_text_of_dots_is_carried_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_greylisted_mail_goes_out_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_recipient_is_given_up_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_sender_is_no_reason_to_give_up_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_text_is_no_success, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_said_without_the_tls_that_is_required, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_login_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_certificate_that_nobody_vouches_for_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_says_nothing_is_given_up_on, set_up, tear_down),
    };
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
