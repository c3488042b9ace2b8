/* The reference engine: the oracle for every other one, and what runs where no library is built in. */
#include "engine/reference/reference.h"

#include <string.h>

#include "base/memory.h"
#include "engine/step.h"
#include "net/quantise.h"

static reference_plan *own(plan *p)
{
    return (reference_plan *)p;
}

static const reference_plan *own_const(const plan *p)
{
    return (const reference_plan *)p;
}

/* ---- life ------------------------------------------------------------------------------------------------ */

static status allocate(reference_plan *r)
{
    const graph *const g = r->base.graph;
    const size_t ops = (size_t)g->count, entries = (size_t)g->params.count;
    const plan_options *const o = &r->base.options;
    const int spans = o->mode == PLAN_TRAIN ? PLAN_SPANS : 1;
    TRY(memory_new(&r->values, ops));
    TRY(memory_new(&r->gradients, ops));
    TRY(memory_new(&r->params, entries));
    TRY(memory_new(&r->running, r->layout.running));
    for (int i = 0; i < spans; i++) {
        if (plan_has_span(o, i)) TRY(memory_new(&r->spans[i], r->layout.trained));
    }
    if (o->precision == PRECISION_INT8) {
        TRY(memory_new(&r->value_scales, ops));
        TRY(memory_new(&r->is_signed, ops));
        quantise_signed(r->is_signed, g);
    }
    return memory_new(&r->arena, r->layout.arena_bytes);
}

static void point_into_arena(reference_plan *r)
{
    const int count = r->base.graph->count;
    for (int i = 0; i < count; i++) {
        const memory_block *const value = &r->layout.blocks[i], *const gradient = &r->layout.blocks[count + i];
        r->values[i] = (float *)(void *)(r->arena + value->offset);
        r->gradients[i] = gradient->bytes == 0 ? NULL : (float *)(void *)(r->arena + gradient->offset);
    }
}

static void point_to_params(reference_plan *r)
{
    const param_table *const table = &r->base.graph->params;
    float *running = r->running;
    for (int i = 0; i < table->count; i++) {
        if (table->entries[i].trained) {
            r->params[i] = r->spans[PLAN_WEIGHTS] + r->layout.slots[i].offset;
        } else {
            r->params[i] = running;
            running += table->entries[i].count;
        }
    }
}

static void destroy(plan *p)
{
    reference_plan *const r = own(p);
    for (int i = 0; i < PLAN_SPANS; i++) memory_free(r->spans[i]);
    memory_free(r->timings);
    memory_free(r->value_scales);
    memory_free(r->is_signed);
    memory_free(r->params);
    memory_free(r->running);
    memory_free(r->gradients);
    memory_free(r->values);
    memory_free(r->arena);
    layout_free(&r->layout);
    memory_free(r);
}

static status check_precision(enum precision precision)
{
    if (precision != PRECISION_BF16) return POLYP_OK;
    return fail(POLYP_ERR_UNSUPPORTED, "the reference engine computes in f32 and int8; use f32, or the onednn engine");
}

static status create(plan **out, const graph *g, shape input, const plan_options *options)
{
    status result;
    reference_plan *r = NULL;
    TRY_DONE(memory_new(&r, 1));
    r->base = (plan){.engine = &engine_reference, .graph = g, .input = input, .options = *options};
    TRY_DONE(layout_make(&r->layout, g, input, options));
    TRY_DONE(allocate(r));
    point_into_arena(r);
    point_to_params(r);
    *out = &r->base;
    r = NULL;
done:
    if (r != NULL) destroy(&r->base);
    return result;
}

/* A plan of its own with the same numbers: the oracle need not save memory. */
static status twin(plan **out, const plan *p)
{
    const reference_plan *const of = own_const(p);
    TRY(create(out, p->graph, p->input, &p->options));
    reference_plan *const r = own(*out);
    memcpy(r->spans[PLAN_WEIGHTS], of->spans[PLAN_WEIGHTS], of->layout.trained * sizeof(float));
    memcpy(r->running, of->running, of->layout.running * sizeof(float));
    if (of->value_scales != NULL) memcpy(r->value_scales, of->value_scales, (size_t)p->graph->count * sizeof(float));
    return POLYP_OK;
}

