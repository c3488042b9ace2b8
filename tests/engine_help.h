/* For tests of engines: small graphs, plans with random weights, and a way to see the gradient of every value. */
#ifndef POLYP_TESTS_ENGINE_HELP_H
#define POLYP_TESTS_ENGINE_HELP_H

/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/engine.h"

#define assert_ok(expression)                                \
    do {                                                     \
        const status got_ = (expression);                    \
        if (got_ != POLYP_OK) fail_msg("%s", polyp_error()); \
    } while (0)

/* A graph with its weights and one plan. Fill `g` with graph_...(), then rig_start(). */
typedef struct rig {
    graph g;
    params weights;
    enum precision precision; /* of the plan; f32 unless set */
    plan *p;
} rig;

static inline void fill_uniform(float *values, size_t count, double low, double high, uint64_t seed)
{
    random_stream stream = random_open(seed, RANDOM_TEST, 0, 0);
    for (size_t i = 0; i < count; i++) values[i] = (float)random_uniform(&stream, low, high);
}

static inline void rig_start(rig *r, const char *name, shape input, enum plan_mode mode, int threads)
{
    const engine *e = NULL;
    const plan_options options = {.mode = mode, .precision = r->precision, .threads = threads};
    assert_ok(engine_find(&e, name));
    if (r->weights.flat == NULL) {
        assert_ok(params_create(&r->weights, &r->g.params));
        params_initialise(&r->weights, 1);
    }
    assert_ok(plan_create(&r->p, e, &r->g, input, &options));
    assert_ok(plan_load(r->p, &r->weights));
}

static inline void rig_stop(rig *r)
{
    plan_destroy(r->p);
    params_free(&r->weights);
    graph_free(&r->g);
    *r = (rig){0};
}

/* Values of the parameter called `name` in the rig's own weights; plan_load() again after a change. */
static inline float *rig_param(rig *r, const char *name)
{
    const int i = param_find(&r->g.params, name);
    if (i < 0) fail_msg("no parameter %s", name);
    return r->weights.flat + r->g.params.entries[i].offset;
}

/*
 * A picture made of parameters: "picture.weight" is the value itself, so its gradient is the value's, pixel by pixel.
 * A size x size kernel meets the 1x1 input at a different place for each output pixel; with a one-hot input (picture
 * i has 1 in channel i) weight (c, i) is picture i's channel c, turned by 180 degrees. Input shape: (pictures,
 * pictures, 1, 1).
 */
static inline int graph_picture(graph *g, int pictures, int channels, int size)
{
    return graph_conv(g, graph_input(g, pictures), channels, size, 1, size - 1, false, 2, "picture");
}

#endif
