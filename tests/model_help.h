/* A network that answers the same everywhere. Include after learn_help.h or data_help.h, whose assert_ok() it uses. */
#ifndef POLYP_TESTS_MODEL_HELP_H
#define POLYP_TESTS_MODEL_HELP_H

#include "predict/model.h"

/* A tiny network whose head has no weights: every logit is the head's bias. `g`: {0}; free both. */
static inline void make_constant_network(graph *g, params *p, float bias)
{
    unet_spec spec;
    assert_ok(unet_preset(&spec, "tiny"));
    assert_ok(unet_build(g, &spec));
    assert_ok(params_create(p, &g->params));
    params_initialise(p, 5);
    const param *const weight = &g->params.entries[param_find(&g->params, "head.weight")];
    memset(p->flat + weight->offset, 0, weight->count * sizeof(float));
    p->flat[g->params.entries[param_find(&g->params, "head.bias")].offset] = bias;
}

/* The same as a model for 32 x 32. */
static inline void write_constant_model(const char *path, float bias)
{
    graph g = {0};
    params p;
    make_constant_network(&g, &p, bias);
    model_facts facts = model_facts_default("tiny");
    facts.size = 32;
    assert_ok(model_write(path, &g, &p, &facts));
    params_free(&p);
    graph_free(&g);
}

#endif
