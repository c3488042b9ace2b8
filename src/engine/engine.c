/* Choosing an engine by name; what is checked once for all engines. */
#include "engine/engine.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/thread.h"
#include "engine/engine_impl.h"
#include "engine/step.h"
#include "net/quantise.h"

/* The fastest first: "auto" takes it. */
static const engine *const ENGINES[] = {
#ifdef HAVE_ONEDNN
    &engine_onednn,
#endif
    &engine_reference,
};
enum { ENGINE_COUNT = sizeof ENGINES / sizeof ENGINES[0] };

status engine_find(const engine **out, const char *name)
{
    if (strcmp(name, "auto") == 0) {
        *out = ENGINES[0];
        return POLYP_OK;
    }
    for (int i = 0; i < ENGINE_COUNT; i++) {
        if (strcmp(ENGINES[i]->name, name) == 0) {
            *out = ENGINES[i];
            return POLYP_OK;
        }
    }
    if (strcmp(name, "onednn") == 0) {
        return fail(POLYP_ERR_UNSUPPORTED,
                    "engine onednn is not built in: install oneDNN and build again, or use reference");
    }
    return fail(POLYP_ERR_ARGUMENT, "there is no engine %s; there are auto, onednn, reference", name);
}

const char *engine_name(const engine *e)
{
    return e->name;
}

/* In the order of enum precision. */
static const char *const PRECISIONS[] = {"f32", "bf16", "int8"};

const char *precision_name(enum precision precision)
{
    return PRECISIONS[precision];
}

status engine_precision(enum precision *out, const engine *e, const char *name)
{
    if (name == NULL || strcmp(name, "auto") == 0) {
        *out = e->check_precision(PRECISION_BF16) == POLYP_OK ? PRECISION_BF16 : PRECISION_F32;
        return POLYP_OK;
    }
    for (int i = PRECISION_F32; i <= PRECISION_BF16; i++) {
        if (strcmp(PRECISIONS[i], name) != 0) continue;
        TRY(e->check_precision((enum precision)i));
        *out = (enum precision)i;
        return POLYP_OK;
    }
    if (strcmp(name, PRECISIONS[PRECISION_INT8]) == 0) {
        return fail(POLYP_ERR_ARGUMENT, "int8 is for prediction with a model that polyp quantize made; take auto, f32 or bf16");
    }
    return fail(POLYP_ERR_ARGUMENT, "there is no precision %s; there are auto, f32, bf16", name);
}

status engine_precision_for(enum precision *out, const engine *e, const char *name, const params *weights)
{
    const bool any = name == NULL || strcmp(name, "auto") == 0;
    const bool wanted = any || strcmp(name, PRECISIONS[PRECISION_INT8]) == 0, has = weights->value_scales != NULL;
    if (!wanted || (any && !has)) return engine_precision(out, e, name);
    if (!has) {
        return fail(POLYP_ERR_UNSUPPORTED, "int8 needs a model that polyp quantize made, with scales for values");
    }
    const status result = e->check_precision(PRECISION_INT8);
    if (any && (result != POLYP_OK || e == &engine_reference)) return engine_precision(out, e, name);
    *out = PRECISION_INT8;
    return result;
}

static status check_shapes(const graph *g, shape input)
{
    if (g->count == 0) return fail(POLYP_ERR_ARGUMENT, "the network is empty");
    status result;
    shape *shapes = NULL;
    TRY_DONE(memory_new(&shapes, (size_t)g->count));
    TRY_DONE(graph_shapes(g, input, shapes));
done:
    memory_free(shapes);
    return result;
}

