/*
 * SHA-256 against the examples of its standard (FIPS 180-4, published by NIST).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "plugins/shared/sha256.h"

enum { MILLION = 1000000 };

static const char of_nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char of_abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char of_a_million_a[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void assert_hash(const unsigned char hash[SHA256_BYTES], const char *expected)
{
    char text[2 * SHA256_BYTES + 1];

    sodium_bin2hex(text, sizeof text, hash, SHA256_BYTES);
    assert_string_equal(text, expected);
}

static void bytes_that_lie_together_have_their_hash(void **state)
{
    (void)state;
    unsigned char hash[SHA256_BYTES];

    sha256_of("", 0, hash);
    assert_hash(hash, of_nothing);
    sha256_of("abc", 3, hash);
    assert_hash(hash, of_abc);
}

static void pieces_have_the_hash_of_the_whole(void **state)
{
    (void)state;
    static char piece[4096];
    unsigned char hash[SHA256_BYTES];
    sha256 *s = sha256_new();

    memset(piece, 'a', sizeof piece);
    for (size_t left = MILLION, n = 1; left > 0; left -= n) {
        n = n * 3 % sizeof piece + 1;
        n = n < left ? n : left;
        sha256_add(s, piece, n);
    }
    sha256_end(s, hash);
    sha256_free(s);
    assert_hash(hash, of_a_million_a);
}

static void no_pieces_have_the_hash_of_nothing(void **state)
{
    (void)state;
    unsigned char hash[SHA256_BYTES];
    sha256 *s = sha256_new();

    sha256_end(s, hash);
    sha256_free(s);
    sha256_free(NULL);
    assert_hash(hash, of_nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_lie_together_have_their_hash),
        cmocka_unit_test(pieces_have_the_hash_of_the_whole),
        cmocka_unit_test(no_pieces_have_the_hash_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
