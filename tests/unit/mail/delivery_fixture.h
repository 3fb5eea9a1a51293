/*
 * Both ends of delivery: the outbox, a folder and an SMTP server, each of the test's own.
 */
#ifndef TESTS_UNIT_MAIL_DELIVERY_FIXTURE_H
#define TESTS_UNIT_MAIL_DELIVERY_FIXTURE_H

#include <dirent.h>

#include "tests/unit/mail/outbox_fixture.h"
#include "tests/unit/mail/smtp_server.h"

static outbox_fixture the;
static mailer *the_mailer;
static smtp_server *the_server;
static char the_folder[64];
static char the_url[64];

static inline int set_up(void **state)
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

static inline void remove_folder(void)
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

static inline int tear_down(void **state)
{
    (void)state;
    mailer_free(the_mailer);
    the_mailer = NULL;
    smtp_server_stop(the_server);
    outbox_fixture_free(&the);
    remove_folder();
    return 0;
}

static inline void start(const char *driver)
{
    the.settings->mail_driver = driver;
    the_mailer = mailer_new(the.worker);
    assert_non_null(the_mailer);
}

static inline void put(const char *recipient, const char *body)
{
    char sql[1024];
    snprintf(sql, sizeof(sql), "INSERT INTO mail_outbox (recipient, subject, body) VALUES ('%s', 'Subject', '%s')",
             recipient, body);
    run_sql(&the, sql);
}

static inline void make_due(void)
{
    run_sql(&the, "UPDATE mail_outbox SET next_attempt_at = now()");
}

static inline void until_empty(void)
{
    until_sql(&the, "SELECT count(*) FROM mail_outbox", "0");
}

#endif