/* `out` gets the options with the number of threads resolved. */
static status check_plan(plan_options *out, const engine *e, const graph *g, shape input, const plan_options *options)
{
    TRY(e->check_precision(options->precision));
    if (options->precision == PRECISION_INT8 && options->mode == PLAN_TRAIN) {
        return fail(POLYP_ERR_UNSUPPORTED, "int8 is for inference; train in bf16 or f32, then run polyp quantize");
    }
    if (options->threads < 0) {
        return fail(POLYP_ERR_ARGUMENT, "%d threads: give 1 or more, or 0 for every processor", options->threads);
    }
    if (options->load_threads < 0) {
        return fail(POLYP_ERR_ARGUMENT, "%d threads to load with: give 1 or more, or 0", options->load_threads);
    }
    if (options->passes < 0) {
        return fail(POLYP_ERR_ARGUMENT, "%d forward passes: give 1 or more, or 0 for many", options->passes);
    }
    *out = *options;
    if (out->threads == 0) out->threads = processor_count();
    if (out->load_threads == 0 || out->mode == PLAN_TRAIN) out->load_threads = out->threads;
    return check_shapes(g, input);
}

status plan_memory_needed(size_t *out, const engine *e, const graph *g, shape input, const plan_options *options)
{
    plan_options resolved;
    size_t spare;
    TRY(check_plan(&resolved, e, g, input, options));
    return e->memory_needed(out, &spare, g, input, &resolved);
}

status plan_memory_spare(size_t *out, const engine *e, const graph *g, shape input, const plan_options *options)
{
    plan_options resolved;
    size_t needed;
    TRY(check_plan(&resolved, e, g, input, options));
    return e->memory_needed(&needed, out, g, input, &resolved);
}

status plan_create(plan **out, const engine *e, const graph *g, shape input, const plan_options *options)
{
    plan_options resolved;
    TRY(check_plan(&resolved, e, g, input, options));
    if (resolved.memory_limit > 0) {
        size_t needed = 0, spare;
        TRY(e->memory_needed(&needed, &spare, g, input, &resolved));
        if (needed > resolved.memory_limit) {
            return fail(
                POLYP_ERR_MEMORY,
                "%d pictures of %dx%d need %zu bytes, the limit is %zu: use a smaller batch or smaller pictures",
                input.n, input.w, input.h, needed, resolved.memory_limit);
        }
    }
    TRY(e->create(out, g, input, &resolved));
    (*out)->norm_momentum = (double)NORM_MOMENTUM;
    return POLYP_OK;
}

void plan_destroy(plan *p)
{
    if (p != NULL) p->engine->destroy(p);
}

status plan_twin(plan **out, const plan *p)
{
    if (p->options.mode == PLAN_TRAIN) return fail(POLYP_ERR_ARGUMENT, "a training plan has no twin");
    TRY(p->engine->twin(out, p));
    (*out)->observer = NULL;
    return POLYP_OK;
}

void *plan_spare(plan *p, size_t *bytes)
{
    *bytes = 0;
    if (p->options.mode != PLAN_TRAIN || p->engine->spare == NULL) return NULL;
    return p->engine->spare(p, bytes);
}

static status check_training(const plan *p, const char *what)
{
    if (p->options.mode == PLAN_TRAIN) return POLYP_OK;
    return fail(POLYP_ERR_ARGUMENT, "%s needs a plan made for training", what);
}

/* The table must be the graph's, or one made the same way. */
static status check_table(const plan *p, const params *values)
{
    const param_table *const ours = &p->graph->params, *const theirs = values->table;
    if (theirs->count != ours->count || theirs->values != ours->values) {
        return fail(POLYP_ERR_MISMATCH, "%d parameters with %zu values do not fit a network of %d with %zu",
                    theirs->count, theirs->values, ours->count, ours->values);
    }
    return POLYP_OK;
}

static status check_readable(const plan *p, const params *values)
{
    TRY(check_table(p, values));
    for (int i = 0; i < values->table->count; i++) {
        if (values->dtype[i] != DTYPE_F32) {
            return fail(POLYP_ERR_UNSUPPORTED, "%s: only 32-bit floats are handled", values->table->entries[i].name);
        }
    }
    return POLYP_OK;
}

