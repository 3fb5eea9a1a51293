/*
 * Messages and addresses: what goes to the server, byte by byte.
 */
/* cmocka names a macro "fail", so it comes behind the headers that use the word. */
#include "core/mail/message.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char the_text[2 * 1024 * 1024];
static size_t the_length;

static void write_message(const char *from, const char *subject, const char *body)
{
    mail_sender sender;
    assert_true(mail_sender_parse(from, &sender));
    mail_message m = {.from = &sender,
                      .to = "reader@example.org",
                      .subject = subject,
                      .text = body,
                      .id = 7,
                      .created = INT64_C(518313600123456)};
    char *text = mail_message_text(&m, &the_length);
    assert_non_null(text);
    assert_true(the_length < sizeof(the_text));
    assert_int_equal(strlen(text), the_length);
    memcpy(the_text, text, the_length + 1);
    free(text);
}

/* Every line ends in CRLF, no CR or LF stands alone, none is longer than `most`. */
static void check_lines(size_t most)
{
    size_t column = 0;
    assert_true(the_length >= 2 && strcmp(the_text + the_length - 2, "\r\n") == 0);
    for (size_t i = 0; i < the_length; i++) {
        if (the_text[i] == '\n')
            assert_true(i > 0 && the_text[i - 1] == '\r');
        if (the_text[i] == '\r')
            assert_true(the_text[i + 1] == '\n');
        column = the_text[i] == '\n' ? 0 : column + 1;
        assert_true(column <= most + 1);
        assert_true((unsigned char)the_text[i] < 0x80);
    }
}

static const char *body_of(void)
{
    const char *body = strstr(the_text, "\r\n\r\n");
    assert_non_null(body);
    return body + 4;
}

/* How many lines of the head begin with `name`. */
static int headers_named(const char *name)
{
    int count = 0;
    const char *end = body_of() - 2;
    for (const char *line = the_text; line < end; line = strstr(line, "\r\n") + 2)
        count += strncmp(line, name, strlen(name)) == 0;
    return count;
}

static void unquote(const char *in, char *out)
{
    while (*in) {
        if (in[0] == '=' && in[1] == '\r') {
            in += 3;
        } else if (in[0] == '=') {
            unsigned value;
            assert_int_equal(sscanf(in + 1, "%2X", &value), 1);
            *out++ = (char)value;
            in += 3;
        } else {
            *out++ = *in++;
        }
    }
    *out = '\0';
}

static bool is_utf8(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        unsigned char c = (unsigned char)text[i++];
        size_t more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 99;
        for (; more > 0; more--, i++)
            if (more == 99 || i >= length || ((unsigned char)text[i] & 0xc0) != 0x80)
                return false;
    }
    return true;
}

/* Decodes the encoded words behind a header's name. */
static void decode_header(const char *name, char *out, size_t size)
{
    size_t used = 0;
    const char *at = strstr(the_text, name);
    assert_non_null(at);
    at += strlen(name);
    while (strncmp(at, "=?UTF-8?B?", 10) == 0) {
        const char *end = strstr(at + 10, "?=");
        assert_true(end + 2 - at <= 75);
        size_t got;
        assert_int_equal(sodium_base642bin((unsigned char *)out + used, size - used - 1, at + 10,
                                           (size_t)(end - at - 10), NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL),
                         0);
        assert_true(is_utf8(out + used, got));
        used += got;
        at = end + 2;
        if (strncmp(at, "\r\n =?", 5) == 0)
            at += 3;
    }
    out[used] = '\0';
}

