/* Memory: sizes that cannot overflow, blocks aligned for vector loads, an arena. */
#ifndef POLYP_BASE_MEMORY_H
#define POLYP_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum { MEMORY_ALIGNMENT = 64 };

/* false, and *out untouched, when the result does not fit a size_t */
bool size_multiply(size_t a, size_t b, size_t *out);
bool size_add(size_t a, size_t b, size_t *out);

/* Up to a multiple of MEMORY_ALIGNMENT, so that what follows is aligned again. `bytes` of something that memory can hold. */
static inline size_t memory_aligned(size_t bytes)
{
    return (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
}

/* `count` things of `size` bytes, zeroed, 64-byte aligned; count 0 gives a valid block. NULL after fail(MEMORY) with
 * the size in words. Free with memory_free(). Blocks of 4 MiB or more ask for huge pages. */
void *memory_allocate(size_t count, size_t size);

/* status twin for use with TRY: *out is a `void *` lvalue's address */
#define memory_new(out, count) memory_new_(((void **)(out)), (count), sizeof **(out))
status memory_new_(void **out, size_t count, size_t size);

/* Grow or shrink an array; contents kept, new part zeroed; *block untouched on failure. */
#define memory_resize(block, old_count, new_count) \
    memory_resize_((void **)(block), (old_count), (new_count), sizeof **(block))
status memory_resize_(void **block, size_t old_count, size_t new_count, size_t size);

/* Room for `count` things that mean nothing yet: *block (NULL at first) where that is large enough, else a larger one in its
 * place; NULL on failure. For buffers that are used again and again. */
#define memory_reuse(block, count) memory_reuse_((void **)(block), (count), sizeof **(block))
status memory_reuse_(void **block, size_t count, size_t size);

void memory_free(void *block); /* what the C library's malloc() gave, too */

/* strdup and asprintf in memory_allocate()'s blocks; NULL after fail(MEMORY) */
char *memory_text(const char *text);
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Tests only: the k-th allocation from now (1 = next) fails, once; 0 turns it off. Returns how many were made since
 * the last call. */
size_t memory_fail_at(size_t k);

/* An arena: blocks taken one after another, all given back at once. */
typedef struct arena arena;
status arena_create(arena **out, size_t chunk_size);
void *arena_take(arena *a, size_t count, size_t size); /* zeroed, 64-byte aligned; NULL after fail(MEMORY) */
char *arena_text(arena *a, const char *text);
char *arena_format(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arena_destroy(arena *a);

/* Highest resident memory of this process so far (VmHWM) in bytes; 0 where the system does not tell. */
size_t memory_peak(void);

#endif
