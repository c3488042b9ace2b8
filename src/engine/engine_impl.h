/* What an engine is, for the engines themselves: its table of functions, and the start of every plan. */
#ifndef POLYP_ENGINE_ENGINE_IMPL_H
#define POLYP_ENGINE_ENGINE_IMPL_H

#include <stdbool.h>

#include "engine/engine.h"

/*
 * Each function does what engine.h says of its plan_... twin. engine.c has checked before it calls: `options` has its
 * threads resolved (1 or more), the shapes fit (graph_shapes), the memory limit holds (create), the params tables have
 * as many entries as the graph's and are f32, and what needs a training plan gets one.
 */
struct engine {
    const char *name;
    status (*create)(plan **out, const graph *g, shape input, const plan_options *options);
    status (*memory_needed)(size_t *out, const graph *g, shape input, const plan_options *options);
    void (*destroy)(plan *p); /* never NULL */
    status (*load)(plan *p, const params *weights);
    status (*save)(const plan *p, params *weights);
    status (*load_moments)(plan *p, const params *moment1, const params *moment2);
    status (*save_moments)(const plan *p, params *moment1, params *moment2);
    tensor (*input)(plan *p);
    tensor (*logits)(plan *p);
    status (*forward)(plan *p);
    status (*backward)(plan *p, const tensor *gradient_of_logits); /* its shape is that of the logits */
    status (*step)(plan *p, const step_rule *rule);
    float *(*state)(plan *p, enum plan_span span, size_t *count);
    plan_slot (*slot_of)(const plan *p, int param);
    status (*save_gradients)(const plan *p, params *out);
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
};

extern const engine engine_reference;
#ifdef HAVE_ONEDNN
extern const engine engine_onednn;
#endif

#endif
