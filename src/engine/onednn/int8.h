/*
 * A plan of the onednn engine in whole numbers (net/quantise.h). Values are bytes in nhwc, which oneDNN's int8
 * convolutions want, with channels padded to multiples of 4: what one instruction multiplies and adds.
 */
#ifndef POLYP_ENGINE_ONEDNN_INT8_H
#define POLYP_ENGINE_ONEDNN_INT8_H

#include "base/memory.h"
#include "engine/engine_impl.h"
#include "engine/onednn/blocked.h"
#include "engine/onednn/dnn.h"
#include "engine/onednn/int8_kernels.h"
#include "engine/onednn/lower.h"
#include "engine/plan_memory.h"

enum { INT8_LANES = 4 };

/* Where a value lies: channels of a buffer from `first` on. buffer -1: nowhere (the logits, values inside a unit). */
typedef struct byte_place {
    int buffer, first;
} byte_place;

/* One unit, ready to run. */
typedef struct byte_work {
    unit u;
    shape in, out;        /* of the first source and of the value, padded channels */
    bool head;            /* writes logits, by float weights */
    conv_spec spec;       /* of a convolution that is no head; its scales are set while it is made */
    dnn_conv *conv;
    signed char *weights; /* in the primitive's layout */
    bool *dead;           /* [oc] of the graph: the channel is its bias alone */
    float *bias;          /* of a head: [oc] of the graph */
    float *head_weights;  /* [oc][taps][padded ic], times the source's scale */
    bool copy_residual;   /* the addend must be copied before the convolution adds to it */
    bool signed_result;   /* the bytes that are written: as its value's, or the concatenation's that it lies in */
    bool copy_part[2];    /* concat: the part lies elsewhere */
    int groups;           /* buffer of a transposed convolution's four groups at the small size; -1 */
    double flops;
} byte_work;

typedef struct byte_plan {
    plan base; /* first */
    bool twin; /* another plan's: all but library, works with their primitives, arena, pictures, scratch, timings */
    dnn *library;
    lowered units;
    shape *shapes;      /* [graph count], the graph's channels */
    bool *is_signed;    /* [graph count] */
    float *scales;      /* [graph count], of weights that were loaded; 0: the value is never in 8 bits */
    byte_place *places; /* [graph count] */
    byte_work *works;
    int count;
    memory_block *blocks; /* [block_count] */
    int *block_channels;  /* bytes from one pixel to the next */
    int block_count, block_room;
    size_t arena_bytes;
    unsigned char *arena;
    float *input;                  /* nchw */
    float *outputs[GRAPH_OUTPUTS]; /* nchw: the logits alone are computed */
    void *scratch;                 /* oneDNN's */
    size_t scratch_bytes;
    arena *prepared;        /* scales, biases, the head's weights, of the last load */
    unsigned char *weights; /* all convolutions' */
    plan_timing *timings, *reported; /* [count]; NULL: not profiling */
} byte_plan;

static inline byte_plan *bytes_of(plan *p)
{
    return (byte_plan *)(void *)p;
}

static inline const byte_plan *bytes_of_const(const plan *p)
{
    return (const byte_plan *)(const void *)p;
}

static inline shape byte_shape(const byte_plan *p, int value)
{
    shape s = p->shapes[value];
    s.c = p->units.channels[value].padded;
    return s;
}

/* First byte of a value, and bytes from one pixel to the next. */
unsigned char *byte_at(const byte_plan *p, int value);
size_t byte_stride(const byte_plan *p, int value);

/* int8_place.c */
status int8_place(byte_plan *p);
/* int8_load.c: primitives and weights of `from`. The second makes primitives for any weights, to know their sizes. */
status int8_load(byte_plan *p, const params *from);
void int8_unload(byte_plan *p);
status int8_measure(byte_plan *p, size_t *weights_bytes);
/* int8_run.c */
status int8_forward(plan *base);

/* int8.c: the arena and the pictures; twin.c: for plan_twin() */
status int8_memory(byte_plan *p);
status int8_twin(plan **out, const plan *base);

/* The life of such plans, for the onednn engine's create() and memory_needed(); the plan brings its own table. */
status int8_create(plan **out, const graph *g, shape input, const plan_options *options);
status int8_memory_needed(size_t *out, size_t *spare, const graph *g, shape input, const plan_options *options);

#endif
