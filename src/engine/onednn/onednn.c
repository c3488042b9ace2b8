/* The onednn engine: its table, the life of a plan, and what a plan says of itself. */
#include "engine/denormals.h"
#include "engine/onednn/inside.h"
#include "engine/onednn/int8.h"
#include "engine/step.h"

/* ---- life ---------------------------------------------------------------------------------------------- */

static void work_close(work *w)
{
    dnn_conv_close(w->forward);
    dnn_conv_close(w->backward_data);
    dnn_conv_close(w->backward_weights);
    dnn_reorder_close(w->load);
    dnn_reorder_close(w->store);
    dnn_reorder_close(w->to_forward);
    dnn_reorder_close(w->to_backward);
}

/* What a twin has from the first plan. */
static void free_shared(onednn_plan *p)
{
    lowered_free(&p->units, p->base.graph);
    memory_free(p->shapes);
    memory_free(p->values);
    memory_free(p->buffers.blocks);
    memory_free(p->buffers.channels);
    arena_destroy(p->small);
    for (int k = 0; k < PLAN_SPANS; k++) memory_free(p->spans[k]);
    memory_free(p->slots);
    memory_free(p->running);
    memory_free(p->prepared);
    if (p->training) memory_free(p->scratch);
    memory_free(p->weights_scratch);
}

static void destroy(plan *base)
{
    onednn_plan *const p = inside(base);
    for (int i = 0; p->works != NULL && i < p->count; i++) work_close(&p->works[i]);
    memory_free(p->works);
    if (!p->twin) free_shared(p);
    memory_free(p->arena);
    memory_free(p->input);
    memory_free(p->narrow_input);
    for (int k = 0; k < GRAPH_OUTPUTS; k++) memory_free(p->outputs[k]);
    memory_free(p->partials);
    memory_free(p->timings);
    memory_free(p->reported);
    dnn_close(p->library);
    memory_free(p);
}

static status prepare_tables(onednn_plan *p)
{
    const graph *const g = p->base.graph;
    TRY(arena_create(&p->small, (size_t)1 << 16));
    TRY(memory_new(&p->shapes, (size_t)g->count));
    TRY(memory_new(&p->values, (size_t)g->count));
    TRY(memory_new(&p->slots, (size_t)g->params.count));
    TRY(memory_new(&p->running, (size_t)g->params.count));
    TRY(graph_shapes(g, p->base.input, p->shapes));
    TRY(dnn_open(&p->library));
    TRY(lower(&p->units, g, p->lanes));
    TRY(memory_new(&p->works, (size_t)p->units.count + 1));
    p->count = p->units.count;
    return POLYP_OK;
}

static status check_precision(enum precision precision)
{
    if (precision == PRECISION_F32) return POLYP_OK;
    if (precision == PRECISION_INT8) {
        if (dnn_has_int8()) return POLYP_OK;
        return fail(POLYP_ERR_UNSUPPORTED,
                    "int8 needs a processor with AVX512_VNNI (AMD Zen 4, Intel Cascade Lake, or newer); use f32");
    }
    if (dnn_has_bf16()) return POLYP_OK;
    return fail(POLYP_ERR_UNSUPPORTED,
                "bf16 needs a processor with AVX512_BF16 (AMD Zen 4, Intel Cooper Lake, or newer); use f32");
}

/* Everything but the large memory. */
static status outline(onednn_plan **out, const graph *g, shape input, const plan_options *options)
{
    onednn_plan *p = NULL;
    status result = memory_new(&p, 1);
    if (result != POLYP_OK) return result;
    p->base = (plan){.engine = &engine_onednn, .graph = g, .input = input, .options = *options};
    p->lanes = dnn_lanes();
    p->training = options->mode == PLAN_TRAIN;
    p->element = options->precision == PRECISION_BF16 ? ELEMENT_BF16 : ELEMENT_F32;
    dnn_use_threads(p->base.options.threads);
    TRY_DONE(prepare_tables(p));
    TRY_DONE(build_works(p));
    TRY_DONE(place_values(p));
    *out = p;
done:
    if (result != POLYP_OK) destroy(&p->base);
    return result;
}

