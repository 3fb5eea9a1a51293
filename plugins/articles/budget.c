/*
 * An arena with a limit, as an allocator for cmark.
 */
#include "plugins/articles/budget.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_FIRST ((size_t)64 << 10)
#define CHUNK_MAX ((size_t)4 << 20)

typedef struct budget_chunk {
    struct budget_chunk *next;
    size_t size;
} budget_chunk;

/* Stands before every block, and keeps blocks aligned. */
typedef union header {
    size_t size;
    max_align_t alignment;
} header;

/* cmark's allocator functions get no context. A process renders one text at a time. */
static budget *current;

void budget_begin(budget *b, size_t bytes)
{
    memset(b, 0, sizeof(*b));
    b->limit = bytes;
    current = b;
}

void budget_end(void)
{
    current = NULL;
}

void budget_free(budget *b)
{
    while (b->chunks) {
        budget_chunk *chunk = b->chunks;
        b->chunks = chunk->next;
        free(chunk);
    }
    b->at = b->end = b->last = NULL;
}

static void add_chunk(budget *b, size_t needed)
{
    size_t size = b->chunks ? 2 * b->chunks->size : CHUNK_FIRST;

    if (size > CHUNK_MAX)
        size = CHUNK_MAX;
    if (size < needed + sizeof(budget_chunk) + sizeof(header))
        size = needed + sizeof(budget_chunk) + sizeof(header);
    if (size > b->limit - b->used)
        siglongjmp(b->over, 1);
    budget_chunk *chunk = malloc(size);
    if (!chunk)
        siglongjmp(b->over, 1);
    chunk->next = b->chunks;
    chunk->size = size;
    b->chunks = chunk;
    b->used += size;
    b->at = (unsigned char *)chunk + (sizeof(*chunk) + sizeof(header) - 1) / sizeof(header) * sizeof(header);
    b->end = (unsigned char *)chunk + size;
}

static void *take(size_t size)
{
    budget *b = current;

    if (size > b->limit)
        siglongjmp(b->over, 1);
    size = (size + sizeof(header) - 1) / sizeof(header) * sizeof(header);
    if (!b->at || size + sizeof(header) > (size_t)(b->end - b->at))
        add_chunk(b, size + sizeof(header));
    header *h = (header *)b->at;
    h->size = size;
    b->last = b->at + sizeof(header);
    b->at = b->last + size;
    return b->last;
}

static void *budget_calloc(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        siglongjmp(current->over, 1);
    return memset(take(bytes), 0, bytes);
}

static void *budget_realloc(void *old, size_t size)
{
    if (!old)
        return take(size);

    budget *b = current;
    size_t old_size = ((header *)old - 1)->size;
    if (size <= old_size)
        return old;
    if (old == b->last && size <= (size_t)(b->end - b->last)) {
        size = (size + sizeof(header) - 1) / sizeof(header) * sizeof(header);
        if (size <= (size_t)(b->end - b->last)) {
            ((header *)old - 1)->size = size;
            b->at = b->last + size;
            return old;
        }
    }
    return memcpy(take(size), old, old_size);
}

static void budget_release(void *block)
{
    (void)block;
}

cmark_mem *budget_memory(void)
{
    static cmark_mem memory = {budget_calloc, budget_realloc, budget_release};

    return &memory;
}
