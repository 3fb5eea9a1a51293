/*
 * Names of backups, and keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/backup/keys.h"
#include "plugins/backup/name.h"

static void a_name_tells_its_time(void **state)
{
    char name[BACKUP_NAME];
    int64_t seconds;

    (void)state;
    name_make(1795316400, 0x1a2b3c4d, name);
    assert_string_equal(name, "20261122T030000Z-1a2b3c4d");
    assert_true(name_read(name, &seconds));
    assert_int_equal(seconds, 1795316400);
    name_make(0, 0, name);
    assert_string_equal(name, "19700101T000000Z-00000000");
}

static void every_moment_comes_back(void **state)
{
    (void)state;
    for (int64_t at = 0, seconds; at < INT64_C(250000000000); at += 123456789) {
        char name[BACKUP_NAME];
        name_make(at, (uint32_t)at, name);
        assert_true(name_read(name, &seconds));
        assert_int_equal(seconds, at);
    }
}

static void names_are_in_order_of_time(void **state)
{
    char first[BACKUP_NAME], second[BACKUP_NAME];

    (void)state;
    for (int64_t at = 1; at < INT64_C(10000000000); at = at * 3 + 1) {
        name_make(at, 0xffffffff, first);
        name_make(at + 1, 0, second);
        assert_true(strcmp(first, second) < 0);
    }
}

static void what_is_no_name_is_left_alone(void **state)
{
    static const char *const strange[] = {
        "",
        "latest",
        "20261122T030000Z-1a2b3c4",
        "20261122T030000Z-1a2b3c4d5",
        "20261122T030000Z-1A2B3C4D",
        "20261122T030000Z-1a2b3c4g",
        "20261122t030000Z-1a2b3c4d",
        "20261122T030000Z_1a2b3c4d",
        "20261322T030000Z-1a2b3c4d",
        "20260229T030000Z-1a2b3c4d",
        "20261122T240000Z-1a2b3c4d",
        "20261122T036000Z-1a2b3c4d",
        "20261122T030060Z-1a2b3c4d",
        "19691231T235959Z-1a2b3c4d",
        "+0261122T030000Z-1a2b3c4d",
        "../../../../../../../etc/x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        assert_false(name_read(strange[i], NULL));
    assert_true(name_read("20240229T235959Z-00000000", NULL));
}

static void a_key_is_32_bytes_in_base64(void **state)
{
    static const char sound[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    static const char *const wrong[] = {"",
                                        "hunter2",
                                        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
                                        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ==",
                                        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
                                        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=x"};
    keyring *ring = calloc(1, sizeof *ring);

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_non_null(keyring_add(ring, wrong[i], strlen(wrong[i])));
    assert_int_equal(ring->count, 0);
    assert_null(keyring_add(ring, sound, strlen(sound)));
    assert_int_equal(ring->count, 1);
    for (int i = 1; i < KEYS_MOST; i++)
        assert_null(keyring_add(ring, sound, strlen(sound)));
    assert_non_null(keyring_add(ring, sound, strlen(sound)));
    free(ring);
}

/* Worked out with Python's hashlib.blake2b; backups of years hang on it. */
static void keys_are_derived_as_documented(void **state)
{
    static const char secret[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    keyring *ring = calloc(1, sizeof *ring);
    char text[2 * KEY_BYTES + 1];

    (void)state;
    assert_null(keyring_add(ring, secret, strlen(secret)));
    const backup_key *key = &ring->keys[0];
    assert_string_equal(key->id_text, "a27725163254f5d3");
    assert_string_equal(sodium_bin2hex(text, sizeof text, key->dump, KEY_BYTES),
                        "501596e403425c87ac5d01eb34cb9bc6fee89638f3a0c32190fb7545685d0cd3");
    assert_string_equal(sodium_bin2hex(text, sizeof text, key->manifest, KEY_BYTES),
                        "50ebb7ff5b169188a25ea4afce937d3533cfd519fc28f9a3c859d19fec1cf035");
    assert_ptr_equal(keyring_find(ring, key->id_text), key);
    assert_ptr_equal(keyring_find_id(ring, key->id), key);
    assert_null(keyring_find(ring, "0000000000000000"));
    assert_null(keyring_find(ring, ""));
    free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_tells_its_time),       cmocka_unit_test(every_moment_comes_back),
        cmocka_unit_test(names_are_in_order_of_time),  cmocka_unit_test(what_is_no_name_is_left_alone),
        cmocka_unit_test(a_key_is_32_bytes_in_base64), cmocka_unit_test(keys_are_derived_as_documented),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