static status create(plan **out, const graph *g, shape input, const plan_options *options)
{
    onednn_plan *p = NULL;
    if (options->precision == PRECISION_INT8) return int8_create(out, g, input, options);
    TRY(outline(&p, g, input, options));
    const status result = build_memory(p);
    if (result == POLYP_OK) {
        *out = &p->base;
    } else {
        destroy(&p->base);
    }
    return result;
}

static status memory_needed(size_t *out, size_t *spare, const graph *g, shape input, const plan_options *options)
{
    onednn_plan *p = NULL;
    if (options->precision == PRECISION_INT8) return int8_memory_needed(out, spare, g, input, options);
    TRY(outline(&p, g, input, options));
    *out = build_bytes(p);
    *spare = p->training ? p->arena_bytes : 0;
    destroy(&p->base);
    return POLYP_OK;
}

static void *spare(plan *base, size_t *bytes)
{
    *bytes = inside(base)->arena_bytes;
    return inside(base)->arena;
}

/* ---- parameters ---------------------------------------------------------------------------------------- */

static status load(plan *base, const params *weights)
{
    dnn_use_threads(base->options.threads);
    return weights_load(inside(base), weights);
}

static status save(const plan *base, params *weights)
{
    dnn_use_threads(base->options.threads);
    return weights_save(inside_const(base), PLAN_WEIGHTS, weights);
}

static status load_span(plan *base, enum plan_span span, const params *from)
{
    dnn_use_threads(base->options.threads);
    return weights_load_span(inside(base), span, from);
}

static status save_span(const plan *base, enum plan_span span, params *to)
{
    dnn_use_threads(base->options.threads);
    return weights_save(inside_const(base), span, to);
}

static float **spans(plan *base, size_t *count)
{
    *count = inside(base)->span_values;
    return inside(base)->spans;
}

static plan_slot slot_of(const plan *base, int index)
{
    return inside_const(base)->slots[index];
}

/* ---- running ------------------------------------------------------------------------------------------- */

static tensor input(plan *base)
{
    return (tensor){base->input, inside(base)->input};
}

static tensor output(plan *base, int k)
{
    onednn_plan *const p = inside(base);
    return (tensor){p->shapes[graph_output(base->graph, k)], p->outputs[k]};
}

static status forward(plan *base)
{
    onednn_plan *const p = inside(base);
    dnn_use_threads(p->base.options.threads);
    if (!p->training) return infer_forward(p);
    const unsigned before = denormals_flush(base->options.threads);
    const status result = train_forward(p);
    denormals_restore(before, base->options.threads);
    return result;
}

static status backward(plan *base, const tensor *gradients)
{
    dnn_use_threads(base->options.threads);
    const unsigned before = denormals_flush(base->options.threads);
    const status result = train_backward(inside(base), gradients);
    denormals_restore(before, base->options.threads);
    return result;
}

static status step(plan *base, const step_rule *rule)
{
    onednn_plan *const p = inside(base);
    dnn_use_threads(p->base.options.threads);
    const double start = timer_start(p);
    const unsigned before = denormals_flush(base->options.threads);
    step_parameters(p->spans, &base->graph->params, p->slots, rule, base->options.threads);
    denormals_restore(before, base->options.threads);
    if (p->profiling) {
        plan_timing *const t = &p->timings[p->count * TIMED_KINDS];
        t->seconds += timer_start(p) - start;
        t->runs++;
    }
    return POLYP_OK;
}

const engine engine_onednn = {
    .name = "onednn",
    .check_precision = check_precision,
    .create = create,
    .memory_needed = memory_needed,
    .spare = spare,
    .destroy = destroy,
    .twin = onednn_twin,
    .load = load,
    .save = save,
    .load_span = load_span,
    .save_span = save_span,
    .input = input,
    .output = output,
    .forward = forward,
    .backward = backward,
    .step = step,
    .spans = spans,
    .slot_of = slot_of,
    .describe = report_describe,
    .profile = report_profile,
    .timings = report_timings,
};
