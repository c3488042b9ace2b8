/* Weights of an int8 plan: batch norms folded into scales, primitives made with these, bytes brought into their layout. */
#include <math.h>
#include <string.h>

#include "engine/each.h"
#include "engine/onednn/int8.h"
#include "net/quantise.h"

enum { ARENA_CHUNK = 1 << 18 };

/* ---- scales of values ------------------------------------------------------------------------------------ */

static bool convolves(const byte_work *w)
{
    return (w->u.core == CORE_CONV || w->u.core == CORE_UPCONV) && !w->head;
}

/* The concatenation that the value is written into, or -1. */
static int concat_of(const byte_plan *p, int value)
{
    for (int i = 0; i < p->count; i++) {
        const byte_work *const w = &p->works[i];
        if (w->u.core != CORE_CONCAT) continue;
        if ((w->u.source[0] == value && !w->copy_part[0]) || (w->u.source[1] == value && !w->copy_part[1])) {
            return w->u.value;
        }
    }
    return -1;
}

/* Its own; that of the concatenation it lies in; that of what it was pooled from. */
static status scale_of_work(byte_plan *p, byte_work *w, const params *from)
{
    const int v = w->u.value, concat = concat_of(p, v);
    if (w->head) return POLYP_OK;
    p->scales[v] = from->value_scales[v];
    w->signed_result = p->is_signed[concat >= 0 ? concat : v];
    if (concat >= 0) {
        p->scales[v] = from->value_scales[concat];
    } else if (w->u.core == CORE_POOL || w->u.core == CORE_UPSAMPLE) {
        p->scales[v] = p->scales[w->u.source[0]];
    }
    if (p->scales[v] > 0) return POLYP_OK;
    return fail(POLYP_ERR_MISMATCH, "%s has no scale for its values", p->base.graph->ops[v].name);
}

/* ---- one convolution ------------------------------------------------------------------------------------- */

static weight_shape weights_of(const byte_plan *p, const byte_work *w)
{
    const op *const o = &p->base.graph->ops[w->u.core_op];
    const channel_map *const source = &p->units.channels[w->u.source[0]];
    return (weight_shape){.oc = o->channels,
                          .ic = source->channels,
                          .taps = o->kernel * o->kernel,
                          .oc_padded = w->out.c,
                          .ic_padded = source->padded,
                          .ic_map = source->map,
                          .up = o->kind == OP_UPCONV,
                          .param = o->param,
                          .bias_param = o->has_bias ? o->param + 1 : -1};
}

/* value = sum of weights and inputs * scale + bias, with the batch norm that follows folded in. */
typedef struct affine {
    double scale, bias;
} affine;

static affine fold(const byte_plan *p, const byte_work *w, const params *from, int c)
{
    const graph *const g = p->base.graph;
    const op *const o = &g->ops[w->u.core_op];
    affine a = {(double)from->scales[o->param][c] * (double)p->scales[w->u.source[0]],
                o->has_bias ? (double)params_f32(from, o->param + 1)[c] : 0};
    if (w->u.norm_op < 0) return a;
    const int norm = g->ops[w->u.norm_op].param;
    const double variance = (double)params_f32(from, norm + 3)[c] + (double)NORM_EPSILON;
    const double factor = (double)params_f32(from, norm)[c] / sqrt(variance);
    a.bias = (a.bias - (double)params_f32(from, norm + 2)[c]) * factor + (double)params_f32(from, norm + 1)[c];
    a.scale *= factor;
    return a;
}

/* A channel whose sums cannot reach a thousandth of a step is its bias alone: nothing is divided by its scale. */
static bool is_dead(const weight_shape *s, double scale)
{
    const double largest = (double)QUANTISE_MOST * QUANTISE_UNSIGNED_MOST * s->ic * s->taps;
    return !(fabs(scale) * largest > 1e-3);
}

/* Scales and biases in steps of the result, for every group; padded channels stay 0. */
static void fill_channels(float *scales, float *bias, bool *dead, const byte_plan *p, const byte_work *w,
                          const weight_shape *s, const params *from)
{
    const int groups = s->up ? s->taps : 1;
    const double step = (double)p->scales[w->u.value];
    for (int k = 0; k < groups * s->oc_padded; k++) scales[k] = 1;
    for (int c = 0; c < s->oc; c++) {
        const affine a = fold(p, w, from, c);
        dead[c] = is_dead(s, a.scale / step);
        for (int k = 0; k < groups; k++) {
            const int to = k * s->oc_padded + c;
            if (!dead[c]) scales[to] = (float)(a.scale / step);
            bias[to] = dnn_int8_bias(a.bias / step, scales[to]);
        }
    }
}

/* A few passes do not make good for the time that other kernels take to be made. Of a signed source the quick ones want sums
 * beside the weights, which a reorder must make. */
static bool wants_quick(const plan_options *o, bool signed_source)
{
    enum { FEW = 16 };
    return !signed_source && o->passes > 0 && o->passes < FEW;
}

