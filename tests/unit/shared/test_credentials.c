/*
 * What an email address, a username and a password may look like.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "plugins/shared/credentials.h"

/* `count` times `piece` into a static buffer. */
static const char *repeated(const char *piece, size_t count)
{
    static char text[1024];

    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        strcat(text, piece);
    return text;
}

static void ordinary_addresses_are_emails(void **state)
{
    (void)state;
    static const char *const emails[] = {
        "talel@talel.io",
        "First.Last+tag@mail.example.org",
        "o'brien@example.org",
        "x@xn--bcher-kva.example",
        "a@b.c",
        "a.b.c@example.org",
        "1_2-3@4-5.example.org",
    };
    for (size_t i = 0; i < sizeof emails / sizeof *emails; i++)
        assert_true(credentials_is_email(emails[i]));
}

static void other_texts_are_no_emails(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "x",
        "@",
        "a@",
        "@b.org",
        "a@b",
        "a@@b.org",
        "a@b@c.org",
        "a b@c.org",
        " a@c.org",
        "a@c.org ",
        "a@b.org\r\nBcc: c@d.org",
        "a@b.org\n",
        "a\x01@b.org",
        "\"a b\"@c.org",
        "a<b@c.org",
        "a,b@c.org",
        "a@[127.0.0.1]",
        "a@b..org",
        "a@.b.org",
        "a@b.org.",
        "a@-b.org",
        "-a@b.org",
        "..@b.org",
        ".a@b.org",
        "a.@b.org",
        "a..b@b.org",
        "a@b.-c.org",
        "a@b.org-",
        "a@b.org..",
        "a@.",
        "a@b-.org",
        "a@b_c.org",
        "\xc3\xa9@b.org",
        "a@b\xc3\xa9.org",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(credentials_is_email(refused[i]));
}

static void an_email_has_at_most_64_before_and_254_in_all(void **state)
{
    (void)state;
    char email[512];

    snprintf(email, sizeof email, "%s@b.org", repeated("x", 64));
    assert_true(credentials_is_email(email));
    snprintf(email, sizeof email, "%s@b.org", repeated("x", 65));
    assert_false(credentials_is_email(email));
    snprintf(email, sizeof email, "aaaa@%sbb.org", repeated("abcdefg.", 30) + 0);
    assert_int_equal(strlen(email), 251);
    assert_true(credentials_is_email(email));
    snprintf(email, sizeof email, "aaaa@%sbb.organic", repeated("abcdefg.", 30));
    assert_int_equal(strlen(email), 255);
    assert_false(credentials_is_email(email));
    snprintf(email, sizeof email, "a@%s.org", repeated("x", 64));
    assert_false(credentials_is_email(email));
}

static void only_ascii_is_ascii(void **state)
{
    (void)state;
    assert_true(credentials_is_ascii("a..b@example.org"));
    assert_false(credentials_is_ascii("\xe2\x84\xaaim@example.org"));
}

static void a_password_is_counted_in_characters(void **state)
{
    (void)state;
    assert_false(credentials_is_password(""));
    assert_false(credentials_is_password(repeated("x", 7)));
    assert_true(credentials_is_password(repeated("x", 8)));
    assert_true(credentials_is_password(repeated("x", 128)));
    assert_false(credentials_is_password(repeated("x", 129)));
    assert_false(credentials_is_password(repeated("\xc3\xa9", 7)));
    assert_true(credentials_is_password(repeated("\xf0\x9f\x91\x8d", 128)));
    assert_false(credentials_is_password(repeated("\xf0\x9f\x91\x8d", 129)));
}

static void trimming_takes_white_space_from_both_ends_only(void **state)
{
    (void)state;
    size_t length;
    const char *text = credentials_trim(" \t a b\r\n", &length);
    assert_int_equal(length, 3);
    assert_memory_equal(text, "a b", 3);
    credentials_trim("  ", &length);
    assert_int_equal(length, 0);
    credentials_trim("", &length);
    assert_int_equal(length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_addresses_are_emails),
        cmocka_unit_test(other_texts_are_no_emails),
        cmocka_unit_test(an_email_has_at_most_64_before_and_254_in_all),
        cmocka_unit_test(only_ascii_is_ascii),
        cmocka_unit_test(a_password_is_counted_in_characters),
        cmocka_unit_test(trimming_takes_white_space_from_both_ends_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
