/* The onednn engine's int8 plans: their table, their life, and what they say of themselves. */
#include "engine/onednn/int8.h"

#include "net/quantise.h"

/* ---- life ------------------------------------------------------------------------------------------------ */

/* What a twin has from the first plan. */
static void free_shared(byte_plan *p)
{
    lowered_free(&p->units, p->base.graph);
    memory_free(p->shapes);
    memory_free(p->is_signed);
    memory_free(p->scales);
    memory_free(p->places);
    memory_free(p->blocks);
    memory_free(p->block_channels);
    int8_unload(p);
}

static void destroy(plan *base)
{
    byte_plan *const p = bytes_of(base);
    for (int i = 0; p->works != NULL && i < p->count; i++) dnn_conv_close(p->works[i].conv);
    memory_free(p->works);
    if (!p->twin) free_shared(p);
    memory_free(p->arena);
    memory_free(p->input);
    for (int k = 0; k < GRAPH_OUTPUTS; k++) memory_free(p->outputs[k]);
    memory_free(p->scratch);
    memory_free(p->timings);
    memory_free(p->reported);
    dnn_close(p->library);
    memory_free(p);
}

static status prepare_tables(byte_plan *p)
{
    const graph *const g = p->base.graph;
    const size_t count = (size_t)g->count;
    TRY(memory_new(&p->shapes, count));
    TRY(memory_new(&p->is_signed, count));
    TRY(memory_new(&p->scales, count));
    TRY(memory_new(&p->places, count));
    TRY(graph_shapes(g, p->base.input, p->shapes));
    quantise_signed(p->is_signed, g);
    TRY(dnn_open(&p->library));
    TRY(lower(&p->units, g, INT8_LANES));
    TRY(memory_new(&p->works, (size_t)p->units.count + 1));
    p->count = p->units.count;
    return POLYP_OK;
}

static conv_spec spec_of(const byte_plan *p, const byte_work *w)
{
    conv_spec s = unit_conv_spec(&w->u, p->base.graph, w->in, w->out);
    s.bias = true;
    s.relu = w->u.relu;
    s.sum = w->u.residual >= 0;
    return s;
}

/* What these loops compute: no norm or addition alone, no pooling of negative values, logits of a plain convolution. */
static status check_work(const byte_plan *p, const byte_work *w)
{
    const graph *const g = p->base.graph;
    const bool pools_signed = w->u.core == CORE_POOL && p->is_signed[w->u.source[0]];
    const bool odd_head = w->head && (w->u.core != CORE_CONV || unit_has_tail(&w->u) || g->ops[w->u.core_op].stride != 1);
    if (w->u.core != CORE_NONE && !pools_signed && !odd_head && g->auxiliary_count == 0) return POLYP_OK;
    return fail(POLYP_ERR_UNSUPPORTED, "%s: this kind of network is not computed in int8; use bf16 or f32",
                g->ops[w->u.value].name);
}

static status make_works(byte_plan *p)
{
    for (int i = 0; i < p->count; i++) {
        byte_work *const w = &p->works[i];
        w->u = p->units.units[i];
        w->in = byte_shape(p, w->u.source[0]);
        w->out = byte_shape(p, w->u.value);
        w->head = graph_is_output(p->base.graph, w->u.value);
        TRY(check_work(p, w));
        if (w->u.core != CORE_CONV && w->u.core != CORE_UPCONV) continue;
        w->spec = spec_of(p, w);
        const conv_spec *const s = &w->spec;
        w->flops = 2.0 * s->n * s->oc * s->oh * s->ow * (double)s->ic * s->kernel * s->kernel;
    }
    return POLYP_OK;
}

static const engine engine_int8;

static status outline(byte_plan **out, const graph *g, shape input, const plan_options *options)
{
    byte_plan *p = NULL;
    status result = memory_new(&p, 1);
    if (result != POLYP_OK) return result;
    p->base = (plan){.engine = &engine_int8, .graph = g, .input = input, .options = *options};
    dnn_use_threads(options->threads);
    TRY_DONE(prepare_tables(p));
    TRY_DONE(make_works(p));
    TRY_DONE(int8_place(p));
    *out = p;
done:
    if (result != POLYP_OK) destroy(&p->base);
    return result;
}

static size_t picture_bytes(const byte_plan *p)
{
    return (shape_count(p->base.input) + shape_count(p->shapes[p->base.graph->output])) * sizeof(float);
}

