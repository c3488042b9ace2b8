/* Parameters between the graph's tables and the engine's layouts; batch norm folded into the convolution for inference.
 */
#include <math.h>
#include <string.h>

#include "engine/onednn/inside.h"

/* ---- one convolution's weights, plain ------------------------------------------------------------------ */

static size_t plain_count(const weight_shape *s)
{
    return (size_t)s->oc_padded * (size_t)s->ic_padded * (size_t)s->taps;
}

/* Place of (oc, ic, tap) in the graph's table, and in the plain padded array that is reordered. */
static size_t table_index(const weight_shape *s, int oc, int ic, int tap)
{
    const int row = s->up ? ic * s->oc + oc : oc * s->ic + ic;
    return (size_t)row * (size_t)s->taps + (size_t)tap;
}

static size_t plain_index(const weight_shape *s, int oc, int ic, int tap)
{
    const int to = s->ic_map[ic];
    if (s->up) return ((size_t)tap * (size_t)s->oc_padded + (size_t)oc) * (size_t)s->ic_padded + (size_t)to;
    return ((size_t)oc * (size_t)s->ic_padded + (size_t)to) * (size_t)s->taps + (size_t)tap;
}

/* factor NULL: 1. Places without a channel were zeroed. */
static void to_plain(float *plain, const float *table, const weight_shape *s, const float *factor, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int oc = 0; oc < s->oc; oc++) {
        const float f = factor == NULL ? 1.0F : factor[oc];
        for (int ic = 0; ic < s->ic; ic++) {
            for (int tap = 0; tap < s->taps; tap++) {
                plain[plain_index(s, oc, ic, tap)] = f * table[table_index(s, oc, ic, tap)];
            }
        }
    }
}

static void from_plain(float *table, const float *plain, const weight_shape *s, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int oc = 0; oc < s->oc; oc++) {
        for (int ic = 0; ic < s->ic; ic++) {
            for (int tap = 0; tap < s->taps; tap++) {
                table[table_index(s, oc, ic, tap)] = plain[plain_index(s, oc, ic, tap)];
            }
        }
    }
}

/* Is the table already the plain array? */
static bool is_plain(const weight_shape *s)
{
    if (s->up || s->oc != s->oc_padded || s->ic != s->ic_padded) return false;
    for (int c = 0; c < s->ic; c++) {
        if (s->ic_map[c] != c) return false;
    }
    return true;
}

static status plain_buffer(float **out, const onednn_plan *p)
{
    size_t most = 1;
    for (int i = 0; i < p->count; i++) {
        const work *const w = &p->works[i];
        if (w->weights.param >= 0 && !w->blocked && plain_count(&w->weights) > most) most = plain_count(&w->weights);
    }
    return memory_new(out, most);
}

/* NULL: the layout is the plain one. */
static status reorder(dnn_reorder *r, const float *from, void *to, const weight_shape *s, void *scratch)
{
    if (r != NULL) return dnn_reorder_run(r, from, to, scratch);
    memcpy(to, from, plain_count(s) * sizeof *from);
    return POLYP_OK;
}

static void zero(float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) values[i] = 0.0F;
}

/* ---- inference ----------------------------------------------------------------------------------------- */

/* y * scale + shift is the batch norm with running statistics (places of padding: 0 and 0). */
static void fold_norm(const onednn_plan *p, const work *w, const params *from, float *scale, float *shift)
{
    const op *const o = &p->base.graph->ops[w->u.norm_op];
    const channel_map *const m = &p->units.channels[w->u.value];
    const float *const gamma = params_f32(from, o->param), *const beta = params_f32(from, o->param + 1);
    const float *const mean = params_f32(from, o->param + 2), *const variance = params_f32(from, o->param + 3);
    for (int c = 0; c < m->channels; c++) {
        const double s = (double)gamma[c] / sqrt((double)variance[c] + (double)NORM_EPSILON);
        scale[m->map[c]] = (float)s;
        shift[m->map[c]] = (float)((double)beta[c] - (double)mean[c] * s);
    }
}

