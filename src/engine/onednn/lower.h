/*
 * The canonical graph lowered to units: a convolution with the batch norm, addition and ReLU that follow it is one
 * unit, so that they run in as few passes over memory as the arithmetic needs.
 */
#ifndef POLYP_ENGINE_ONEDNN_LOWER_H
#define POLYP_ENGINE_ONEDNN_LOWER_H

#include <stdbool.h>

#include "engine/onednn/dnn.h"
#include "net/graph.h"

enum core { CORE_NONE, CORE_CONV, CORE_UPCONV, CORE_POOL, CORE_CONCAT, CORE_UPSAMPLE };

/* core(source), then batch norm, then + residual, then ReLU, each where present. CORE_NONE: the source itself. */
typedef struct unit {
    enum core core;
    int core_op;   /* graph op of the core; -1: CORE_NONE */
    int norm_op;   /* -1: none */
    int source[2]; /* values the core reads; [1] only for CORE_CONCAT */
    int residual;  /* value added; -1: none */
    bool relu;
    int value; /* computed: the number of the unit's last op */
} unit;

static inline bool unit_has_tail(const unit *u)
{
    return u->norm_op >= 0 || u->residual >= 0 || u->relu;
}

/* Source, result and window of the convolution that computes a unit; a transposed one is a 1x1 to four groups of channels. */
conv_spec unit_conv_spec(const unit *u, const graph *g, shape in, shape out);

/*
 * A value's channels in the engine: each part of a concatenation is padded to whole blocks of `lanes`, so that every
 * part starts at a block. map[c] is the place of the canonical channel c; places that no channel maps to hold zeros.
 */
typedef struct channel_map {
    int *map;     /* [channels] */
    int channels; /* of the graph */
    int padded;   /* multiple of lanes */
} channel_map;

typedef struct lowered {
    unit *units;
    int count;
    channel_map *channels; /* [graph count]; empty for values that exist only inside a unit */
    int *producer;         /* [graph count]: unit that computes the value, -1 for the input, -2 for inner values */
} lowered;

/* Errors: MEMORY, UNSUPPORTED (an addition of values whose channels are laid out differently). lowered_free() it. */
status lower(lowered *out, const graph *g, int lanes);
void lowered_free(lowered *l, const graph *g);

#endif
