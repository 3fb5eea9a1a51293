/*
 * The arena: blocks that only grow, the first of them with the arena's own header in it. Not for more than one thread.
 *
 * In sanitizer builds everything that has not been handed out is poisoned, with a gap behind every piece, so that
 * reading past a piece or after arena_free is reported as it would be with malloc.
 */
#include "core/memory/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory/sanitizer.h"

enum {
    FIRST_BLOCK = 4096, /* with its headers; what the pool keeps */
    SECOND_BLOCK = 8192,
    LARGEST_BLOCK = 65536,
    ALIGNMENT = _Alignof(max_align_t),
#ifdef TL_ASAN
    GAP = ALIGNMENT,
#else
    GAP = 0,
#endif
};

typedef struct block {
    _Alignas(max_align_t) struct block *next;
    size_t size; /* with this header */
} block;

typedef struct deferred {
    struct deferred *next;
    void (*run)(void *arg);
    void *arg;
} deferred;

struct arena {
    block first; /* starts the block that holds the arena itself */
    char *free;  /* of the block in use */
    char *end;
    block *more; /* all blocks but the first */
    deferred *clean_ups;
    size_t next_block;
    size_t size;
    arena_pool *pool;
};

struct arena_pool {
    block *idle;
    size_t count;
    size_t keep;
};

_Static_assert(ALIGNMENT >= 16, "rounding below expects it");

static _Noreturn void out_of_memory(size_t size)
{
    fprintf(stderr, "talelio: out of memory (%zu bytes wanted)\n", size);
    abort();
}

static block *block_new(size_t size)
{
    block *b = malloc(size);
    if (!b)
        out_of_memory(size);
    b->size = size;
    return b;
}

static void block_free(block *b)
{
    UNPOISON(b, b->size);
    free(b);
}

arena_pool *arena_pool_new(size_t keep)
{
    arena_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        out_of_memory(sizeof *pool);
    pool->keep = keep;
    return pool;
}

void arena_pool_free(arena_pool *pool)
{
    if (!pool)
        return;
    while (pool->idle) {
        block *b = pool->idle;
        pool->idle = b->next;
        block_free(b);
    }
    free(pool);
}

static block *take_first_block(arena_pool *pool)
{
    if (!pool || !pool->idle)
        return block_new(FIRST_BLOCK);
    block *b = pool->idle;
    pool->idle = b->next;
    pool->count--;
    return b;
}

static void give_first_block(arena_pool *pool, block *b)
{
    if (!pool || pool->count == pool->keep) {
        block_free(b);
        return;
    }
    b->next = pool->idle;
    pool->idle = b;
    pool->count++;
    POISON(b + 1, FIRST_BLOCK - sizeof *b);
}

arena *arena_new(arena_pool *pool)
{
    block *b = take_first_block(pool);
    UNPOISON(b, sizeof(arena));
    arena *a = (arena *)(void *)b;
    a->free = (char *)b + (sizeof *a + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    a->end = (char *)b + FIRST_BLOCK;
    a->more = NULL;
    a->clean_ups = NULL;
    a->next_block = SECOND_BLOCK;
    a->size = FIRST_BLOCK;
    a->pool = pool;
    POISON(a->free, (size_t)(a->end - a->free));
    return a;
}

void arena_free(arena *a)
{
    if (!a)
        return;
    /* A clean-up may allocate and defer again. */
    while (a->clean_ups) {
        deferred *d = a->clean_ups;
        a->clean_ups = d->next;
        d->run(d->arg);
    }
    while (a->more) {
        block *b = a->more;
        a->more = b->next;
        block_free(b);
    }
    give_first_block(a->pool, &a->first);
}

size_t arena_size(const arena *a)
{
    return a->size;
}

static char *add_block(arena *a, size_t size)
{
    block *b = block_new(size);
    b->next = a->more;
    a->more = b;
    a->size += size;
    return (char *)(b + 1);
}

/* `size` is rounded and does not fit into the block in use. */
static void *alloc_elsewhere(arena *a, size_t size)
{
    /* What is large gets a block of its own, so that the rest of the block in use is not lost. */
    if (size > a->next_block / 4)
        return add_block(a, sizeof(block) + size);
    char *start = add_block(a, a->next_block);
    a->free = start + size;
    a->end = start + a->next_block - sizeof(block);
    if (a->next_block < LARGEST_BLOCK)
        a->next_block *= 2;
    POISON(start, (size_t)(a->end - start));
    return start;
}

void *arena_alloc_raw(arena *a, size_t size)
{
    if (size > PTRDIFF_MAX / 2)
        out_of_memory(size);
    size_t rounded = (size + GAP + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (rounded == 0)
        rounded = ALIGNMENT;
    void *piece = a->free;
    if (rounded <= (size_t)(a->end - a->free))
        a->free += rounded;
    else
        piece = alloc_elsewhere(a, rounded);
    POISON(piece, rounded);
    UNPOISON(piece, size);
    return piece;
}

void *arena_alloc(arena *a, size_t size)
{
    return memset(arena_alloc_raw(a, size), 0, size);
}

char *arena_copy_bytes(arena *a, const void *bytes, size_t length)
{
    char *copy = arena_alloc_raw(a, length + 1);
    if (length > 0)
        memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

char *arena_copy(arena *a, const char *text)
{
    return text ? arena_copy_bytes(a, text, strlen(text)) : NULL;
}

char *arena_vformat(arena *a, const char *format, va_list args)
{
    char short_text[512];
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(short_text, sizeof short_text, format, args);
    if (length < 0) {
        fprintf(stderr, "talelio: cannot format \"%s\"\n", format);
        abort();
    }
    char *text = arena_alloc_raw(a, (size_t)length + 1);
    if ((size_t)length < sizeof short_text)
        memcpy(text, short_text, (size_t)length + 1);
    else
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *arena_format(arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vformat(a, format, args);
    va_end(args);
    return text;
}

void arena_defer(arena *a, void (*run)(void *arg), void *arg)
{
    deferred *d = arena_alloc_raw(a, sizeof *d);
    d->next = a->clean_ups;
    d->run = run;
    d->arg = arg;
    a->clean_ups = d;
}
