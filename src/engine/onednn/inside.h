/* What a plan of the onednn engine holds. */
#ifndef POLYP_ENGINE_ONEDNN_INSIDE_H
#define POLYP_ENGINE_ONEDNN_INSIDE_H

#include "base/memory.h"
#include "engine/engine_impl.h"
#include "engine/onednn/blocked.h"
#include "engine/onednn/dnn.h"
#include "engine/onednn/kernels.h"
#include "engine/onednn/lower.h"
#include "engine/onednn/winograd/winograd.h"
#include "engine/plan_memory.h"

/* Where a tensor lies: some blocks of a buffer, from `block` on. buffer -1: nowhere. */
typedef struct place {
    int buffer, block;
} place;

#define NOWHERE ((place){-1, 0})

/* Buffers share one arena by lifetime. A buffer of bytes (max pool's places) has no channels. */
typedef struct buffers {
    memory_block *blocks;
    int *channels; /* padded, of one image */
    int count, room;
} buffers;

/* Where one value lies. */
typedef struct value_places {
    place at;                     /* main place; of the input: its blocked copy, if anything reads that */
    place copy;                   /* the same again inside a concatenation; NOWHERE mostly */
    bool remade;                  /* training: not kept, the backward pass makes it again */
    bool made;                    /* it has, in this pass */
    place again;                  /* there; NOWHERE: nothing backward reads it */
    place sources[FIELD_SOURCES]; /* training: gradients to be summed, one for each reader */
    int source_count;
    bool sources_owned;       /* the first source may be overwritten by its reader */
    bool f32;                 /* whatever the plan's precision: an output that a convolution writes */
    int readers, last_reader; /* units */
} value_places;

enum timed {
    TIMED_FORWARD,
    TIMED_FORWARD_PASS,
    TIMED_BACKWARD_PASS,
    TIMED_BACKWARD_DATA,
    TIMED_BACKWARD_WEIGHTS,
    TIMED_KINDS
};

/* oneDNN's scratch memory of one convolution, by what runs: forward, forward again in the backward pass, backward. */
enum scratch_use { SCRATCH_FORWARD, SCRATCH_AGAIN, SCRATCH_WEIGHTS, SCRATCH_DATA, SCRATCH_USES };

/* One unit, ready to run. */
typedef struct work {
    unit u;
    shape in, out; /* of the first source and of the value, padded channels */
    weight_shape weights;
    conv_spec spec;
    dnn_conv *forward, *backward_data, *backward_weights;
    const winograd_way *winograd;          /* by this, without a primitive; NULL: by `forward` */
    const winograd_way *winograd_data;     /* train: likewise, the gradient of the source, as the convolution `turned` */
    const winograd_way *winograd_weights;  /* train: likewise, the gradient of the weights, in the primitive's layout */
    conv_spec turned;
    bool blocked;                          /* infer: blocked_place() brings the weights into `blocks`, */
    weights_blocks blocks;                 /* train: the spans' layout, where Winograd's algorithm reads it */
    dnn_reorder *load;                     /* else this: plain -> forward (infer) or the spans' layout (train) */
    dnn_reorder *store;                    /* train: back to plain */
    bool slow_weights;                     /* train: backward weights by kernel_conv_weights() */
    bool blind_taps;                       /* some of the kernel's taps never meet a pixel of the source */
    int dot;                               /* 1x1 convolution to one logit, by kernel_dot(): which output; -1: none */
    dnn_reorder *to_forward, *to_backward; /* train: from the spans' layout; NULL: the same layout */
    void *prepared;                        /* infer: folded weights in the forward layout */
    float *prepared_bias;

    place y;                       /* before the tail; NOWHERE: straight into the value */
    place y_again;                 /* train: the same backward; y itself where it is kept */
    bool y_remade;                 /* train: y is not kept but convolved again */
    place groups, groups_gradient; /* upconv: 4 groups at the small size */
    place groups_again;            /* train: the same where a concatenation is made again */
    place pool_at;                 /* bytes */
    place scratch[SCRATCH_USES];   /* bytes */
    place dz, dy;
    place source_gradient; /* of the first source */
    bool copy_residual;    /* infer: the addend must be copied before the convolution adds to it */
    bool copy_part[2];     /* concat: the part lies elsewhere */

    float *mean, *variance, *inverse, *scale, *shift; /* norm, per padded channel */
    float *sum, *sum_centred, *a, *b, *d;             /* norm, backward */
    double flops;                                     /* of the convolution, one direction, all images */
} work;

typedef struct onednn_plan {
    plan base; /* first */
    bool twin; /* another plan's: all but library, works with their primitives, arena, pictures, partials, timings */
    dnn *library;
    lowered units;        /* value maps, producers */
    shape *shapes;        /* [graph count], the graph's channels */
    value_places *values; /* [graph count] */
    work *works;
    int count;
    int lanes;
    bool training;
    enum element element; /* of activations and their gradients */
    buffers buffers;
    size_t arena_bytes;
    unsigned char *arena; /* all buffers */
    struct arena *small;  /* per-channel arrays */

    float *input;          /* nchw */
    void *narrow_input;    /* bf16: the same, rounded, for a convolution that reads it as it is; else NULL */
    float *outputs[GRAPH_OUTPUTS];         /* nchw: the logits, then the auxiliary ones */
    place output_gradients[GRAPH_OUTPUTS]; /* blocked; NOWHERE: of a dot product, */
    const float *dot_gradients[GRAPH_OUTPUTS]; /* which reads the caller's */

    float *spans[PLAN_SPANS]; /* training */
    plan_slot *slots;         /* [params] */
    size_t span_values;
    float **running; /* [params]: running statistics, padded; NULL elsewhere */
    unsigned char *prepared; /* infer: all weights and biases */
    size_t prepared_bytes;

    void *scratch; /* oneDNN's, for weights that change their layout; infer: in the arena, which is idle then */
    size_t scratch_bytes;
    unsigned char *weights_scratch; /* train: the copy that a pass in another layout or precision wants */
    size_t weights_scratch_bytes;
    double *partials;
    size_t partial_count;

    bool profiling;
    plan_timing *timings;  /* [count * TIMED_KINDS + 1] */
    plan_timing *reported; /* those that ran */
} onednn_plan;

