/* What a reference plan needs in memory, settled before anything large is allocated. */
#ifndef POLYP_ENGINE_REFERENCE_LAYOUT_H
#define POLYP_ENGINE_REFERENCE_LAYOUT_H

#include "engine/engine.h"
#include "engine/plan_memory.h"

/* One op's value and its gradient. */
typedef struct value_place {
    shape shape;
    int first_backward; /* the op whose backward pass is the first to add to the gradient; -1: none */
    bool wants_gradient;
} value_place;

typedef struct layout {
    value_place *places;  /* [count of ops] */
    memory_block *blocks; /* [2 * count]: values, then their gradients */
    plan_slot *slots;     /* [count of parameters]: trained ones in the spans, count 0 for the others */
    size_t arena_bytes;   /* of all blocks */
    size_t trained;       /* values of one span */
    size_t running;       /* values of the running statistics */
    size_t bytes;         /* of all that a plan holds */
} layout;

/* `out` zero-initialised; layout_free() it, after a failure too. Errors: SIZE, MEMORY. */
status layout_make(layout *out, const graph *g, shape input, const plan_options *options);
void layout_free(layout *l);

#endif