status int8_memory(byte_plan *p)
{
    TRY(memory_new(&p->arena, p->arena_bytes));
    TRY(memory_new(&p->input, shape_count(p->base.input)));
    return memory_new(&p->outputs[0], shape_count(p->shapes[p->base.graph->output]));
}

status int8_create(plan **out, const graph *g, shape input, const plan_options *options)
{
    byte_plan *p = NULL;
    TRY(outline(&p, g, input, options));
    const status result = int8_memory(p);
    if (result == POLYP_OK) {
        *out = &p->base;
    } else {
        destroy(&p->base);
    }
    return result;
}

status int8_memory_needed(size_t *out, size_t *spare, const graph *g, shape input, const plan_options *options)
{
    byte_plan *p = NULL;
    *spare = 0;
    size_t weights;
    TRY(outline(&p, g, input, options));
    const status result = int8_measure(p, &weights);
    if (result == POLYP_OK) *out = p->arena_bytes + p->scratch_bytes + weights + picture_bytes(p);
    destroy(&p->base);
    return result;
}

/* ---- the table ------------------------------------------------------------------------------------------- */

static status load(plan *base, const params *weights)
{
    dnn_use_threads(base->options.threads);
    return int8_load(bytes_of(base), weights);
}

static tensor input(plan *base)
{
    return (tensor){base->input, bytes_of(base)->input};
}

static tensor output(plan *base, int k)
{
    byte_plan *const p = bytes_of(base);
    return (tensor){p->shapes[graph_output(base->graph, k)], p->outputs[k]};
}

static status forward(plan *base)
{
    dnn_use_threads(base->options.threads);
    return int8_forward(base);
}

static const char *algorithm_of(const byte_work *w)
{
    static const char *const CORES[] = {"elementwise", "head", "deal", "max pool", "concatenate", "upsample"};
    return w->conv != NULL ? dnn_conv_name(w->conv) : CORES[w->u.core];
}

static void describe(const plan *base, FILE *to)
{
    const byte_plan *const p = bytes_of_const(base);
    for (int i = 0; i < p->count; i++) {
        const byte_work *const w = &p->works[i];
        if (w->u.core_op < 0) continue;
        (void)fprintf(to, "%s: %s forward %dx%dx%dx%d -> %dx%dx%d %s\n", base->graph->ops[w->u.core_op].name,
                      w->u.core == CORE_UPCONV ? "upconv" : w->conv != NULL ? "conv" : "bytes", w->in.n, w->in.c, w->in.h,
                      w->in.w, w->out.c, w->out.h, w->out.w, algorithm_of(w));
    }
}

static status profile(plan *base, bool on)
{
    byte_plan *const p = bytes_of(base);
    memory_free(p->timings);
    p->timings = NULL;
    if (!on) return POLYP_OK;
    TRY(memory_new(&p->timings, (size_t)p->count));
    if (p->reported == NULL) TRY(memory_new(&p->reported, (size_t)p->count));
    for (int i = 0; i < p->count; i++) {
        const byte_work *const w = &p->works[i];
        plan_timing *const t = &p->timings[i];
        t->flops = w->flops;
        t->bytes = (double)(shape_count(w->in) + shape_count(w->out)) + (w->conv ? (double)dnn_conv_weights_bytes(w->conv) : 0);
        (void)snprintf(t->name, sizeof t->name, "%s", base->graph->ops[w->u.core_op].name);
        (void)snprintf(t->kind, sizeof t->kind, "forward");
        (void)snprintf(t->algorithm, sizeof t->algorithm, "%s", algorithm_of(w));
    }
    return POLYP_OK;
}

static const plan_timing *timings(const plan *base, int *count)
{
    const byte_plan *const p = bytes_of_const(base);
    *count = 0;
    for (int i = 0; p->timings != NULL && i < p->count; i++) {
        if (p->timings[i].runs > 0) p->reported[(*count)++] = p->timings[i];
    }
    return p->reported;
}

/* Not in the list of engines: a plan of the engine onednn has this one when it is in int8, and never trains. */
static const engine engine_int8 = {
    .name = "onednn",
    .destroy = destroy,
    .twin = int8_twin,
    .load = load,
    .input = input,
    .output = output,
    .forward = forward,
    .describe = describe,
    .profile = profile,
    .timings = timings,
};
