/* Buffers that one worker uses again for every picture: nothing is allocated once the largest was seen. */
#ifndef POLYP_SCORE_SCRATCH_H
#define POLYP_SCORE_SCRATCH_H

#include "base/status.h"

enum { SCRATCH_BLOCKS = 32 };

/* Zeroed at first. Not for two threads at once. */
typedef struct scratch {
    void *blocks[SCRATCH_BLOCKS];
    size_t sizes[SCRATCH_BLOCKS];
    int taken;
    double *table; /* of weighted.c: made once */
} scratch;

/* Room for `count` things; its contents are whatever was there. Given back by setting `taken` to what it was before. */
#define scratch_take(s, out, count) scratch_take_((s), (void **)(out), (count), sizeof **(out))
status scratch_take_(scratch *s, void **out, size_t count, size_t size);
void scratch_free(scratch *s);

#endif
