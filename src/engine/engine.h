/*
 * How a network is computed. An engine is a const table of functions; a plan is graph + engine + input shape + mode,
 * made once and run many times. Only the engine knows what is inside a plan.
 */
#ifndef POLYP_ENGINE_ENGINE_H
#define POLYP_ENGINE_ENGINE_H

#include <stdio.h>

#include "net/graph.h"

enum plan_mode { PLAN_INFER, PLAN_TRAIN };

/*
 * Of activations and their gradients, and of the weights as convolutions read them. Weights, gradients of weights, batch
 * norm's statistics, logits and the optimiser are f32 in every precision, and so are all sums.
 */
enum precision {
    PRECISION_F32,
    PRECISION_BF16,
    PRECISION_INT8 /* inference alone: weights and values in 8 bits (net/quantise.h), sums in whole numbers */
};

typedef struct plan_options {
    enum plan_mode mode;
    enum precision precision;
    int threads;         /* of OpenMP; 0: every processor. Part of the result: sums are split by it */
    int load_threads;    /* of making an inference plan and loading its weights; 0: as `threads`. No part of the result */
    size_t memory_limit; /* bytes; plan_create() refuses more with a sentence that says how much; 0: none */
    bool average;        /* training: keep a running average of the weights (step_rule.average) */
    bool accumulate;     /* training: plan_hold_gradients() will be called */
    int passes;          /* inference: forward passes that are expected; 0: many. For a few, an engine may do without an
                            algorithm whose weights take longer to prepare than it saves: then the last bits differ */
} plan_options;

/* Flat spans of a training plan, all in one layout that only the engine knows (padding holds zeros and stays zero).
 * The last two only where plan_options asks for them. */
enum plan_span {
    PLAN_WEIGHTS,
    PLAN_GRADIENTS,
    PLAN_MOMENT1,
    PLAN_MOMENT2,
    PLAN_AVERAGE, /* of the weights, exponential */
    PLAN_HELD,    /* gradients that the next backward pass adds to its own */
    PLAN_SPANS
};

/* Where a parameter lies in the spans. Running statistics are not in them. */
typedef struct plan_slot {
    size_t offset, count; /* in values; count includes padding; 0: not in the spans */
} plan_slot;

/*
 * AdamW (Loshchilov, Hutter 2019) as fastai and PyTorch have it: w -= rate (m' / (sqrt(v') + epsilon) + decay w), with
 * m' = m / (1 - beta1^step) and v' = v / (1 - beta2^step). beta1 may change from step to step: the present one counts.
 */
typedef struct step_rule {
    double beta1, beta2, epsilon;
    double rate[PARAM_GROUPS]; /* per parameter group (param.group); 0: not trained at all */
    bool frozen[PARAM_GROUPS]; /* convolutions' weights and biases keep still, batch norms are trained (as in fastai) */
    double decay;              /* on convolution weights only, not on biases and norms */
    double gradient_scale;     /* multiplied into every gradient (clipping, accumulation); 1 */
    double average;            /* average = this average + (1 - this) weights, after the step; 0 or less: off */
    long step;                 /* since the moments were 0, from 1 */
} step_rule;

typedef struct engine engine;
typedef struct plan plan;

/* "auto" (the fastest built in), "onednn", "reference". Errors: ARGUMENT (lists names), UNSUPPORTED (not built in). */
status engine_find(const engine **out, const char *name);
const char *engine_name(const engine *e);

/* "f32", "bf16", or "auto" (or NULL): bf16 where the engine computes in it faster than in f32 on this processor, else f32.
 * Errors: ARGUMENT (lists names; int8, which depends on the weights), UNSUPPORTED (bf16 elsewhere). */
status engine_precision(enum precision *out, const engine *e, const char *name);

/* The same for inference with these weights: "int8" too where they have scales for values; "auto" takes it then, where the
 * engine computes in it faster on this processor. Errors also: UNSUPPORTED (int8 without scales, or elsewhere). */
status engine_precision_for(enum precision *out, const engine *e, const char *name, const params *weights);
const char *precision_name(enum precision precision);

/*
 * `g` must outlive the plan. input: (n, 3, h, w), h and w multiples of what the graph needs.
 * Nothing large is allocated before the needed bytes are known and compared with the limit.
 * Errors: SIZE, MEMORY, ENGINE, ARGUMENT.
 */
status plan_create(plan **out, const engine *e, const graph *g, shape input, const plan_options *options);
void plan_destroy(plan *p);

/*
 * A second inference plan like `p`, with its weights: two threads may run the two at the same time. It holds activations of
 * its own alone, so `p`, which has been loaded, must outlive it and is not loaded again meanwhile. Same results, bit for bit.
 * Errors: ARGUMENT (a training plan), MEMORY, ENGINE.
 */
status plan_twin(plan **out, const plan *p);

