/*
 * What a user's public fields may hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "plugins/shared/profile.h"

typedef struct sample {
    const char *text;
    bool allowed;
} sample;

static void avatars_are_paths_and_web_addresses(void **state)
{
    (void)state;
    static const sample samples[] = {
        {"default.jpg", true},
        {"/url/to/avatar.jpg", true},
        {"https://cdn.example.org/a.png?x=1:2#y", true},
        {"HTTP://example.org/a.png", true},
        {"a/b:c", true},
        {"?x=javascript:1", true},
        {"//cdn.example.org/a.png", true},
        {"/bild-\xc3\xa9.png", true},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        assert_int_equal(profile_is_avatar_url(samples[i].text), samples[i].allowed);
}

static void avatars_are_nothing_that_runs_or_breaks_out(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:image/png;base64,AAAA",
        "data:image/png+xml,x",
        "data:,x",
        "http://",
        "HTTPS://",
        "ftp://x",
        "http:example.org",
        "a b.png",
        "/a\tb",
        "/a\nb",
        "java\tscript:alert(1)",
        "/a\x7f",
        "\\\\host\\a",
        ":x",
        " https://example.org/a",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(profile_is_avatar_url(refused[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(avatars_are_paths_and_web_addresses),
        cmocka_unit_test(avatars_are_nothing_that_runs_or_breaks_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