static status check_writable(const plan *p, const params *values)
{
    TRY(check_table(p, values));
    if (values->flat == NULL) return fail(POLYP_ERR_ARGUMENT, "parameters mapped from a file cannot be written");
    return POLYP_OK;
}

/* Weights in 8 bits, for a plan that computes with floats. */
static status load_undone(plan *p, const params *weights)
{
    params floats;
    TRY(check_table(p, weights));
    TRY(quantise_undo(&floats, weights));
    const status result = plan_load(p, &floats);
    params_free(&floats);
    return result;
}

static status load_eights(plan *p, const params *weights)
{
    TRY(check_table(p, weights));
    if (weights->value_scales == NULL) {
        return fail(POLYP_ERR_UNSUPPORTED, "int8 needs weights in 8 bits with scales for values");
    }
    return p->engine->load(p, weights);
}

status plan_load(plan *p, const params *weights)
{
    if (p->options.precision == PRECISION_INT8) return load_eights(p, weights);
    if (weights->scales != NULL) return load_undone(p, weights);
    TRY(check_readable(p, weights));
    return p->engine->load(p, weights);
}

status plan_save(const plan *p, params *weights)
{
    TRY(check_training(p, "saving weights"));
    TRY(check_writable(p, weights));
    return p->engine->save(p, weights);
}

status plan_load_moments(plan *p, const params *moment1, const params *moment2)
{
    TRY(check_training(p, "loading moments"));
    TRY(check_readable(p, moment1));
    TRY(check_readable(p, moment2));
    TRY(p->engine->load_span(p, PLAN_MOMENT1, moment1));
    return p->engine->load_span(p, PLAN_MOMENT2, moment2);
}

status plan_save_moments(const plan *p, params *moment1, params *moment2)
{
    TRY(check_training(p, "saving moments"));
    TRY(check_writable(p, moment1));
    TRY(check_writable(p, moment2));
    TRY(p->engine->save_span(p, PLAN_MOMENT1, moment1));
    return p->engine->save_span(p, PLAN_MOMENT2, moment2);
}

status plan_clear_moments(plan *p)
{
    TRY(check_training(p, "clearing moments"));
    size_t count;
    float **const spans = p->engine->spans(p, &count);
    memset(spans[PLAN_MOMENT1], 0, count * sizeof(float));
    memset(spans[PLAN_MOMENT2], 0, count * sizeof(float));
    return POLYP_OK;
}

static status check_average(const plan *p)
{
    TRY(check_training(p, "an average of weights"));
    return p->options.average ? POLYP_OK : fail(POLYP_ERR_ARGUMENT, "the plan was not made to average weights");
}

status plan_load_average(plan *p, const params *average)
{
    TRY(check_average(p));
    TRY(check_readable(p, average));
    return p->engine->load_span(p, PLAN_AVERAGE, average);
}

status plan_save_average(const plan *p, params *average)
{
    TRY(check_average(p));
    TRY(check_writable(p, average));
    return p->engine->save_span(p, PLAN_AVERAGE, average);
}

status plan_norm_momentum(plan *p, double momentum)
{
    TRY(check_training(p, "moving running statistics"));
    if (!(momentum >= 0 && momentum <= 1)) {
        return fail(POLYP_ERR_ARGUMENT, "a batch norm's momentum of %g: give 0 to 1", momentum);
    }
    p->norm_momentum = momentum;
    return POLYP_OK;
}

tensor plan_input(plan *p)
{
    return p->engine->input(p);
}

tensor plan_logits(plan *p)
{
    return p->engine->output(p, 0);
}

tensor plan_auxiliary(plan *p, int k)
{
    return p->engine->output(p, k + 1);
}

status plan_observe(plan *p, plan_observer observer, void *context)
{
    if (p->options.mode != PLAN_INFER || p->options.precision != PRECISION_F32) {
        return fail(POLYP_ERR_UNSUPPORTED, "values are observed in inference in f32");
    }
    p->observer = observer;
    p->observer_context = context;
    return POLYP_OK;
}