static void plain_text_goes_out_as_it_is(void **state)
{
    (void)state;
    write_message("Talelio <no-reply@example.org>", "Verify your account", "Hello\n\nhttp://x/verify/a=b\n");
    assert_string_equal(the_text, "Date: Thu, 05 Jun 1986 00:00:00 +0000\r\n"
                                  "From: \"Talelio\"\r\n"
                                  " <no-reply@example.org>\r\n"
                                  "To: <reader@example.org>\r\n"
                                  "Subject: Verify your account\r\n"
                                  "Message-ID: <7.518313600123456@example.org>\r\n"
                                  "MIME-Version: 1.0\r\n"
                                  "Content-Type: text/plain; charset=utf-8\r\n"
                                  "Content-Transfer-Encoding: 7bit\r\n"
                                  "Auto-Submitted: auto-generated\r\n"
                                  "\r\n"
                                  "Hello\r\n"
                                  "\r\n"
                                  "http://x/verify/a=b\r\n");
}

static void line_ends_become_crlf_once(void **state)
{
    (void)state;
    write_message("a@example.org", "s", "one\r\ntwo\nthree");
    assert_string_equal(body_of(), "one\r\ntwo\r\nthree\r\n");
}

static void an_empty_text_is_a_message(void **state)
{
    (void)state;
    write_message("a@example.org", "s", "");
    assert_string_equal(body_of(), "");
}

static void a_subject_in_other_letters_is_encoded(void **state)
{
    (void)state;
    const char *subject = "Bitte bestätige dein Konto: 你好，世界！你好，世界！你好，世界！你好，世界！ 👍👍👍👍👍👍👍";
    char back[600];
    write_message("a@example.org", subject, "x");
    check_lines(78);
    decode_header("Subject: ", back, sizeof(back));
    assert_string_equal(back, subject);
}

static void a_long_subject_is_folded(void **state)
{
    (void)state;
    char subject[501], back[600];
    memset(subject, 'x', 500);
    subject[500] = '\0';
    write_message("a@example.org", subject, "x");
    check_lines(78);
    decode_header("Subject: ", back, sizeof(back));
    assert_string_equal(back, subject);
}

static void a_subject_that_looks_encoded_stays_what_it_is(void **state)
{
    (void)state;
    char back[600];
    write_message("a@example.org", "=?UTF-8?B?eA==?=", "x");
    decode_header("Subject: ", back, sizeof(back));
    assert_string_equal(back, "=?UTF-8?B?eA==?=");
}

static void other_letters_in_the_text_are_quoted(void **state)
{
    (void)state;
    const char *text = "Grüße = 你好\r\n.dot\r\ntrailing space \r\ntab\t\r\n\xff\x01 bare\rreturn\r\n";
    static char back[1000];
    write_message("a@example.org", "s", text);
    assert_non_null(strstr(the_text, "Content-Transfer-Encoding: quoted-printable\r\n"));
    check_lines(76);
    unquote(body_of(), back);
    assert_string_equal(back, text);
    for (const char *p = body_of(); (p = strstr(p, "\r\n")); p += 2)
        assert_true(p[2] != '.' && p[-1] != ' ' && p[-1] != '\t');
}

static void a_very_long_line_is_broken_and_whole_again(void **state)
{
    (void)state;
    static char text[100001], back[100100];
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = i % 3 ? '.' : '=';
    write_message("a@example.org", "s", text);
    check_lines(76);
    for (const char *p = body_of(); (p = strstr(p, "\r\n")); p += 2)
        assert_true(p[2] != '.');
    unquote(body_of(), back);
    assert_memory_equal(back, text, sizeof(text) - 1);
}

static void a_line_break_cannot_add_a_header(void **state)
{
    (void)state;
    write_message("a@example.org", "x\r\nBcc: victim@example.org\r\n\r\nbody", "text");
    assert_int_equal(headers_named("Bcc:"), 0);
    assert_int_equal(headers_named("Subject:"), 1);
    assert_string_equal(body_of(), "text\r\n");
}

