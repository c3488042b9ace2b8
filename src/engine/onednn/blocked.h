/*
 * Weights from a file's table straight into the blocked layout of a convolution: one pass makes what a padded copy, batch
 * norm's factors, rounding and oneDNN's reorder make, bit for bit.
 */
#ifndef POLYP_ENGINE_ONEDNN_BLOCKED_H
#define POLYP_ENGINE_ONEDNN_BLOCKED_H

#include "base/memory.h"
#include "engine/onednn/dnn.h"

/* How a convolution's weights lie in the graph's tables and in the engine; a transposed one is a 1x1 convolution to 4
 * groups. */
typedef struct weight_shape {
    int oc, ic, taps;         /* taps: kernel * kernel */
    int oc_padded, ic_padded; /* oc_padded: of one group */
    const int *ic_map;
    bool up;
    int param;      /* of the weight; -1: no weights */
    int bias_param; /* -1: none */
} weight_shape;

enum blocked_type { BLOCKED_F32, BLOCKED_BF16, BLOCKED_S8 };

/* One convolution's weights. */
typedef struct blocked_job {
    weights_blocks blocks;
    enum blocked_type type; /* of `to`; the table is f32, for S8 bytes */
    const void *table;
    size_t values;       /* of the table */
    void *to;            /* every value of it is written, zeros of padding too */
    int kernel, taps;    /* of the convolution that reads them: a transposed one is 1x1 */
    bool dense;          /* an output channel's values lie in the table as they do in (oc, ic, kh, kw) */
    const int *row;      /* [blocks.oc]: where an output channel begins in the table, in values; -1: zeros */
    const int *column;   /* [blocks.ic]: what an input channel adds to it; -1: zeros */
    const float *factor; /* [blocks.oc], of f32 */
} blocked_job;

/* Is the layout made of blocks that these loops know? Else a reorder makes it. */
bool blocked_suits(weights_blocks *out, const dnn_conv *c, enum blocked_type type, int taps);

/* Fills in the job but for blocks, type, table and `to`. factor: [s->oc], NULL: 1. dead: [s->oc], output channels that get
 * zeros, NULL: none. The arena owns the arrays. Error: MEMORY. */
status blocked_describe(blocked_job *job, arena *owner, const weight_shape *s, const float *factor, const bool *dead);

/* False: some table holds what is not a finite number, and `to` is good for nothing. Any number of threads gives equal
 * bits. */
bool blocked_place(const blocked_job *jobs, int count, int threads);

#endif
