/* Checked sizes, aligned blocks that know their size, an arena, and the counter that lets tests make one call fail. */
#define _DEFAULT_SOURCE /* madvise */
#include "base/memory.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* From here on a block is worth a page of 2 MiB: fewer misses of the address cache while weights stream through. */
enum { HUGE_BLOCK = 4 << 20, HUGE_PAGE = 2 << 20 };

/* Test hook: allocations until one fails (0: none will), and allocations made. */
static atomic_size_t until_failure;
static atomic_size_t made;

bool size_multiply(size_t a, size_t b, size_t *out)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product)) return false;
    *out = product;
    return true;
}

bool size_add(size_t a, size_t b, size_t *out)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum)) return false;
    *out = sum;
    return true;
}

size_t memory_fail_at(size_t k)
{
    atomic_store(&until_failure, k);
    return atomic_exchange(&made, 0);
}

/* Counts one allocation; true when it is the one that a test wants to fail. */
static bool must_fail(void)
{
    atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
    size_t left = atomic_load_explicit(&until_failure, memory_order_relaxed);
    while (left > 0) {
        if (atomic_compare_exchange_weak(&until_failure, &left, left - 1)) return left == 1;
    }
    return false;
}

/* Zeroes a block of whole huge pages without touching it: dropped pages come back as zeros, on the thread that uses
 * them first and as huge pages where the system has them. Advice must come before the first touch. */
static void zero_huge(unsigned char *block, size_t bytes)
{
    const size_t whole = bytes - bytes % HUGE_PAGE;
    (void)madvise(block, whole, MADV_HUGEPAGE);
    const bool dropped = madvise(block, whole, MADV_DONTNEED) == 0;
    if (!dropped) memset(block, 0, whole); /* locked memory cannot be dropped */
    memset(block + whole, 0, bytes - whole);
}

/* `bytes` zeroed bytes, or NULL. */
static void *take_zeroed(size_t bytes)
{
    if (must_fail()) return NULL;
    const bool huge = bytes >= HUGE_BLOCK;
    size_t rounded;
    if (!size_add(bytes > 0 ? bytes : 1, MEMORY_ALIGNMENT - 1, &rounded) || rounded > PTRDIFF_MAX) return NULL;
    rounded -= rounded % MEMORY_ALIGNMENT;
    void *block = NULL;
    if (posix_memalign(&block, huge ? HUGE_PAGE : MEMORY_ALIGNMENT, rounded) != 0) return NULL;
    if (huge) zero_huge(block, rounded);
    else memset(block, 0, rounded);
    return block;
}

void *memory_allocate(size_t count, size_t size)
{
    size_t bytes;
    void *block = NULL;
    if (size_multiply(count, size, &bytes)) block = take_zeroed(bytes);
    if (block == NULL) fail(POLYP_ERR_MEMORY, "no memory for %zu times %zu bytes", count, size);
    return block;
}

status memory_new_(void **out, size_t count, size_t size)
{
    void *block = memory_allocate(count, size);
    if (block == NULL) return POLYP_ERR_MEMORY;
    *out = block;
    return POLYP_OK;
}

status memory_resize_(void **block, size_t old_count, size_t new_count, size_t size)
{
    void *fresh = memory_allocate(new_count, size);
    if (fresh == NULL) return POLYP_ERR_MEMORY;
    const size_t kept = old_count < new_count ? old_count : new_count;
    if (*block != NULL && kept > 0) memcpy(fresh, *block, kept * size);
    memory_free(*block);
    *block = fresh;
    return POLYP_OK;
}

status memory_reuse_(void **block, size_t count, size_t size)
{
    size_t bytes;
    if (*block != NULL && size_multiply(count, size, &bytes) && malloc_usable_size(*block) >= bytes) return POLYP_OK;
    memory_free(*block);
    *block = NULL;
    return memory_new_(block, count, size);
}

void memory_free(void *block)
{
    free(block);
}

char *memory_text(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = memory_allocate(size, 1);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}

char *memory_format(const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = NULL;
    if (length < 0) {
        fail(POLYP_ERR_MEMORY, "no memory for the text '%s'", format);
    } else {
        text = memory_allocate((size_t)length + 1, 1);
        if (text != NULL) vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    return text;
}

/* ---- arena ------------------------------------------------------------------------------- */

typedef struct chunk {
    struct chunk *next;
    size_t size, used; /* of the bytes after the header; both multiples of the alignment */
} chunk;

enum { CHUNK_HEADER = MEMORY_ALIGNMENT };
_Static_assert(sizeof(chunk) <= CHUNK_HEADER, "blocks start one alignment after the chunk");

struct arena {
    chunk *chunks; /* the one being filled first */
    size_t chunk_size;
};

status arena_create(arena **out, size_t chunk_size)
{
    arena *a = NULL;
    TRY(memory_new(&a, 1));
    a->chunk_size = chunk_size;
    *out = a;
    return POLYP_OK;
}

/* A chunk with room for `bytes`, put first. */
static chunk *add_chunk(arena *a, size_t bytes)
{
    const size_t size = memory_aligned(bytes > a->chunk_size ? bytes : a->chunk_size);
    chunk *c = memory_allocate(1, CHUNK_HEADER + size);
    if (c == NULL) return NULL;
    c->size = size;
    c->next = a->chunks;
    a->chunks = c;
    return c;
}

void *arena_take(arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (!size_multiply(count, size, &bytes) || bytes > PTRDIFF_MAX - 4 * MEMORY_ALIGNMENT) {
        fail(POLYP_ERR_MEMORY, "no memory for %zu times %zu bytes", count, size);
        return NULL;
    }
    bytes = memory_aligned(bytes > 0 ? bytes : 1);
    chunk *c = a->chunks;
    if (c == NULL || c->size - c->used < bytes) c = add_chunk(a, bytes);
    if (c == NULL) return NULL;
    void *block = (unsigned char *)c + CHUNK_HEADER + c->used;
    c->used += bytes;
    return block;
}

char *arena_text(arena *a, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = arena_take(a, size, 1);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}

char *arena_format(arena *a, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *const text = length < 0 ? NULL : arena_take(a, (size_t)length + 1, 1);
    if (length < 0) fail(POLYP_ERR_MEMORY, "no memory for the text '%s'", format);
    if (text != NULL) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void arena_destroy(arena *a)
{
    if (a == NULL) return;
    while (a->chunks != NULL) {
        chunk *next = a->chunks->next;
        memory_free(a->chunks);
        a->chunks = next;
    }
    memory_free(a);
}

/* ---- what the process used ----------------------------------------------------------------- */

size_t memory_peak(void)
{
    FILE *facts = fopen("/proc/self/status", "r");
    if (facts == NULL) return 0;
    char line[256];
    size_t kibibytes = 0;
    while (fgets(line, sizeof line, facts) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) kibibytes = strtoull(line + 6, NULL, 10);
    }
    fclose(facts);
    return kibibytes * 1024;
}