static status memory_needed(size_t *out, size_t *spare, const graph *g, shape input, const plan_options *options)
{
    layout l = {0};
    *spare = 0;
    const status result = layout_make(&l, g, input, options);
    if (result == POLYP_OK) *out = l.bytes;
    layout_free(&l);
    return result;
}

/* ---- parameters and moments ------------------------------------------------------------------------------ */

static status load_floats(plan *p, const params *weights)
{
    for (int i = 0; i < weights->table->count; i++) {
        memcpy(own(p)->params[i], params_f32(weights, i), weights->table->entries[i].count * sizeof(float));
    }
    return POLYP_OK;
}

/* Whole numbers are imitated: the weights scaled back, and after each value that is kept in 8 bits the rounding to what 8
 * bits can say (run.c). Sums are in double, which holds those of the whole numbers. */
static status load_eights(plan *p, const params *weights)
{
    params floats;
    TRY(quantise_undo(&floats, weights));
    for (int i = 0; i < p->graph->count; i++) own(p)->value_scales[i] = weights->value_scales[i];
    const status result = load_floats(p, &floats);
    params_free(&floats);
    return result;
}

static status load(plan *p, const params *weights)
{
    TRY(params_check_finite(weights, p->options.threads));
    return p->options.precision == PRECISION_INT8 ? load_eights(p, weights) : load_floats(p, weights);
}

static status save(const plan *p, params *weights)
{
    for (int i = 0; i < weights->table->count; i++) {
        const param *const entry = &weights->table->entries[i];
        memcpy(weights->flat + entry->offset, own_const(p)->params[i], entry->count * sizeof(float));
    }
    return POLYP_OK;
}

static status load_span(plan *p, enum plan_span span, const params *from)
{
    reference_plan *const r = own(p);
    for (int i = 0; i < from->table->count; i++) {
        const plan_slot slot = r->layout.slots[i];
        memcpy(r->spans[span] + slot.offset, params_f32(from, i), slot.count * sizeof(float));
    }
    return POLYP_OK;
}

static status save_span(const plan *p, enum plan_span span, params *to)
{
    const reference_plan *const r = own_const(p);
    for (int i = 0; i < to->table->count; i++) {
        const plan_slot slot = r->layout.slots[i];
        memcpy(to->flat + to->table->entries[i].offset, r->spans[span] + slot.offset, slot.count * sizeof(float));
    }
    return POLYP_OK;
}

static float **spans(plan *p, size_t *count)
{
    *count = own(p)->layout.trained;
    return own(p)->spans;
}

static plan_slot slot_of(const plan *p, int index)
{
    return own_const(p)->layout.slots[index];
}

static status step(plan *p, const step_rule *rule)
{
    const reference_plan *const r = own(p);
    step_parameters(r->spans, &p->graph->params, r->layout.slots, rule, p->options.threads);
    return POLYP_OK;
}

/* ---- values ---------------------------------------------------------------------------------------------- */

static tensor input(plan *p)
{
    return (tensor){p->input, own(p)->values[0]};
}

static tensor output(plan *p, int k)
{
    const int output = graph_output(p->graph, k);
    return (tensor){own(p)->layout.places[output].shape, own(p)->values[output]};
}

const engine engine_reference = {
    .name = "reference",
    .check_precision = check_precision,
    .create = create,
    .memory_needed = memory_needed,
    .destroy = destroy,
    .twin = twin,
    .load = load,
    .save = save,
    .load_span = load_span,
    .save_span = save_span,
    .input = input,
    .output = output,
    .forward = reference_forward,
    .backward = reference_backward,
    .step = step,
    .spans = spans,
    .slot_of = slot_of,
    .describe = reference_describe,
    .profile = reference_profile,
    .timings = reference_timings,
};
