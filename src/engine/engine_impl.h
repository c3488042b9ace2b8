/* What an engine is, for the engines themselves: its table of functions, and the start of every plan. */
#ifndef POLYP_ENGINE_ENGINE_IMPL_H
#define POLYP_ENGINE_ENGINE_IMPL_H

#include <stdbool.h>

#include "engine/engine.h"

/*
 * Each function does what engine.h says of its plan_... twin. engine.c has checked before it calls: `options` has its
 * threads resolved (1 or more), the shapes fit (graph_shapes), the memory limit holds (create), the params tables have
 * as many entries as the graph's and are f32 (of an int8 plan: with 8-bit weights and scales of values), and what needs a
 * training plan gets one.
 */
struct engine {
    const char *name;
    status (*check_precision)(enum precision precision); /* UNSUPPORTED: not on this processor, or never */
    status (*create)(plan **out, const graph *g, shape input, const plan_options *options);
    status (*memory_needed)(size_t *out, size_t *spare, const graph *g, shape input, const plan_options *options);
    void *(*spare)(plan *p, size_t *bytes); /* NULL: an engine that lends nothing */
    void (*destroy)(plan *p); /* never NULL */
    status (*twin)(plan **out, const plan *p);
    status (*load)(plan *p, const params *weights); /* checks that they are finite, too: some engines while they copy */
    status (*save)(const plan *p, params *weights);
    status (*load_span)(plan *p, enum plan_span span, const params *from); /* entries of running statistics: not read, */
    status (*save_span)(const plan *p, enum plan_span span, params *to);   /* not written */
    tensor (*input)(plan *p);
    tensor (*output)(plan *p, int k); /* 0: logits, then the auxiliary ones */
    status (*forward)(plan *p);
    status (*backward)(plan *p, const tensor *gradients); /* one for each output, of its shape */
    status (*step)(plan *p, const step_rule *rule);
    float **(*spans)(plan *p, size_t *count); /* the plan's own pointers, [PLAN_SPANS]; NULL: not asked for */
    plan_slot (*slot_of)(const plan *p, int param);
    void (*describe)(const plan *p, FILE *to);
    status (*profile)(plan *p, bool on);
    const plan_timing *(*timings)(const plan *p, int *count);
};

/* The first member of each engine's own plan; create() fills it. */
struct plan {
    const engine *engine;
    const graph *graph;
    shape input;
    plan_options options; /* threads resolved */
    double norm_momentum; /* weight of the batch in running statistics */
    bool holds;           /* PLAN_HELD is to be added to the next gradients */
    bool left_out[PARAM_GROUPS]; /* gradients of these groups' convolutions are not wanted */
    plan_observer observer; /* NULL: nobody */
    void *observer_context;
};

/* Does a training plan with these options have the span? */
static inline bool plan_has_span(const plan_options *options, int span)
{
    if (span == PLAN_AVERAGE) return options->average;
    return span != PLAN_HELD || options->accumulate;
}

/* How many spans that is. */
static inline size_t plan_span_count(const plan_options *options)
{
    return PLAN_AVERAGE + (size_t)options->average + (size_t)options->accumulate;
}

extern const engine engine_reference;
#ifdef HAVE_ONEDNN
extern const engine engine_onednn;
#endif

#endif