/* A unit backward: the gradient of its tail, of its weights, of its source. */
enum backward_part { BACKWARD_TAIL, BACKWARD_WEIGHTS, BACKWARD_DATA, BACKWARD_PARTS };

/* Moments of a plan: forward of unit i, the loss, the parts of backward of unit i. */
static inline int forward_time(int i)
{
    return i + 1;
}
static inline int loss_time(const onednn_plan *p)
{
    return p->count + 1;
}
static inline int backward_time(const onednn_plan *p, int i, enum backward_part part)
{
    return p->count + 2 + BACKWARD_PARTS * (p->count - 1 - i) + (int)part;
}

static inline onednn_plan *inside(plan *p)
{
    return (onednn_plan *)(void *)p;
}

static inline const onednn_plan *inside_const(const plan *p)
{
    return (const onednn_plan *)(const void *)p;
}

/* A transposed convolution's four groups of channels, at the small size. */
static inline shape groups_shape(const work *w)
{
    return (shape){w->in.n, 4 * w->out.c, w->in.h, w->in.w};
}

static inline void *bytes_at(const onednn_plan *p, place at)
{
    return at.buffer < 0 ? NULL : p->arena + p->buffers.blocks[at.buffer].offset;
}

static inline pool_shape pool_shape_of(const onednn_plan *p, const work *w)
{
    const op *const o = &p->base.graph->ops[w->u.core_op];
    return (pool_shape){w->in.h, w->in.w, w->out.h, w->out.w, o->kernel, o->stride, o->padding};
}

/* Extent of a value at the plan's batch (or of one image), and where a place lies. */
extent extent_of(const onednn_plan *p, shape padded);
field field_at(const onednn_plan *p, place at, shape padded);
bool place_is_dense(const onednn_plan *p, place at, shape padded);
shape padded_shape(const onednn_plan *p, int value);

/* place.c: give every tensor a buffer and every buffer its lifetime. */
status place_values(onednn_plan *p);
/* build.c: primitives, weight shapes, sizes; then, when the limit holds, memory. */
status build_works(onednn_plan *p);
status build_memory(onednn_plan *p);
size_t build_bytes(const onednn_plan *p);
/* weights.c */
status weights_load(onednn_plan *p, const params *from);
status weights_save(const onednn_plan *p, enum plan_span span, params *to);
status weights_load_span(onednn_plan *p, enum plan_span span, const params *from);
/* twin.c: for plan_twin(); build_memory() leaves a twin the first plan's weights */
status onednn_twin(plan **out, const plan *base);
/* infer.c; forward_... serve training too */
status infer_forward(onednn_plan *p);
void forward_input(onednn_plan *p);
field planar_input(const onednn_plan *p); /* the picture as the first convolution reads it */
void forward_outputs(onednn_plan *p);
void forward_simple(onednn_plan *p, const work *w); /* max pool, concatenation, upsampling (with its copy) */
/* train.c; convolve and upconv serve what is made again, too */
status train_forward(onednn_plan *p);
status train_backward(onednn_plan *p, const tensor *gradients);
status train_convolve(onednn_plan *p, work *w, field source, field destination, enum scratch_use use);
typedef struct upconv_job {
    field source, groups, out, copy; /* copy: nowhere mostly */
    enum scratch_use use;
} upconv_job;
status train_upconv(onednn_plan *p, work *w, const upconv_job *job);
/* remake.c: where the backward pass finds a value, which it makes again when it was not kept; forget_... before the pass */
void remake_forget(onednn_plan *p);
status remake_value(field *out, onednn_plan *p, int value);

/* What a convolution reads of its weights. */
static inline enum blocked_type blocked_type_of(const onednn_plan *p)
{
    return p->element == ELEMENT_BF16 ? BLOCKED_BF16 : BLOCKED_F32;
}

/* Bytes of the unit's weights as its forward pass reads them. */
static inline size_t unit_weights_bytes(const work *w)
{
    if (w->winograd != NULL) return w->winograd->weights_bytes(&w->spec);
    return w->dot >= 0 ? (size_t)w->weights.ic_padded * sizeof(float) : dnn_conv_weights_bytes(w->forward);
}

/* Has the unit a convolution that makes its source's gradient? */
static inline bool makes_source_gradient(const work *w)
{
    return w->backward_data != NULL || w->winograd_data != NULL;
}

/* ReLU's mask comes from y where a batch norm alone stands between, else from the output. */
static inline bool reads_output_sign(const unit *u)
{
    return u->relu && !(u->norm_op >= 0 && u->residual < 0);
}

/* report.c: describe, profile and timings of the engine's table */
void report_describe(const plan *base, FILE *to);
status report_profile(plan *base, bool on);
const plan_timing *report_timings(const plan *base, int *count);
/* Time of one piece of work: timer_start(), then timer_stop() adds to the line. Free when not profiling. */
double timer_start(const onednn_plan *p);
void timer_stop(onednn_plan *p, const work *w, enum timed kind, double start);

/* traffic.c: bytes that a piece of work, or the optimiser's step, reads and writes. */
double traffic_bytes(const onednn_plan *p, const work *w, enum timed kind);
double traffic_step_bytes(const onednn_plan *p);

#endif