static void prepare_bias(const work *w, const params *from)
{
    const weight_shape *const s = &w->weights;
    const bool norm = w->u.norm_op >= 0;
    for (int c = 0; c < s->oc; c++) {
        const float bias = s->bias_param < 0 ? 0.0F : params_f32(from, s->bias_param)[c];
        w->prepared_bias[c] = norm ? bias * w->scale[c] + w->shift[c] : bias;
    }
}

/* Plain weights into the form that what runs reads; factor NULL: 1. */
static status place_weights(const onednn_plan *p, const work *w, const float *plain, const float *factor)
{
    if (w->winograd == NULL) return reorder(w->load, plain, w->prepared, &w->weights, p->scratch);
    w->winograd->prepare(w->prepared, plain, factor, &w->spec, p->base.options.load_threads);
    return POLYP_OK;
}

/* By way of a plain array and a reorder. */
static status prepare_weights(const onednn_plan *p, const work *w, const params *from, float *plain)
{
    const weight_shape *const s = &w->weights;
    const float *const table = params_f32(from, s->param);
    const float *const factor = w->u.norm_op >= 0 ? w->scale : NULL;
    if ((factor == NULL || w->winograd != NULL) && is_plain(s)) return place_weights(p, w, table, factor);
    if (s->oc != s->oc_padded || s->ic != s->ic_padded) zero(plain, plain_count(s));
    to_plain(plain, table, s, factor, p->base.options.load_threads);
    return place_weights(p, w, plain, NULL);
}

/* Just before it is read again, and by then is in the cache. The whole table is asked for the words. */
static status check_entry(const params *from, int i, int threads)
{
    const bool finite = values_are_finite(params_f32(from, i), from->table->entries[i].count, threads);
    return finite ? POLYP_OK : params_check_finite(from, threads);
}

/* All but convolutions' weights, which are checked as they are prepared. */
static status check_channels(const params *from)
{
    for (int i = 0; i < from->table->count; i++) {
        if (from->table->entries[i].rank == 1) TRY(check_entry(from, i, 1));
    }
    return POLYP_OK;
}

static status prepare_others(const onednn_plan *p, const params *from)
{
    float *plain = NULL;
    status result = plain_buffer(&plain, p);
    for (int i = 0; i < p->count && result == POLYP_OK; i++) {
        const work *const w = &p->works[i];
        if (w->weights.param < 0 || w->blocked) continue;
        result = check_entry(from, w->weights.param, p->base.options.load_threads);
        if (result == POLYP_OK) result = prepare_weights(p, w, from, plain);
    }
    memory_free(plain);
    return result;
}

static status describe_blocked(blocked_job *job, arena *owner, const onednn_plan *p, const work *w, const params *from)
{
    *job = (blocked_job){.blocks = w->blocks, .type = blocked_type_of(p), .to = w->prepared};
    job->table = params_f32(from, w->weights.param);
    return blocked_describe(job, owner, &w->weights, w->u.norm_op >= 0 ? w->scale : NULL, NULL);
}

/* Those whose layout is made of blocks, in one pass. */
static status prepare_blocked(const onednn_plan *p, const params *from)
{
    enum { ARENA_CHUNK = 1 << 18 };
    arena *owner = NULL;
    blocked_job *jobs = NULL;
    int count = 0;
    status result;
    TRY_DONE(arena_create(&owner, ARENA_CHUNK));
    TRY_DONE(memory_new(&jobs, (size_t)p->count));
    for (int i = 0; i < p->count; i++) {
        if (p->works[i].blocked) TRY_DONE(describe_blocked(&jobs[count++], owner, p, &p->works[i], from));
    }
    const int threads = p->base.options.load_threads;
    if (!blocked_place(jobs, count, threads)) result = params_check_finite(from, threads);
done:
    memory_free(jobs);
    arena_destroy(owner);
    return result;
}

static status prepare_all(onednn_plan *p, const params *from)
{
    TRY(check_channels(from));
    for (int i = 0; i < p->count; i++) {
        work *const w = &p->works[i];
        if (w->u.norm_op >= 0) fold_norm(p, w, from, w->scale, w->shift);
        if (w->weights.param >= 0) prepare_bias(w, from);
    }
    TRY(prepare_blocked(p, from));
    return prepare_others(p, from);
}

