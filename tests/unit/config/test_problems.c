/* The list of problems. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/config/problems.h"

static void a_problem_says_file_and_line_as_far_as_they_are_known(void **state)
{
    (void)state;
    problems *p = problems_new();
    problems_add(p, "a.ini", 12, "no %s", "good");
    problems_add(p, "a.ini", 0, "no good");
    problems_add(p, NULL, 12, "no good");
    assert_string_equal(problems_text(p, 0), "a.ini:12: no good");
    assert_string_equal(problems_text(p, 1), "a.ini: no good");
    assert_string_equal(problems_text(p, 2), "no good");
    assert_null(problems_text(p, 3));
    problems_free(p);
}

static void the_same_problem_is_told_once(void **state)
{
    (void)state;
    problems *p = problems_new();
    problems_add(p, "a.ini", 1, "x");
    problems_add(p, "a.ini", 1, "x");
    problems_add(p, "a.ini", 2, "x");
    assert_int_equal(problems_count(p), 2);
    problems_free(p);
}

static void a_flood_is_cut_off_and_said_so(void **state)
{
    (void)state;
    problems *p = problems_new();
    for (int i = 0; i < 5000; i++)
        problems_add(p, NULL, 0, "%d", i);
    assert_int_equal(problems_count(p), 101);
    assert_non_null(strstr(problems_text(p, 100), "more"));
    problems_free(p);
}

static void printing_gives_a_line_each(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length;
    problems *p = problems_new();
    problems_add(p, "a", 1, "x");
    problems_add(p, "b", 2, "y");
    FILE *out = open_memstream(&text, &length);
    problems_print(p, out);
    fclose(out);
    assert_string_equal(text, "a:1: x\nb:2: y\n");
    free(text);
    problems_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_says_file_and_line_as_far_as_they_are_known),
        cmocka_unit_test(the_same_problem_is_told_once),
        cmocka_unit_test(a_flood_is_cut_off_and_said_so),
        cmocka_unit_test(printing_gives_a_line_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
