/* Blocks in the order they are asked for; each grows to the largest size that its place ever had. */
#include "score/scratch.h"

#include <assert.h>

#include "base/memory.h"

status scratch_take_(scratch *s, void **out, size_t count, size_t size)
{
    size_t bytes;
    assert(s->taken < SCRATCH_BLOCKS);
    if (!size_multiply(count, size, &bytes)) return fail(POLYP_ERR_MEMORY, "no memory to score a picture");
    if (s->sizes[s->taken] < bytes || !s->blocks[s->taken]) {
        void *const grown = memory_allocate(bytes, 1);
        if (!grown) return POLYP_ERR_MEMORY;
        memory_free(s->blocks[s->taken]);
        s->blocks[s->taken] = grown;
        s->sizes[s->taken] = bytes;
    }
    *out = s->blocks[s->taken++];
    return POLYP_OK;
}

void scratch_free(scratch *s)
{
    for (int i = 0; i < SCRATCH_BLOCKS; i++) memory_free(s->blocks[i]);
    memory_free(s->table);
    *s = (scratch){0};
}
