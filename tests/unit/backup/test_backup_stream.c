/*
 * The format of encrypted dumps: what was sealed is opened, in pieces of any size; what is not exactly that is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "plugins/backup/stream.h"

enum { CHUNKS = 3, PLAIN = (CHUNKS - 1) * STREAM_CHUNK + 1000, ROOM = PLAIN + 8 * STREAM_CHUNK };

typedef struct sample {
    keyring ring, other;
    unsigned char *plain, *sealed, *out;
    size_t length; /* of what is sealed */
} sample;

static const char first_secret[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
static const char other_secret[] = "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

static size_t seal_all(const backup_key *key, const unsigned char *plain, size_t length, unsigned char *out)
{
    sealer s;
    size_t used = STREAM_HEADER, at = 0;

    sealer_begin(&s, key, out);
    do {
        size_t count = length - at < STREAM_CHUNK ? length - at : STREAM_CHUNK;
        used += sealer_chunk(&s, plain + at, count, at + count == length, out + used);
        at += count;
    } while (at < length);
    return used;
}

static int set_up(void **state)
{
    sample *s = calloc(1, sizeof *s);

    keyring_add(&s->ring, first_secret, strlen(first_secret));
    keyring_add(&s->other, other_secret, strlen(other_secret));
    s->plain = malloc(ROOM);
    s->sealed = malloc(ROOM);
    s->out = malloc(ROOM + ROOM);
    for (size_t i = 0; i < PLAIN; i++)
        s->plain[i] = (unsigned char)(i * 31 + i / 251);
    s->length = seal_all(&s->ring.keys[0], s->plain, PLAIN, s->sealed);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    sample *s = *state;

    free(s->plain);
    free(s->sealed);
    free(s->out);
    free(s);
    return 0;
}

/* Opens in pieces; what came out is in s->out, its length in `*plain`. */
static opened open_all(sample *s, const keyring *ring, const unsigned char *bytes, size_t length, size_t piece,
                       size_t *plain)
{
    opener *o = malloc(sizeof *o);
    size_t count;
    opened result = OPENED;

    *plain = 0;
    opener_begin(o, ring);
    for (size_t at = 0; at < length && result == OPENED; at += piece) {
        size_t some = length - at < piece ? length - at : piece;
        result = opener_feed(o, bytes + at, some, s->out + *plain, &count);
        *plain += count;
    }
    if (result == OPENED) {
        result = opener_end(o, s->out + *plain, &count);
        *plain += count;
    }
    assert_int_equal(result, o->result);
    free(o);
    return result;
}

static opened try(sample *s)
{
    size_t plain;
    opened result = open_all(s, &s->ring, s->sealed, s->length, 70000, &plain);

    /* Nothing ever comes out that was not put in at this place. */
    assert_true(plain <= PLAIN);
    assert_memory_equal(s->out, s->plain, plain);
    return result;
}

static void what_was_sealed_is_opened_in_pieces_of_any_size(void **state)
{
    static const size_t pieces[] = {1000, 4096, STREAM_SEALED - 1, STREAM_SEALED, STREAM_SEALED + 1, 1 << 20};
    sample *s = *state;
    size_t plain;

    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        assert_int_equal(open_all(s, &s->ring, s->sealed, s->length, pieces[i], &plain), OPENED);
        assert_int_equal(plain, PLAIN);
        assert_memory_equal(s->out, s->plain, PLAIN);
    }
}

static void every_length_around_a_chunk_comes_back(void **state)
{
    static const size_t lengths[] = {0,
                                     1,
                                     STREAM_CHUNK - 1,
                                     STREAM_CHUNK,
                                     STREAM_CHUNK + 1,
                                     2 * STREAM_CHUNK - 1,
                                     2 * STREAM_CHUNK,
                                     2 * STREAM_CHUNK + 1};
    sample *s = *state;
    size_t plain;

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        s->length = seal_all(&s->ring.keys[0], s->plain, lengths[i], s->sealed);
        assert_int_equal(open_all(s, &s->ring, s->sealed, s->length, 5000, &plain), OPENED);
        assert_int_equal(plain, lengths[i]);
        assert_memory_equal(s->out, s->plain, plain);
    }
}

static void every_flipped_bit_is_noticed(void **state)
{
    sample *s = *state;

    for (size_t at = 0; at < s->length; at += at < STREAM_HEADER + 40 ? 1 : 9973) {
        s->sealed[at] ^= (unsigned char)(1 << at % 8);
        opened result = try(s);
        if (at < STREAM_MAGIC_BYTES)
            assert_int_equal(result, OPENED_STRANGE);
        else if (at < STREAM_LABEL)
            assert_int_equal(result, OPENED_OTHER_KEY);
        else
            assert_true(result == OPENED_ALTERED || result == OPENED_SHORT);
        s->sealed[at] ^= (unsigned char)(1 << at % 8);
    }
    assert_int_equal(try(s), OPENED);
}

