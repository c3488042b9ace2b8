/* Weights of an int8 plan: batch norms folded into scales, primitives made with these, bytes brought into their layout. */
#include <math.h>
#include <string.h>

#include "engine/onednn/int8.h"
#include "net/quantise.h"

enum { ARENA_CHUNK = 1 << 20 };

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

/* How a convolution's bytes lie: a transposed one is a 1x1 convolution to 4 groups of channels. */
typedef struct byte_weights {
    int oc, ic, taps;         /* of the graph */
    int oc_padded, ic_padded; /* of one group */
    const int *ic_map;
    bool up;
    int param;
} byte_weights;

static byte_weights weights_of(const byte_plan *p, const byte_work *w)
{
    const op *const o = &p->base.graph->ops[w->u.core_op];
    const channel_map *const source = &p->units.channels[w->u.source[0]];
    return (byte_weights){.oc = o->channels,
                          .ic = source->channels,
                          .taps = o->kernel * o->kernel,
                          .oc_padded = w->out.c,
                          .ic_padded = source->padded,
                          .ic_map = source->map,
                          .up = o->kind == OP_UPCONV,
                          .param = o->param};
}

static void place_weights(signed char *plain, const byte_weights *s, const signed char *table, const bool *dead)
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
static bool is_dead(const byte_weights *s, double scale)
{
    const double largest = (double)QUANTISE_MOST * QUANTISE_UNSIGNED_MOST * s->ic * s->taps;
    return !(fabs(scale) * largest > 1e-3);
}

/* Scales and biases in steps of the result, for every group; padded channels stay 0. */
static void fill_channels(float *scales, float *bias, bool *dead, const byte_plan *p, const byte_work *w,
                          const byte_weights *s, const params *from)
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

static status open_primitive(byte_plan *p, byte_work *w, const float *scales)
{
    dnn_conv_close(w->conv);
    w->conv = NULL;
    w->spec.int8 = (conv_int8){.scales = scales,
                               .signed_source = p->is_signed[w->u.source[0]],
                               .signed_result = w->signed_result};
    if (w->u.residual >= 0) {
        w->spec.int8.signed_addend = p->is_signed[w->u.residual];
        w->spec.int8.addend_scale = p->scales[w->u.residual] / p->scales[w->u.value];
    }
    TRY(dnn_conv_open(&w->conv, p->library, &w->spec, CONV_INFER));
    const size_t scratch = dnn_conv_scratch_size(w->conv);
    if (scratch > p->scratch_bytes) p->scratch_bytes = scratch;
    return POLYP_OK;
}

static status reorder(byte_plan *p, byte_work *w, const signed char *plain)
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

static status load_conv(byte_plan *p, byte_work *w, const params *from, signed char *plain)
{
    const byte_weights s = weights_of(p, w);
    const size_t channels = (size_t)w->spec.oc;
    float *const scales = arena_take(p->prepared, channels, sizeof *scales);
    bool *const dead = arena_take(p->prepared, (size_t)s.oc, sizeof *dead);
    w->bias = arena_take(p->prepared, channels, sizeof *w->bias);
    if (scales == NULL || dead == NULL || w->bias == NULL) return POLYP_ERR_MEMORY;
    fill_channels(scales, w->bias, dead, p, w, &s, from);
    TRY(open_primitive(p, w, scales));
    w->weights = arena_take(p->prepared, dnn_conv_weights_bytes(w->conv), 1);
    if (w->weights == NULL) return POLYP_ERR_MEMORY;
    memset(plain, 0, channels * (size_t)s.ic_padded * (size_t)(s.up ? 1 : s.taps));
    place_weights(plain, &s, from->data[s.param], dead);
    return reorder(p, w, plain);
}

static status load_head(byte_plan *p, byte_work *w, const params *from)
{
    const byte_weights s = weights_of(p, w);
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

static size_t plain_bytes(const byte_work *w)
{
    const conv_spec *const s = &w->spec;
    return (size_t)s->oc * (size_t)s->ic * (size_t)s->kernel * (size_t)s->kernel;
}

static status load_all(byte_plan *p, const params *from, signed char *plain)
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
            TRY(load_conv(p, w, from, plain));
        }
    }
    return POLYP_OK;
}

status int8_load(byte_plan *p, const params *from)
{
    size_t most = 1;
    signed char *plain = NULL;
    unsigned char *scratch = NULL;
    status result;
    for (int i = 0; i < p->count; i++) {
        if (convolves(&p->works[i]) && plain_bytes(&p->works[i]) > most) most = plain_bytes(&p->works[i]);
    }
    arena_destroy(p->prepared);
    memory_free(p->scratch);
    p->prepared = NULL;
    p->scratch = NULL;
    TRY_DONE(arena_create(&p->prepared, ARENA_CHUNK));
    TRY_DONE(memory_new(&plain, most));
    TRY_DONE(load_all(p, from, plain));
    TRY_DONE(memory_new(&scratch, p->scratch_bytes));
    p->scratch = scratch;
done:
    memory_free(plain);
    if (result != POLYP_OK) {
        arena_destroy(p->prepared);
        p->prepared = NULL;
    }
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
    status result = POLYP_OK;
    for (int i = 0; i < p->count && result == POLYP_OK; i++) {
        byte_work *const w = &p->works[i];
        if (!convolves(w)) continue;
        w->signed_result = p->is_signed[w->u.value];
        result = open_primitive(p, w, ones);
        if (result == POLYP_OK) *weights_bytes += dnn_conv_weights_bytes(w->conv) + 2 * sizeof(float) * (size_t)w->spec.oc;
    }
    memory_free(ones);
    return result;
}
