/*
 * Password hashes: their form, what passes, and when they are made anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "plugins/auth/password.h"
#include "plugins/shared/earlier_password.h"

#define PREFIX "$argon2id$v=19$m=19456,t=2,p=1$"

/* argon2id over "correct horse battery" with 8 MiB and one pass. */
#define WEAKER "$argon2id$v=19$m=8192,t=1,p=1$LCsxW/SOhokuVAmUUmiHVA$L4Qdrvqq3tHSN6f9Oh3+7D+ogNZmXa0JpfRmHJzlgZs"

static void verify(password_job *job, const char *password, const char *stored)
{
    *job = (password_job){.password = password, .stored = stored};
    password_verify(job);
}

static void a_hash_names_its_parameters(void **state)
{
    (void)state;
    password_job job = {.password = "correct horse battery"};
    password_make(&job);
    assert_memory_equal(job.hash, PREFIX, strlen(PREFIX));
}

static void only_the_right_password_passes(void **state)
{
    (void)state;
    password_job made = {.password = "correct horse battery"}, job;
    password_make(&made);

    verify(&job, "correct horse battery", made.hash);
    assert_true(job.right);
    verify(&job, "correct horse batterz", made.hash);
    assert_false(job.right);
    verify(&job, "", made.hash);
    assert_false(job.right);
}

static void two_hashes_of_one_password_differ(void **state)
{
    (void)state;
    password_job one = {.password = "12345678"}, other = {.password = "12345678"};
    password_make(&one);
    password_make(&other);
    assert_string_not_equal(one.hash, other.hash);
}

static void a_hash_of_the_present_parameters_is_kept(void **state)
{
    (void)state;
    password_job made = {.password = "12345678"}, job;
    password_make(&made);
    verify(&job, "12345678", made.hash);
    assert_true(job.right);
    assert_string_equal(job.hash, "");
}

static void a_hash_of_other_parameters_is_made_anew_for_the_right_password(void **state)
{
    (void)state;
    password_job job;
    verify(&job, "correct horse battery", WEAKER);
    assert_true(job.right);
    assert_memory_equal(job.hash, PREFIX, strlen(PREFIX));
    verify(&job, "something else", WEAKER);
    assert_false(job.right);
    assert_string_equal(job.hash, "");
}

static void nobodys_hash_costs_what_others_cost_and_fits_nothing(void **state)
{
    (void)state;
    password_job job;
    assert_memory_equal(password_nobody, PREFIX, strlen(PREFIX));
    /* 0: a well-formed hash of exactly these parameters. */
    assert_int_equal(crypto_pwhash_str_needs_rehash(password_nobody, 2, 19456 * (size_t)1024), 0);
    verify(&job, "", password_nobody);
    assert_false(job.right);
}

/* SHA3-512 over "correct horse" and the salt behind it. */
#define EARLIER                                                                                                        \
    "94b79dc674fc2f57cfd895d57c4b85d7f10602b79ab16ad2ad39cf860031a059"                                                 \
    "1ec52bd7aec22c131fc7c7990b9ed29cbb787713dba1dc62a4632c2910981834,AbCdE"

static void a_hash_of_the_earlier_service_is_wrapped_and_replaced_at_the_first_right_password(void **state)
{
    (void)state;
    char stored[EARLIER_PASSWORD_SIZE];
    password_job job;
    assert_true(earlier_password_wrap(EARLIER, stored));
    assert_memory_equal(stored, "sha3-512,AbCdE" PREFIX, strlen("sha3-512,AbCdE" PREFIX));
    assert_null(strstr(stored, "94b79dc6"));

    verify(&job, "correct horsf", stored);
    assert_false(job.right);
    assert_string_equal(job.hash, "");
    verify(&job, "correct horse", stored);
    assert_true(job.right);
    assert_memory_equal(job.hash, PREFIX, strlen(PREFIX));
}

static void what_the_earlier_hash_is_made_of_opens_nothing(void **state)
{
    (void)state;
    char stored[EARLIER_PASSWORD_SIZE];
    password_job job;
    assert_true(earlier_password_wrap(EARLIER, stored));

    verify(&job, "94b79dc674fc2f57cfd895d57c4b85d7f10602b79ab16ad2ad39cf860031a059", stored);
    assert_false(job.right);
    verify(&job, EARLIER, stored);
    assert_false(job.right);
    verify(&job, "correct horse", EARLIER); /* as it was, it is no hash here */
    assert_false(job.right);
    stored[9] = 'a'; /* another salt */
    verify(&job, "correct horse", stored);
    assert_false(job.right);
}

static void only_the_earlier_form_is_taken_for_it(void **state)
{
    (void)state;
    char other[sizeof EARLIER + 2] = EARLIER;
    assert_true(earlier_password_is_hash(EARLIER));
    assert_false(earlier_password_is_hash(""));
    assert_false(earlier_password_is_hash("$2b$12$abcdefghijklmnopqrstuv"));
    memcpy(other + sizeof EARLIER - 1, "f", 2); /* six letters */
    assert_false(earlier_password_is_hash(other));
    other[129] = '\0'; /* none */
    assert_false(earlier_password_is_hash(other));
    memcpy(other, EARLIER, sizeof EARLIER);
    other[130] = '1';
    assert_false(earlier_password_is_hash(other));
    memcpy(other, EARLIER, sizeof EARLIER);
    other[0] = 'X';
    assert_false(earlier_password_is_hash(other));
}

static void what_is_no_hash_fits_nothing(void **state)
{
    (void)state;
    password_job job;
    verify(&job, "12345678", "");
    assert_false(job.right);
    verify(&job, "12345678", "12345678");
    assert_false(job.right);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_names_its_parameters),
        cmocka_unit_test(only_the_right_password_passes),
        cmocka_unit_test(two_hashes_of_one_password_differ),
        cmocka_unit_test(a_hash_of_the_present_parameters_is_kept),
        cmocka_unit_test(a_hash_of_other_parameters_is_made_anew_for_the_right_password),
        cmocka_unit_test(nobodys_hash_costs_what_others_cost_and_fits_nothing),
        cmocka_unit_test(a_hash_of_the_earlier_service_is_wrapped_and_replaced_at_the_first_right_password),
        cmocka_unit_test(what_the_earlier_hash_is_made_of_opens_nothing),
        cmocka_unit_test(only_the_earlier_form_is_taken_for_it),
        cmocka_unit_test(what_is_no_hash_fits_nothing),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