static void set_scales(const byte_plan *p, byte_work *w, const float *scales)
{
    w->spec.int8 = (conv_int8){.scales = scales,
                               .signed_source = p->is_signed[w->u.source[0]],
                               .signed_result = w->signed_result,
                               .quick = wants_quick(&p->base.options, p->is_signed[w->u.source[0]])};
    if (w->u.residual < 0) return;
    w->spec.int8.signed_addend = p->is_signed[w->u.residual];
    w->spec.int8.addend_scale = p->scales[w->u.residual] / p->scales[w->u.value];
}

static status open_primitive(void *context, int i)
{
    byte_plan *const p = context;
    byte_work *const w = &p->works[i];
    if (!convolves(w)) return POLYP_OK;
    dnn_conv_close(w->conv);
    w->conv = NULL;
    return dnn_conv_open(&w->conv, p->library, &w->spec, CONV_INFER);
}

/* From one convolution's weights to the next one's. */
static size_t weights_step(const byte_work *w)
{
    return memory_aligned(dnn_conv_weights_bytes(w->conv));
}

/* The scales are set. Tells the bytes of all weights. */
static status open_primitives(byte_plan *p, size_t *weights_bytes)
{
    TRY(each_in_parallel(open_primitive, p, p->count, p->base.options.load_threads));
    *weights_bytes = 0;
    for (int i = 0; i < p->count; i++) {
        const byte_work *const w = &p->works[i];
        if (!convolves(w)) continue;
        const size_t scratch = dnn_conv_scratch_size(w->conv);
        if (scratch > p->scratch_bytes) p->scratch_bytes = scratch;
        *weights_bytes += weights_step(w);
    }
    return POLYP_OK;
}

/* ---- bytes of weights ------------------------------------------------------------------------------------ */

static void place_weights(signed char *plain, const weight_shape *s, const signed char *table, const bool *dead)
{
    for (int oc = 0; oc < s->oc; oc++) {
        for (int ic = 0; ic < s->ic && !dead[oc]; ic++) {
            const size_t row = s->up ? (size_t)ic * (size_t)s->oc + (size_t)oc : (size_t)oc * (size_t)s->ic + (size_t)ic;
            for (int tap = 0; tap < s->taps; tap++) {
                const size_t group = s->up ? (size_t)tap * (size_t)s->oc_padded + (size_t)oc : (size_t)oc;
                const size_t to = group * (size_t)s->ic_padded + (size_t)s->ic_map[ic];
                plain[s->up ? to : to * (size_t)s->taps + (size_t)tap] = table[row * (size_t)s->taps + (size_t)tap];
            }
        }
    }
}

static status reorder(const byte_plan *p, const byte_work *w, const signed char *plain)
{
    dnn_reorder *r = NULL;
    unsigned char *scratch = NULL;
    status result;
    TRY_DONE(dnn_reorder_open(&r, p->library, NULL, w->conv));
    TRY_DONE(memory_new(&scratch, dnn_reorder_scratch_size(r)));
    result = dnn_reorder_run(r, plain, w->weights, scratch);
done:
    memory_free(scratch);
    dnn_reorder_close(r);
    return result;
}

/* By way of a plain array: a layout with more in it than the weights. */
static status load_by_reorder(const byte_plan *p, const byte_work *w, const weight_shape *s, const signed char *table,
                              const bool *dead)
{
    signed char *plain = NULL;
    TRY(memory_new(&plain, (size_t)w->spec.oc * (size_t)s->ic_padded * (size_t)(s->up ? 1 : s->taps)));
    place_weights(plain, s, table, dead);
    const status result = reorder(p, w, plain);
    memory_free(plain);
    return result;
}

/* The rest is told by blocked jobs, in one pass over all. */
static status load_weights(blocked_job *jobs, int *count, const byte_plan *p, const byte_work *w, const params *from,
                           arena *owner)
{
    const weight_shape s = weights_of(p, w);
    const signed char *const table = from->data[s.param];
    blocked_job *const job = &jobs[*count];
    *job = (blocked_job){.type = BLOCKED_S8, .table = table, .to = w->weights};
    if (!blocked_suits(&job->blocks, w->conv, BLOCKED_S8, s.taps)) return load_by_reorder(p, w, &s, table, w->dead);
    (*count)++;
    return blocked_describe(job, owner, &s, NULL, w->dead);
}

static status load_all_weights(byte_plan *p, const params *from, size_t weights_bytes)
{
    blocked_job *jobs = NULL;
    int count = 0;
    arena *owner = NULL;
    status result;
    TRY_DONE(memory_new(&p->weights, weights_bytes));
    TRY_DONE(memory_new(&jobs, (size_t)p->count));
    TRY_DONE(arena_create(&owner, ARENA_CHUNK));
    unsigned char *next = p->weights;
    for (int i = 0; i < p->count; i++) {
        byte_work *const w = &p->works[i];
        if (!convolves(w)) continue;
        w->weights = (signed char *)next;
        next += weights_step(w);
        TRY_DONE(load_weights(jobs, &count, p, w, from, owner));
    }
    (void)blocked_place(jobs, count, p->base.options.load_threads); /* bytes are always finite */
done:
    memory_free(jobs);
    arena_destroy(owner);
    return result;
}

