/*
 * An arena: memory that is freed all at once, and clean-ups that run before. One request has one; also used at load.
 */
#ifndef CORE_MEMORY_ARENA_H
#define CORE_MEMORY_ARENA_H

#include <stdarg.h>
#include <stddef.h>

typedef struct arena arena;

/* Keeps a number of first blocks for reuse, so that a request costs no malloc. */
typedef struct arena_pool arena_pool;

arena_pool *arena_pool_new(size_t keep);
void arena_pool_free(arena_pool *pool);

/* `pool` may be NULL: then every block comes from malloc. Never NULL. */
arena *arena_new(arena_pool *pool);

/* Runs the deferred clean-ups, last first, then frees everything. NULL is allowed. */
void arena_free(arena *a);

/* Bytes of all its blocks. */
size_t arena_size(const arena *a);

/* Zeroed, aligned for max_align_t. Never NULL; out of memory aborts with a line on stderr. */
void *arena_alloc(arena *a, size_t size);

/* Not zeroed, for what is filled at once. */
void *arena_alloc_raw(arena *a, size_t size);

char *arena_copy(arena *a, const char *text);                       /* NULL gives NULL */
char *arena_copy_bytes(arena *a, const void *bytes, size_t length); /* NUL behind */
char *arena_format(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vformat(arena *a, const char *format, va_list args);

/* Runs run(arg) in arena_free. */
void arena_defer(arena *a, void (*run)(void *arg), void *arg);

#endif
