/* Where in one arena each block of a plan lies: blocks whose lifetimes meet never overlap, others share bytes. */
#ifndef POLYP_ENGINE_PLAN_MEMORY_H
#define POLYP_ENGINE_PLAN_MEMORY_H

#include <stddef.h>

#include "base/status.h"

typedef struct memory_block {
    size_t bytes;    /* 0: needs no place, gets offset 0 */
    int first, last; /* moments of the first write and the last read, both included; first <= last */
    size_t offset;   /* filled in: a multiple of MEMORY_ALIGNMENT */
} memory_block;

/*
 * Gives every block its offset; *total is the size of the arena, a multiple of MEMORY_ALIGNMENT. Greedy: the largest
 * block first, into the smallest gap that holds it. Equal input gives equal offsets. Errors: SIZE (the sum does not
 * fit a size_t), MEMORY.
 */
status plan_memory_assign(memory_block *blocks, int count, size_t *total);

#endif