static void every_missing_tail_is_noticed(void **state)
{
    sample *s = *state;
    size_t whole = s->length;

    for (s->length = 0; s->length < whole; s->length += s->length < 200 ? 1 : 7919)
        assert_int_equal(try(s), OPENED_SHORT);
    /* Exactly one or two whole chunks, where nothing looks torn off. */
    for (size_t chunks = 0; chunks < CHUNKS; chunks++) {
        s->length = STREAM_HEADER + chunks * STREAM_SEALED;
        assert_int_equal(try(s), OPENED_SHORT);
    }
    s->length = whole - 1;
    assert_int_equal(try(s), OPENED_SHORT);
}

static void swapped_repeated_and_dropped_chunks_are_noticed(void **state)
{
    sample *s = *state;
    unsigned char *first = s->sealed + STREAM_HEADER, *second = first + STREAM_SEALED, *kept = malloc(STREAM_SEALED);

    memcpy(kept, first, STREAM_SEALED);
    memcpy(first, second, STREAM_SEALED);
    assert_int_equal(try(s), OPENED_ALTERED);
    memcpy(second, kept, STREAM_SEALED);
    assert_int_equal(try(s), OPENED_ALTERED);
    memcpy(first, kept, STREAM_SEALED);
    assert_int_equal(try(s), OPENED_ALTERED);
    free(kept);
    memmove(first, second, s->length - STREAM_HEADER - STREAM_SEALED);
    s->length -= STREAM_SEALED;
    assert_true(try(s) != OPENED);
}

static void what_follows_the_last_chunk_is_noticed(void **state)
{
    sample *s = *state;

    /* The last chunk is whole: then it is known as the last. */
    s->length = seal_all(&s->ring.keys[0], s->plain, STREAM_CHUNK, s->sealed);
    s->sealed[s->length++] = 'x';
    assert_int_equal(try(s), OPENED_LONG);
    s->length = seal_all(&s->ring.keys[0], s->plain, 10, s->sealed);
    s->sealed[s->length++] = 'x';
    assert_int_equal(try(s), OPENED_SHORT);
}

static void parts_of_two_dumps_do_not_fit(void **state)
{
    sample *s = *state;
    unsigned char *again = malloc(ROOM);

    size_t length = seal_all(&s->ring.keys[0], s->plain, PLAIN, again);
    assert_int_equal(length, s->length);
    assert_memory_not_equal(again + STREAM_HEADER, s->sealed + STREAM_HEADER, STREAM_SEALED);
    memcpy(s->sealed + STREAM_HEADER, again + STREAM_HEADER, STREAM_SEALED);
    assert_int_equal(try(s), OPENED_ALTERED);
    free(again);
}

static void another_key_is_asked_for_by_its_id(void **state)
{
    sample *s = *state;
    opener *o = malloc(sizeof *o);
    size_t count;

    opener_begin(o, &s->other);
    assert_int_equal(opener_feed(o, s->sealed, s->length, s->out, &count), OPENED_OTHER_KEY);
    assert_string_equal(o->needs, s->ring.keys[0].id_text);
    assert_int_equal(count, 0);
    free(o);
}

static void an_older_key_of_the_ring_opens_too(void **state)
{
    sample *s = *state;
    size_t plain;

    keyring_add(&s->other, first_secret, strlen(first_secret));
    assert_int_equal(open_all(s, &s->other, s->sealed, s->length, 50000, &plain), OPENED);
}

/* The id of a known key over the contents of another one. */
static void a_forged_id_does_not_help(void **state)
{
    sample *s = *state;
    size_t plain;

    memcpy(s->sealed + STREAM_MAGIC_BYTES, s->other.keys[0].id, KEY_ID);
    assert_int_equal(open_all(s, &s->other, s->sealed, s->length, 50000, &plain), OPENED_ALTERED);
    assert_int_equal(plain, 0);
}

static void a_plain_dump_is_no_encrypted_one(void **state)
{
    sample *s = *state;
    size_t plain;

    assert_int_equal(open_all(s, &s->ring, (const unsigned char *)"PGDMP", 5, 5, &plain), OPENED_STRANGE);
    assert_int_equal(open_all(s, &s->ring, s->plain, PLAIN, 5000, &plain), OPENED_STRANGE);
    assert_int_equal(open_all(s, &s->ring, s->plain, 0, 5000, &plain), OPENED_SHORT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_sealed_is_opened_in_pieces_of_any_size),
        TEST(every_length_around_a_chunk_comes_back),
        TEST(every_flipped_bit_is_noticed),
        TEST(every_missing_tail_is_noticed),
        TEST(swapped_repeated_and_dropped_chunks_are_noticed),
        TEST(what_follows_the_last_chunk_is_noticed),
        TEST(parts_of_two_dumps_do_not_fit),
        TEST(another_key_is_asked_for_by_its_id),
        TEST(an_older_key_of_the_ring_opens_too),
        TEST(a_forged_id_does_not_help),
        TEST(a_plain_dump_is_no_encrypted_one),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