status plan_forward(plan *p)
{
    return p->engine->forward(p);
}

static status check_gradient(shape given, shape ours)
{
    if (given.n == ours.n && given.c == ours.c && given.h == ours.h && given.w == ours.w) return POLYP_OK;
    return fail(POLYP_ERR_SIZE, "the gradient is %dx%dx%dx%d, the logits are %dx%dx%dx%d", given.n, given.c, given.h,
                given.w, ours.n, ours.c, ours.h, ours.w);
}

status plan_backward(plan *p, const tensor *gradients)
{
    TRY(check_training(p, "a backward pass"));
    for (int k = 0; k <= p->graph->auxiliary_count; k++) {
        TRY(check_gradient(gradients[k].shape, p->engine->output(p, k).shape));
    }
    TRY(p->engine->backward(p, gradients));
    if (!p->holds) return POLYP_OK;
    size_t count;
    float **const spans = p->engine->spans(p, &count);
    step_add(spans[PLAN_GRADIENTS], spans[PLAN_HELD], count, p->options.threads);
    p->holds = false;
    return POLYP_OK;
}

status plan_leave_out(plan *p, const step_rule *rule)
{
    TRY(check_training(p, "leaving out gradients"));
    for (int i = 0; i < PARAM_GROUPS; i++) p->left_out[i] = rule->rate[i] == 0 || rule->frozen[i];
    return POLYP_OK;
}

status plan_hold_gradients(plan *p)
{
    TRY(check_training(p, "holding gradients"));
    if (!p->options.accumulate) return fail(POLYP_ERR_ARGUMENT, "the plan was not made to hold gradients");
    if (p->holds) return fail(POLYP_ERR_ARGUMENT, "gradients are held already, and no backward pass has added to them");
    size_t count;
    float **const spans = p->engine->spans(p, &count), *const gradients = spans[PLAN_GRADIENTS];
    spans[PLAN_GRADIENTS] = spans[PLAN_HELD];
    spans[PLAN_HELD] = gradients;
    p->holds = true;
    return POLYP_OK;
}

double plan_gradient_norm(plan *p, const step_rule *rule)
{
    const param_table *const table = &p->graph->params;
    size_t count;
    const float *const gradients = plan_state(p, PLAN_GRADIENTS, &count);
    double sum = 0;
    for (int i = 0; i < table->count; i++) {
        const plan_slot slot = plan_slot_of(p, i);
        if (!step_trains(rule, &table->entries[i])) continue;
        sum += step_sum_of_squares(gradients + slot.offset, slot.count, p->options.threads);
    }
    return sqrt(sum);
}

status plan_step(plan *p, const step_rule *rule)
{
    TRY(check_training(p, "an optimiser step"));
    if (rule->step < 1) return fail(POLYP_ERR_ARGUMENT, "optimiser step %ld: steps count from 1", rule->step);
    return p->engine->step(p, rule);
}

float *plan_state(plan *p, enum plan_span span, size_t *count)
{
    *count = 0;
    if (p->options.mode != PLAN_TRAIN || !plan_has_span(&p->options, span)) return NULL;
    return p->engine->spans(p, count)[span];
}

plan_slot plan_slot_of(const plan *p, int index)
{
    return p->engine->slot_of(p, index);
}

status plan_save_gradients(const plan *p, params *out)
{
    TRY(check_training(p, "saving gradients"));
    TRY(check_writable(p, out));
    return p->engine->save_span(p, PLAN_GRADIENTS, out);
}

void plan_describe(const plan *p, FILE *to)
{
    p->engine->describe(p, to);
}

status plan_profile(plan *p, bool on)
{
    return p->engine->profile(p, on);
}

const plan_timing *plan_timings(const plan *p, int *count)
{
    return p->engine->timings(p, count);
}
