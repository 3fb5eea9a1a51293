/*
 * The outbox: what is queued, with whose transaction, and who may take it.
 */
/* cmocka names a macro "fail", so it comes behind the headers that use the word. */
#include "core/db/db.h"
#include "core/log/log.h"
#include "core/mail/mail.h"
#include "core/mail/outbox.h"
#include "tests/unit/support/fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/mail/outbox_fixture.h"

static outbox_fixture the;

static int set_up(void **state)
{
    (void)state;
    outbox_fixture_make(&the);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    outbox_fixture_free(&the);
    return 0;
}

static void queue_one(tl_request *req, void *arg)
{
    (void)arg;
    assert_int_equal(mail_queue(req, "reader@example.org", "Hällo", "text\n"), TL_OK);
}

static void a_mail_becomes_a_row(void **state)
{
    (void)state;
    fixture_run(the.worker, queue_one, NULL);
    assert_string_equal(ask_sql(&the, "SELECT recipient || '|' || subject || '|' || body || '|' || attempts"
                                      " FROM mail_outbox WHERE next_attempt_at <= now()"),
                        "reader@example.org|Hällo|text\n|0");
}

static void queue_and_roll_back(tl_request *req, void *arg)
{
    assert_int_equal(db_begin(req), TL_OK);
    queue_one(req, NULL);
    assert_int_equal(*(bool *)arg ? db_commit(req) : db_rollback(req), TL_OK);
}

static void a_mail_shares_the_fate_of_the_transaction(void **state)
{
    (void)state;
    bool commit = false;
    fixture_run(the.worker, queue_and_roll_back, &commit);
    assert_string_equal(ask_sql(&the, "SELECT count(*) FROM mail_outbox"), "0");
    commit = true;
    fixture_run(the.worker, queue_and_roll_back, &commit);
    assert_string_equal(ask_sql(&the, "SELECT count(*) FROM mail_outbox"), "1");
}

static void queue_wrong(tl_request *req, void *arg)
{
    (void)arg;
    static char long_subject[502];
    memset(long_subject, 'x', sizeof(long_subject) - 1);
    assert_int_equal(mail_queue(req, "a@b\r\nBcc: c@d", "s", "t"), TL_ERROR);
    assert_int_equal(mail_queue(req, "a@b, c@d", "s", "t"), TL_ERROR);
    assert_int_equal(mail_queue(req, "a@b", "s\r\nBcc: c@d", "t"), TL_ERROR);
    assert_int_equal(mail_queue(req, "a@b", "", "t"), TL_ERROR);
    assert_int_equal(mail_queue(req, "a@b", long_subject, "t"), TL_ERROR);
    assert_int_equal(mail_queue(req, NULL, "s", "t"), TL_ERROR);
    assert_int_equal(mail_queue(req, "a@b", "s", NULL), TL_ERROR);
}

static void what_could_smuggle_a_header_is_refused(void **state)
{
    (void)state;
    fixture_run(the.worker, queue_wrong, NULL);
    logger_flush(the.worker->log);
    assert_int_equal(count_in_log("a mail is refused"), 7);
    assert_string_equal(ask_sql(&the, "SELECT count(*) FROM mail_outbox"), "0");
}

static void lease_twice(tl_request *req, void *arg)
{
    (void)arg;
    outbox_mail first, second;
    queue_one(req, NULL);
    assert_int_equal(outbox_lease(req, &first), 1);
    assert_int_equal(first.attempt, 1);
    assert_string_equal(first.message.to, "reader@example.org");
    assert_string_equal(first.message.subject, "Hällo");
    assert_string_equal(first.message.text, "text\n");
    assert_true(first.message.created > INT64_C(1600000000000000));
    assert_int_equal(outbox_lease(req, &second), 0);
}

static void a_leased_mail_is_nobody_elses(void **state)
{
    (void)state;
    fixture_run(the.worker, lease_twice, NULL);
}

static void come_late(tl_request *req, void *arg)
{
    (void)arg;
    outbox_mail late, current;
    queue_one(req, NULL);
    assert_int_equal(outbox_lease(req, &late), 1);
    run_sql(&the, "UPDATE mail_outbox SET next_attempt_at = now()");
    assert_int_equal(outbox_lease(req, &current), 1);
    assert_int_equal(current.attempt, 2);
    assert_int_equal(outbox_retry(req, &late, 10, "late"), TL_OK);
    assert_int_equal(outbox_give_up(req, &late, "late"), TL_OK);
    assert_string_equal(ask_sql(&the, "SELECT last_error IS NULL AND given_up_at IS NULL FROM mail_outbox"), "t");
    assert_int_equal(outbox_give_up(req, &current, "current"), TL_OK);
    assert_string_equal(ask_sql(&the, "SELECT last_error FROM mail_outbox"), "current");
}

static void a_lease_that_has_run_out_changes_nothing(void **state)
{
    (void)state;
    fixture_run(the.worker, come_late, NULL);
}

static void lease_the_one_that_is_free(tl_request *req, void *arg)
{
    (void)arg;
    outbox_mail mail;
    assert_int_equal(outbox_lease(req, &mail), 1);
    assert_string_equal(mail.message.to, "reader@example.org");
    assert_int_equal(outbox_lease(req, &mail), 0);
}

static void a_locked_row_is_skipped(void **state)
{
    (void)state;
    fixture_run(the.worker, queue_one, NULL);
    run_sql(&the, "INSERT INTO mail_outbox (recipient, subject, body, next_attempt_at)"
                  " VALUES ('second@example.org', 's', 't', now() - interval '1 second')");
    run_sql(&the, "BEGIN; SELECT 1 FROM mail_outbox WHERE recipient = 'second@example.org' FOR UPDATE");
    fixture_run(the.worker, lease_the_one_that_is_free, NULL);
    run_sql(&the, "ROLLBACK");
}

static void clean(tl_request *req, void *arg)
{
    (void)arg;
    assert_int_equal(outbox_clean(req), TL_OK);
}

static void only_what_was_given_up_long_ago_is_cleaned(void **state)
{
    (void)state;
    run_sql(&the, "INSERT INTO mail_outbox (recipient, subject, body, given_up_at, created_at) VALUES"
                  " ('old@example.org', 's', NULL, now() - interval '31 days', now()),"
                  " ('new@example.org', 's', NULL, now() - interval '29 days', now()),"
                  " ('due@example.org', 's', 't', NULL, now() - interval '31 days')");
    fixture_run(the.worker, clean, NULL);
    assert_string_equal(ask_sql(&the, "SELECT string_agg(recipient, ',' ORDER BY id) FROM mail_outbox"),
                        "new@example.org,due@example.org");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mail_becomes_a_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mail_shares_the_fate_of_the_transaction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_could_smuggle_a_header_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_leased_mail_is_nobody_elses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lease_that_has_run_out_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_locked_row_is_skipped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_what_was_given_up_long_ago_is_cleaned, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