/* ---- training ------------------------------------------------------------------------------------------ */

static void channels_in(float *to, const float *from, const channel_map *m)
{
    for (int c = 0; c < m->channels; c++) to[m->map[c]] = from[c];
}

static void channels_out(float *to, const float *from, const channel_map *m)
{
    for (int c = 0; c < m->channels; c++) to[c] = from[m->map[c]];
}

static status span_in(onednn_plan *p, const work *w, float *span, const params *from, float *plain)
{
    const channel_map *const m = &p->units.channels[w->u.value];
    const weight_shape *const s = &w->weights;
    if (s->param >= 0) {
        zero(plain, plain_count(s));
        to_plain(plain, params_f32(from, s->param), s, NULL, p->base.options.threads);
        TRY(reorder(w->load, plain, span + p->slots[s->param].offset, s, p->scratch));
        if (s->bias_param >= 0) channels_in(span + p->slots[s->bias_param].offset, params_f32(from, s->bias_param), m);
    }
    if (w->u.norm_op < 0) return POLYP_OK;
    const int first = p->base.graph->ops[w->u.norm_op].param;
    for (int k = first; k < first + 2; k++) channels_in(span + p->slots[k].offset, params_f32(from, k), m);
    return POLYP_OK;
}

static float *flat_of(const params *p, int i)
{
    return p->flat + p->table->entries[i].offset;
}

static status span_out(const onednn_plan *p, const work *w, const float *span, params *to, float *plain)
{
    const channel_map *const m = &p->units.channels[w->u.value];
    const weight_shape *const s = &w->weights;
    if (s->param >= 0) {
        TRY(reorder(w->store, span + p->slots[s->param].offset, plain, s, p->scratch));
        from_plain(flat_of(to, s->param), plain, s, p->base.options.threads);
        if (s->bias_param >= 0) channels_out(flat_of(to, s->bias_param), span + p->slots[s->bias_param].offset, m);
    }
    if (w->u.norm_op < 0) return POLYP_OK;
    const int first = p->base.graph->ops[w->u.norm_op].param;
    for (int k = first; k < first + 2; k++) channels_out(flat_of(to, k), span + p->slots[k].offset, m);
    return POLYP_OK;
}

status weights_load_span(onednn_plan *p, enum plan_span span, const params *from)
{
    float *plain = NULL;
    status result = plain_buffer(&plain, p);
    for (int i = 0; i < p->count && result == POLYP_OK; i++) {
        result = span_in(p, &p->works[i], p->spans[span], from, plain);
    }
    memory_free(plain);
    return result;
}

status weights_save(const onednn_plan *p, enum plan_span span, params *to)
{
    float *plain = NULL;
    status result = plain_buffer(&plain, p);
    for (int i = 0; i < p->count && result == POLYP_OK; i++) {
        result = span_out(p, &p->works[i], p->spans[span], to, plain);
        const int norm = p->works[i].u.norm_op;
        if (norm < 0 || span != PLAN_WEIGHTS) continue;
        const int first = p->base.graph->ops[norm].param + 2;
        const channel_map *const m = &p->units.channels[p->works[i].u.value];
        for (int k = first; k < first + 2; k++) channels_out(flat_of(to, k), p->running[k], m);
    }
    memory_free(plain);
    return result;
}

static void load_running(onednn_plan *p, const params *from)
{
    for (int i = 0; i < p->count; i++) {
        const work *const w = &p->works[i];
        if (w->u.norm_op < 0) continue;
        const int first = p->base.graph->ops[w->u.norm_op].param + 2;
        for (int k = first; k < first + 2; k++) {
            channels_in(p->running[k], params_f32(from, k), &p->units.channels[w->u.value]);
        }
    }
}

status weights_load(onednn_plan *p, const params *from)
{
    if (!p->training) return prepare_all(p, from);
    TRY(params_check_finite(from, p->base.options.load_threads));
    load_running(p, from);
    return weights_load_span(p, PLAN_WEIGHTS, from);
}