/* ---- one unit -------------------------------------------------------------------------------------------- */

static status describe_conv(byte_plan *p, byte_work *w, const params *from)
{
    const weight_shape s = weights_of(p, w);
    const size_t channels = (size_t)w->spec.oc;
    float *const scales = arena_take(p->prepared, channels, sizeof *scales);
    w->dead = arena_take(p->prepared, (size_t)s.oc, sizeof *w->dead);
    w->bias = arena_take(p->prepared, channels, sizeof *w->bias);
    if (scales == NULL || w->dead == NULL || w->bias == NULL) return POLYP_ERR_MEMORY;
    fill_channels(scales, w->bias, w->dead, p, w, &s, from);
    set_scales(p, w, scales);
    return POLYP_OK;
}

static status load_head(byte_plan *p, byte_work *w, const params *from)
{
    const weight_shape s = weights_of(p, w);
    const op *const o = &p->base.graph->ops[w->u.core_op];
    const float *const table = params_f32(from, o->param);
    const float scale = p->scales[w->u.source[0]];
    w->head_weights = arena_take(p->prepared, (size_t)s.oc * (size_t)s.taps * (size_t)s.ic_padded, sizeof(float));
    w->bias = arena_take(p->prepared, (size_t)s.oc, sizeof *w->bias);
    if (w->head_weights == NULL || w->bias == NULL) return POLYP_ERR_MEMORY;
    for (int i = 0; i < s.oc * s.ic * s.taps; i++) {
        const int oc = i / (s.ic * s.taps), ic = i / s.taps % s.ic, tap = i % s.taps;
        w->head_weights[(oc * s.taps + tap) * s.ic_padded + s.ic_map[ic]] = table[i] * scale;
    }
    for (int c = 0; c < s.oc && o->has_bias; c++) w->bias[c] = params_f32(from, o->param + 1)[c];
    return POLYP_OK;
}

/* ---- all of them ----------------------------------------------------------------------------------------- */

static status describe_all(byte_plan *p, const params *from)
{
    p->scales[0] = from->value_scales[0];
    for (int i = 0; i < p->count; i++) TRY(scale_of_work(p, &p->works[i], from));
    for (int i = 0; i < p->count; i++) {
        byte_work *const w = &p->works[i];
        if (w->head) {
            TRY(load_head(p, w, from));
        } else if (convolves(w)) {
            if (from->dtype[p->base.graph->ops[w->u.core_op].param] != DTYPE_S8) {
                return fail(POLYP_ERR_UNSUPPORTED, "%s has no weights in 8 bits; use bf16 or f32",
                            p->base.graph->ops[w->u.core_op].name);
            }
            TRY(describe_conv(p, w, from));
        }
    }
    return POLYP_OK;
}

void int8_unload(byte_plan *p)
{
    arena_destroy(p->prepared);
    memory_free(p->weights);
    p->prepared = NULL;
    p->weights = NULL;
}

status int8_load(byte_plan *p, const params *from)
{
    size_t weights_bytes;
    unsigned char *scratch = NULL;
    status result;
    TRY(params_check_finite(from, p->base.options.load_threads));
    int8_unload(p);
    memory_free(p->scratch);
    p->scratch = NULL;
    TRY_DONE(arena_create(&p->prepared, ARENA_CHUNK));
    TRY_DONE(describe_all(p, from));
    TRY_DONE(open_primitives(p, &weights_bytes));
    TRY_DONE(load_all_weights(p, from, weights_bytes));
    TRY_DONE(memory_new(&scratch, p->scratch_bytes));
    p->scratch = scratch;
done:
    if (result != POLYP_OK) int8_unload(p);
    return result;
}

status int8_measure(byte_plan *p, size_t *weights_bytes)
{
    float *ones = NULL;
    size_t most = 1;
    *weights_bytes = 0;
    for (int i = 0; i < p->count; i++) {
        if (convolves(&p->works[i]) && (size_t)p->works[i].spec.oc > most) most = (size_t)p->works[i].spec.oc;
    }
    TRY(memory_new(&ones, most));
    for (size_t c = 0; c < most; c++) ones[c] = 1;
    for (int v = 0; v < p->base.graph->count; v++) p->scales[v] = 1;
    for (int i = 0; i < p->count; i++) {
        byte_work *const w = &p->works[i];
        if (!convolves(w)) continue;
        w->signed_result = p->is_signed[w->u.value];
        set_scales(p, w, ones);
    }
    const status result = open_primitives(p, weights_bytes);
    for (int i = 0; i < p->count; i++) {
        if (convolves(&p->works[i])) *weights_bytes += 2 * sizeof(float) * (size_t)p->works[i].spec.oc;
    }
    memory_free(ones);
    return result;
}
