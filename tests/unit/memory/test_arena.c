/* The arena: what it hands out, and when clean-ups run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/memory/arena.h"
#include "core/memory/sanitizer.h"

static void memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    arena_pool *pool = arena_pool_new(2);
    /* Twice, so that the second arena gets a used block. */
    for (int round = 0; round < 2; round++) {
        arena *a = arena_new(pool);
        for (size_t size = 1; size < 3000; size = size * 3 + 1) {
            unsigned char *piece = arena_alloc(a, size);
            assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(piece[i], 0);
            memset(piece, 0xAA, size);
        }
        arena_free(a);
    }
    arena_pool_free(pool);
}

static void pieces_do_not_overlap(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static unsigned char *pieces[COUNT];
    static size_t sizes[COUNT];
    arena *a = arena_new(NULL);
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = i % 100 == 99 ? 20000 + i : i * 7 % 300;
        pieces[i] = arena_alloc_raw(a, sizes[i]);
        memset(pieces[i], (int)(i & 0xFF), sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(pieces[i][k], i & 0xFF);
    }
    arena_free(a);
}

static void nothing_is_a_piece_too(void **state)
{
    (void)state;
    arena *a = arena_new(NULL);
    char *first = arena_alloc(a, 0);
    char *second = arena_alloc(a, 0);
    assert_non_null(first);
    assert_ptr_not_equal(first, second);
    arena_free(a);
}

static void a_large_piece_does_not_end_the_block_in_use(void **state)
{
    (void)state;
    arena *a = arena_new(NULL);
    char *before = arena_alloc(a, 16);
    memset(arena_alloc(a, 1000000), 1, 1000000);
    char *after = arena_alloc(a, 16);
    assert_in_range((uintptr_t)after - (uintptr_t)before, 1, 64);
    arena_free(a);
}

static void the_first_block_is_used_again(void **state)
{
    (void)state;
    arena_pool *pool = arena_pool_new(1);
    arena *a = arena_new(pool);
    char *first = arena_alloc(a, 100);
    arena_free(a);
    a = arena_new(pool);
    assert_ptr_equal(arena_alloc(a, 100), first);
    arena_free(a);
    arena_pool_free(pool);
}

static void copies_end_with_nul(void **state)
{
    (void)state;
    arena *a = arena_new(NULL);
    assert_null(arena_copy(a, NULL));
    assert_string_equal(arena_copy(a, "hello"), "hello");
    assert_string_equal(arena_copy_bytes(a, "hello", 2), "he");
    assert_string_equal(arena_copy_bytes(a, NULL, 0), "");
    assert_memory_equal(arena_copy_bytes(a, "a\0b", 3), "a\0b\0", 4);
    arena_free(a);
}

static void formats_short_and_long_text(void **state)
{
    (void)state;
    static char x[5000];
    memset(x, 'x', sizeof x - 1);
    arena *a = arena_new(NULL);
    assert_string_equal(arena_format(a, "%s-%d", "a", 5), "a-5");
    assert_string_equal(arena_format(a, "%s", ""), "");
    /* On both sides of the short buffer. */
    for (int length = 510; length <= 513; length++) {
        char *text = arena_format(a, "%.*s", length, x);
        assert_int_equal(strlen(text), length);
    }
    char *text = arena_format(a, "<%s>", x);
    assert_int_equal(strlen(text), sizeof x + 1);
    assert_int_equal(text[sizeof x], '>');
    arena_free(a);
}

struct trace {
    arena *arena;
    char text[16];
};

static void add_a(void *arg)
{
    strcat(((struct trace *)arg)->text, "a");
}

static void add_b(void *arg)
{
    strcat(((struct trace *)arg)->text, "b");
}

static void add_c_and_defer_a(void *arg)
{
    struct trace *t = arg;
    strcat(t->text, arena_copy(t->arena, "c"));
    arena_defer(t->arena, add_a, t);
}

static void clean_ups_run_last_first(void **state)
{
    (void)state;
    struct trace t = {.arena = arena_new(NULL)};
    arena_defer(t.arena, add_a, &t);
    arena_defer(t.arena, add_b, &t);
    arena_defer(t.arena, add_b, &t);
    arena_free(t.arena);
    assert_string_equal(t.text, "bba");
}

static void a_clean_up_may_defer_another(void **state)
{
    (void)state;
    struct trace t = {.arena = arena_new(NULL)};
    arena_defer(t.arena, add_b, &t);
    arena_defer(t.arena, add_c_and_defer_a, &t);
    arena_free(t.arena);
    assert_string_equal(t.text, "cab");
}

static void read_piece(void *arg)
{
    assert_string_equal(arg, "still here");
}

static void clean_ups_see_the_memory(void **state)
{
    (void)state;
    arena *a = arena_new(NULL);
    arena_defer(a, read_piece, arena_copy(a, "still here"));
    arena_free(a);
}

#ifdef TL_ASAN
static void sanitizer_sees_the_gaps(void **state)
{
    (void)state;
    arena_pool *pool = arena_pool_new(1);
    arena *a = arena_new(pool);
    char *piece = arena_alloc(a, 20);
    char *large = arena_alloc(a, 100000);
    assert_int_equal(__asan_address_is_poisoned(piece + 19), 0);
    assert_int_equal(__asan_address_is_poisoned(piece + 20), 1);
    assert_int_equal(__asan_address_is_poisoned(large + 99999), 0);
    assert_int_equal(__asan_address_is_poisoned(large + 100000), 1);
    arena_free(a);
    assert_int_equal(__asan_address_is_poisoned(piece), 1);
    arena_pool_free(pool);
}
#endif

static void null_is_freed(void **state)
{
    (void)state;
    arena_free(NULL);
    arena_pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(pieces_do_not_overlap),
        cmocka_unit_test(nothing_is_a_piece_too),
        cmocka_unit_test(a_large_piece_does_not_end_the_block_in_use),
        cmocka_unit_test(the_first_block_is_used_again),
        cmocka_unit_test(copies_end_with_nul),
        cmocka_unit_test(formats_short_and_long_text),
        cmocka_unit_test(clean_ups_run_last_first),
        cmocka_unit_test(a_clean_up_may_defer_another),
        cmocka_unit_test(clean_ups_see_the_memory),
#ifdef TL_ASAN
        cmocka_unit_test(sanitizer_sees_the_gaps),
#endif
        cmocka_unit_test(null_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
