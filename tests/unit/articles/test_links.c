/*
 * Dangerous addresses, and addresses of other sites.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "plugins/articles/links.h"

static void what_may_run_is_dangerous(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "javascript:alert(1)",
        "JavaScript:x",
        " javascript:x",
        "java\tscript:x",
        "java\nscript:x",
        "\x01javascript:x",
        "vbscript:x",
        "file:///etc",
        "data:text/html,x",
        "data:,x",
        "data:image/svg+xml,",
        "DATA:x",
        "blob:https://x",
        "filesystem:http:x",
        "view-source:x",
        "data:image/p\tng,",
        "data:image/png+xml,<svg>",
        "data:image/pngx;base64,",
        "data:image/png",
        "data:image/gif#,",
        "data:image/jpeg ;,",
        "data:image/webp/svg+xml,",
        " data:image/png,",
        "data:image/jpg,",
        "d\177ata:image/png,",
        "data:image/png\t;,",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        assert_true(link_is_dangerous(urls[i]));
}

static void what_cannot_run_is_not(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        "/x",
        "x",
        "#javascript:x",
        "/javascript:x",
        "https://x/?javascript:",
        "mailto:a@b",
        "ftp://x",
        "tel:+1",
        "javascript",
        "data:image/png;base64,x",
        "data:image/JPEG;base64,x",
        "DATA:image/webp,x",
        "data.html",
        "file.html",
        "x:y",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        assert_false(link_is_dangerous(urls[i]));
}

static void the_host_of_a_site_is_read(void **state)
{
    (void)state;
    char host[LINK_HOST_SIZE];

    assert_true(link_host("https://www.Talel.io/x", host));
    assert_string_equal(host, "www.talel.io");
    assert_true(link_host("HTTP://localhost:5000", host));
    assert_string_equal(host, "localhost");
    assert_true(link_host("http://[::1]:80/", host));
    assert_string_equal(host, "[::1]");
    assert_true(link_host("http://user:pw@a.org?b", host));
    assert_string_equal(host, "a.org");
    assert_false(link_host("ftp://a.org", host));
    assert_false(link_host("https://", host));
    assert_false(link_host("https:///x", host));
    assert_false(link_host("www.talel.io", host));
}

static void links_to_other_hosts_are_external(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "https://example.org/",
        "http://example.org",
        "//example.org/x",
        "HTTPS://EXAMPLE.ORG",
        "https://talel.io",
        "https://www.talel.io.evil.org",
        "https://www.talel.io@evil.org/",
        "https://evil.org/www.talel.io",
        "https://evil.org\\@www.talel.io/",
        "https:evil.org",
        "ftp://example.org",
        "irc:x",
        "https://",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        assert_true(link_is_external(urls[i], "www.talel.io"));
}

static void links_within_the_site_are_not(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        "/x",
        "x/y",
        "#a",
        "?q=1",
        "/x:y",
        "?u=https://example.org",
        "mailto:a@b.org",
        "MAILTO:a@b.org",
        "tel:+49",
        "https://www.talel.io",
        "http://WWW.talel.io:8080/x",
        "//www.talel.io/",
        "https://me@www.talel.io/",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        assert_false(link_is_external(urls[i], "www.talel.io"));
}

static void a_host_of_any_length_does_no_harm(void **state)
{
    (void)state;
    char url[1000] = "https://", host[LINK_HOST_SIZE];

    memset(url + 8, 'a', 255);
    assert_true(link_host(url, host));
    memset(url + 8, 'a', 256);
    assert_false(link_host(url, host));
    assert_true(link_is_external(url, "www.talel.io"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_run_is_dangerous),     cmocka_unit_test(what_cannot_run_is_not),
        cmocka_unit_test(the_host_of_a_site_is_read),    cmocka_unit_test(links_to_other_hosts_are_external),
        cmocka_unit_test(links_within_the_site_are_not), cmocka_unit_test(a_host_of_any_length_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
