/*
 * The driver `file`: a mail that counts as sent is on the disk, and one that does not has left nothing that looks like
 * one.
 */
/* cmocka names a macro "fail", so it comes behind the headers that use the word. */
#include "core/mail/transport.h"
#include "tests/unit/support/disk.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define NAME "19860604T120000Z-7.eml"

static char root[] = "/tmp/talelio-mail-XXXXXX";
static char folder[64];
static settings the_settings = {.mail_folder = folder};
static const mail_sender sender = {.address = "no-reply@example.org"};

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    snprintf(folder, sizeof folder, "%s/mail", root);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(root);
}

/* How many files there are, with those that are hidden. */
static int count_files(void)
{
    int count = 0;
    DIR *open = opendir(folder);
    assert_non_null(open);
    for (const struct dirent *entry; (entry = readdir(open));)
        count += entry->d_type == DT_REG;
    closedir(open);
    return count;
}

static int set_up(void **state)
{
    (void)state;
    disk_forget();
    return 0;
}

static int tear_down(void **state)
{
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s/" NAME, folder);
    unlink(path);
    return rmdir(folder);
}

static mail_delivery send_one(void)
{
    mail_delivery d = {.settings = &the_settings,
                       .message = {.from = &sender,
                                   .to = "reader@example.org",
                                   .subject = "Subject",
                                   .text = "text",
                                   .id = 7,
                                   .created = INT64_C(518270400000000)}};
    mail_send_file(&d);
    return d;
}

/* Bytes before the name, and the name before the outcome: after that the row is deleted. */
static void a_mail_is_on_the_disk_before_it_counts_as_sent(void **state)
{
    (void)state;
    char expected[256], path[128];
    struct stat about;
    assert_int_equal(send_one().outcome, MAIL_SENT);
    snprintf(path, sizeof path, "%s/" NAME, folder);
    assert_int_equal(stat(path, &about), 0);
    snprintf(expected, sizeof expected, "sync .%s.part of %d\nrename .%s.part to %s\nsync mail/\n", NAME,
             (int)about.st_size, NAME, NAME);
    assert_string_equal(disk_notes, expected);
    assert_int_equal(count_files(), 1);
}

static void one_that_the_disk_does_not_take_is_not_sent_and_leaves_nothing(void **state)
{
    (void)state;
    disk_fails_files = true;
    mail_delivery d = send_one();
    assert_int_equal(d.outcome, MAIL_FAILED);
    assert_string_equal(d.error, "cannot write the file: Input/output error");
    assert_int_equal(count_files(), 0);
}

/* It is tried again, under the same name. */
static void one_whose_name_the_disk_does_not_take_is_not_sent(void **state)
{
    (void)state;
    disk_fails_folders = true;
    mail_delivery d = send_one();
    assert_int_equal(d.outcome, MAIL_FAILED);
    assert_string_equal(d.error, "cannot sync the folder: Input/output error");
    disk_fails_folders = false;
    assert_int_equal(send_one().outcome, MAIL_SENT);
    assert_int_equal(count_files(), 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_mail_is_on_the_disk_before_it_counts_as_sent),
        TEST(one_that_the_disk_does_not_take_is_not_sent_and_leaves_nothing),
        TEST(one_whose_name_the_disk_does_not_take_is_not_sent),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