/* Bytes that a plan with these options holds (its arena, weights and spans), without allocating them. And how many of them
 * plan_spare() would lend. */
status plan_memory_needed(size_t *out, const engine *e, const graph *g, shape input, const plan_options *options);
status plan_memory_spare(size_t *out, const engine *e, const graph *g, shape input, const plan_options *options);

/* Memory of a training plan that holds nothing between a backward pass and the next forward pass (its activations), for
 * what the caller needs only meanwhile; 64-byte aligned. `*bytes` 0 and NULL: there is none. */
void *plan_spare(plan *p, size_t *bytes);

/* Copy parameters in (both modes; 8-bit weights are scaled back first) and out (training: weights and running
 * statistics). Error: FORMAT (a weight that is not a finite number: params_check_finite()). */
status plan_load(plan *p, const params *weights);
status plan_save(const plan *p, params *weights);

/* Moments in and out as canonical params tables (running statistics' entries are left alone). */
status plan_load_moments(plan *p, const params *moment1, const params *moment2);
status plan_save_moments(const plan *p, params *moment1, params *moment2);

/* Moments back to 0, as fastai does when groups are frozen or unfrozen; step_rule.step counts from 1 again. */
status plan_clear_moments(plan *p);

/* The average of the weights (plan_options.average), likewise. Nothing else sets its start: load the first weights. */
status plan_load_average(plan *p, const params *average);
status plan_save_average(const plan *p, params *average);

/*
 * Weight of the batch in running statistics from the next training forward pass on; NORM_MOMENTUM before the first
 * call. 1 / k before the k-th of some passes gives the plain mean over their batches, whatever stood there before: so
 * the statistics of averaged weights are estimated. Error: ARGUMENT (not in 0 to 1).
 */
status plan_norm_momentum(plan *p, double momentum);

/* The engine's own input (n, 3, h, w) to fill before plan_forward(), and its logits (n, 1, h, w) valid until the next.
 * plan_auxiliary: the coarser logits of the graph's auxiliary head k. */
tensor plan_input(plan *p);
tensor plan_logits(plan *p);
tensor plan_auxiliary(plan *p, int k);

/* Inference in f32: told each value that the engine keeps, op by op as it is computed, image by image; `values` in any order,
 * zeros of padding among them. For ranges of 8-bit values. NULL: nobody. Error: UNSUPPORTED (another plan). */
typedef void (*plan_observer)(void *context, int value, const float *values, size_t count);
status plan_observe(plan *p, plan_observer observer, void *context);

/* Infer: running statistics normalise. Train: batch statistics do, and running statistics are updated. */
status plan_forward(plan *p);

/* Training only, after plan_forward(): gradients of all trained parameters, overwritten, from d loss / d logits and, where
 * the graph has auxiliary heads, from theirs: [1 + auxiliary_count]. Error: SIZE. */
status plan_backward(plan *p, const tensor *gradients);

/* From now on plan_backward() may leave out gradients of convolutions that a step by `rule` would not train: what
 * plan_save_gradients() and PLAN_GRADIENTS hold of them means nothing. */
status plan_leave_out(plan *p, const step_rule *rule);

/*
 * After plan_backward(), where another batch is to count for the same step (plan_options.accumulate): the gradients are
 * set aside, and the next backward pass adds them to its own. k batches: backward, k - 1 times hold and backward, then
 * a step with gradient_scale / k.
 */
status plan_hold_gradients(plan *p);

/* Norm of the gradients of all that a step by `rule` would train (gradient_scale not applied). NaN and infinities reach
 * it. The sum's order does not depend on threads. */
double plan_gradient_norm(plan *p, const step_rule *rule);

/* Training only: one optimiser step on the plan's own weights. */
status plan_step(plan *p, const step_rule *rule);

/* One flat span (training), `*count` values; and where parameter i lies in it. */
float *plan_state(plan *p, enum plan_span span, size_t *count);
plan_slot plan_slot_of(const plan *p, int param);

/* Gradients as a canonical table, for tests. */
status plan_save_gradients(const plan *p, params *out);

/* What runs: one line per primitive, "name: kind shape implementation". For tests and --profile. */
void plan_describe(const plan *p, FILE *to);

/* Seconds spent per line of plan_describe(), filled when `on`; for `bench --profile`. */
typedef struct plan_timing {
    char name[64];      /* of the op */
    char kind[24];      /* "forward", "backward data", "backward weights", "norm", ... */
    char algorithm[64]; /* implementation's name */
    double seconds;     /* summed since plan_profile() */
    double flops;       /* per run */
    double bytes;       /* read and written in a pass of the plan, each tensor once; 0: not counted */
    long runs;
} plan_timing;
status plan_profile(plan *p, bool on);
const plan_timing *plan_timings(const plan *p, int *count);

#endif