static void a_sender_may_have_any_name(void **state)
{
    (void)state;
    char back[300];
    write_message("Quotes \" and \\ <a@example.org>", "s", "x");
    assert_non_null(strstr(the_text, "From: \"Quotes \\\" and \\\\\"\r\n <a@example.org>\r\n"));
    write_message("Zoë <a@example.org>", "s", "x");
    decode_header("From: ", back, sizeof(back));
    assert_string_equal(back, "Zoë");
    write_message("a@example.org", "s", "x");
    assert_non_null(strstr(the_text, "From: <a@example.org>\r\n"));
}

static void senders_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *address;
    } right[] = {
        {"a@b.org", "", "a@b.org"},
        {"  a@b.org ", "", "a@b.org"},
        {"<a@b.org>", "", "a@b.org"},
        {"Name <a@b.org>", "Name", "a@b.org"},
        {"Two Words<a@localhost>", "Two Words", "a@localhost"},
        {"\"In, quotes\" <a@b.org>", "In, quotes", "a@b.org"},
    };
    mail_sender sender;
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        assert_true(mail_sender_parse(right[i].text, &sender));
        assert_string_equal(sender.name, right[i].name);
        assert_string_equal(sender.address, right[i].address);
    }
    static const char *const wrong[] = {
        "", "Name", "Name <>", "Name <a@b.org", "a@b.org>", "a@b.org, c@d.org", "Name\r\n <a@b.org>", "<a@b.org> x"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (mail_sender_parse(wrong[i], &sender))
            fail_msg("taken for a sender: '%s'", wrong[i]);
}

static void recipients_are_judged(void **state)
{
    (void)state;
    static const char *const right[] = {"a@b", "first.last+tag@example.org", "o'neil@example.org", "grüße@münchen.de"};
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
        if (!mail_address_is_valid(right[i]))
            fail_msg("refused: '%s'", right[i]);
    static const char *const wrong[] = {
        "",        "@",
        "a",       "a@",
        "@b",      "a@b@c",
        "a b@c",   "a@b\r\nX:",
        "a@b\n",   "<a@b>",
        "a@b,c@d", "a@b;c",
        "\"a\"@b", "a@[127.0.0.1]",
        "a@b>",    "a@.b",
        "a@b.",    "a\tb@c",
        "a@b c",   "a(x)@b",
        ".a@b",    "a.@b",
        "a..b@c",  "a@b..c",
        "-oX@b",   "0123456789012345678901234567890123456789012345678901234567890123456789@b",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (mail_address_is_valid(wrong[i]))
            fail_msg("accepted: '%s'", wrong[i]);
    char longest[400] = "a@";
    memset(longest + 2, 'b', 252);
    assert_true(mail_address_is_valid(longest));
    longest[254] = 'b';
    assert_false(mail_address_is_valid(longest));
}

static void the_log_shows_little_of_an_address(void **state)
{
    (void)state;
    char masked[64];
    mail_address_mask("reader@example.org", masked, sizeof(masked));
    assert_string_equal(masked, "r***@example.org");
    mail_address_mask("üser@example.org", masked, sizeof(masked));
    assert_string_equal(masked, "***@example.org");
    mail_address_mask("nothing", masked, sizeof(masked));
    assert_string_equal(masked, "n***");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_goes_out_as_it_is),
        cmocka_unit_test(line_ends_become_crlf_once),
        cmocka_unit_test(an_empty_text_is_a_message),
        cmocka_unit_test(a_subject_in_other_letters_is_encoded),
        cmocka_unit_test(a_long_subject_is_folded),
        cmocka_unit_test(a_subject_that_looks_encoded_stays_what_it_is),
        cmocka_unit_test(other_letters_in_the_text_are_quoted),
        cmocka_unit_test(a_very_long_line_is_broken_and_whole_again),
        cmocka_unit_test(a_line_break_cannot_add_a_header),
        cmocka_unit_test(a_sender_may_have_any_name),
        cmocka_unit_test(senders_are_understood),
        cmocka_unit_test(recipients_are_judged),
        cmocka_unit_test(the_log_shows_little_of_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
