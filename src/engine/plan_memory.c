/* Lifetimes to offsets: greedy best fit, largest block first. */
#include "engine/plan_memory.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"

static bool lives_meet(const memory_block *a, const memory_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Largest first; among equals the one that stands first in the caller's array. */
static int larger_first(const void *left, const void *right)
{
    const memory_block *const a = *(const memory_block *const *)left;
    const memory_block *const b = *(const memory_block *const *)right;
    if (a->bytes != b->bytes) return a->bytes > b->bytes ? -1 : 1;
    return a < b ? -1 : 1;
}

/* With all blocks side by side the arena is largest; if that fits a size_t, no sum below can overflow. */
static status check_sum(const memory_block *blocks, int count)
{
    size_t sum = 0;
    for (int i = 0; i < count; i++) {
        assert(blocks[i].first <= blocks[i].last);
        if (!size_add(sum, blocks[i].bytes, &sum) || !size_add(sum, MEMORY_ALIGNMENT, &sum)) {
            return fail(POLYP_ERR_SIZE, "the network's values do not fit this machine's memory: use smaller pictures");
        }
    }
    return POLYP_OK;
}

/* Smallest gap that holds `block` between the blocks alive with it, else after them. `placed` is in order of offset. */
static size_t best_offset(const memory_block *block, memory_block *const *placed, int count)
{
    size_t end = 0; /* of what is seen so far */
    size_t best = 0, best_gap = SIZE_MAX;
    for (int i = 0; i < count; i++) {
        if (!lives_meet(block, placed[i])) continue;
        const size_t start = placed[i]->offset;
        if (start > end && start - end >= block->bytes && start - end < best_gap) {
            best_gap = start - end;
            best = end;
        }
        const size_t after = start + memory_aligned(placed[i]->bytes);
        if (after > end) end = after;
    }
    return best_gap == SIZE_MAX ? end : best;
}

/* Keeps `placed` in order of offset. */
static void insert(memory_block **placed, int count, memory_block *block)
{
    int i = count;
    for (; i > 0 && placed[i - 1]->offset > block->offset; i--) placed[i] = placed[i - 1];
    placed[i] = block;
}

status plan_memory_assign(memory_block *blocks, int count, size_t *total)
{
    status result;
    memory_block **order = NULL, **placed = NULL;
    TRY_DONE(check_sum(blocks, count));
    TRY_DONE(memory_new(&order, (size_t)count));
    TRY_DONE(memory_new(&placed, (size_t)count));
    for (int i = 0; i < count; i++) order[i] = &blocks[i];
    if (count > 1) qsort(order, (size_t)count, sizeof *order, larger_first);

    size_t size = 0;
    int done = 0;
    for (int i = 0; i < count; i++) {
        memory_block *const block = order[i];
        block->offset = 0;
        if (block->bytes == 0) continue;
        block->offset = best_offset(block, placed, done);
        insert(placed, done++, block);
        const size_t end = block->offset + memory_aligned(block->bytes);
        if (end > size) size = end;
    }
    *total = size;
done:
    memory_free(placed);
    memory_free(order);
    return result;
}
