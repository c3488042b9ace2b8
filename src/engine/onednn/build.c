/* Making a plan: units with their primitives first, so that the memory is known; then the memory. */
#include <string.h>

#include "engine/each.h"
#include "engine/onednn/inside.h"

/* ---- shapes -------------------------------------------------------------------------------------------- */

/* The few channels of a picture are read as they are; anything else is blocked first. */
static bool reads_planar(const onednn_plan *p, const unit *u)
{
    return u->source[0] == 0 && p->shapes[0].c <= 3 && p->base.graph->ops[u->core_op].kernel > 1;
}

static weight_shape weight_shape_of(const onednn_plan *p, const work *w)
{
    const op *const o = &p->base.graph->ops[w->u.core_op];
    const channel_map *const source = &p->units.channels[w->u.source[0]];
    weight_shape s = {.oc = o->channels, .ic = source->channels, .taps = o->kernel * o->kernel};
    s.oc_padded = w->dot >= 0 ? 1 : w->out.c;
    s.ic_padded = w->spec.planar ? source->channels : source->padded;
    s.ic_map = source->map;
    s.up = o->kind == OP_UPCONV;
    s.param = o->param;
    s.bias_param = o->has_bias ? o->param + 1 : -1;
    return s;
}

/* Logits: what a convolution writes and only the caller reads is f32 in every precision. */
static bool writes_f32(const onednn_plan *p, const unit *u)
{
    if (u->core != CORE_CONV || unit_has_tail(u) || !graph_is_output(p->base.graph, u->value)) return false;
    for (int i = 0; i < p->count; i++) {
        const unit *const other = &p->units.units[i];
        if (other->source[0] == u->value || other->source[1] == u->value || other->residual == u->value) return false;
    }
    return true;
}

/* A head: oneDNN would compute a whole block of channels for the one. */
static int dot_of(const onednn_plan *p, const unit *u)
{
    const graph *const g = p->base.graph;
    if (!writes_f32(p, u)) return -1;
    const op *const o = &g->ops[u->core_op];
    if (o->channels != 1 || o->kernel != 1 || o->stride != 1 || o->padding != 0) return -1;
    for (int k = 0; k <= g->auxiliary_count; k++) {
        if (graph_output(g, k) == u->value) return k;
    }
    return -1;
}

/*
 * Where Winograd's algorithm is faster than the direct one, as measured with oneDNN 2.6.3 on AVX-512 (it has none for
 * AVX2: winograd/f32.h): by 1.5 to 3 in all three directions. A rule, never a timing: equal runs must give equal bits.
 */
static bool suits_winograd(const conv_spec *s)
{
    enum { FEWEST_CHANNELS = 32, SMALLEST_SIDE = 8 };
    return !s->bf16 && s->kernel == 3 && s->stride == 1 && s->padding == 1 && s->ic >= FEWEST_CHANNELS &&
           s->oc >= FEWEST_CHANNELS && s->ih >= SMALLEST_SIDE && s->iw >= SMALLEST_SIDE;
}

/* Its weights are transformed into two to four times as much memory: that takes a time for each weight, and each pixel of each
 * pass saves one. As measured on Zen 4. */
static bool is_worth_transforming(const plan_options *o, const conv_spec *s)
{
    const size_t fewest_pixels = 2048;
    return o->mode == PLAN_TRAIN || o->passes == 0 || (size_t)o->passes * (size_t)s->oh * (size_t)s->ow >= fewest_pixels;
}

static conv_spec conv_spec_of(const onednn_plan *p, const work *w)
{
    const op *const o = &p->base.graph->ops[w->u.core_op];
    conv_spec s = unit_conv_spec(&w->u, p->base.graph, w->in, w->out);
    if (!p->training) s.n = 1;
    s.bf16 = p->element == ELEMENT_BF16;
    s.f32_result = s.bf16 && writes_f32(p, &w->u);
    if (w->u.core == CORE_UPCONV) return s;
    s.planar = reads_planar(p, &w->u);
    if (s.planar) s.ic = p->shapes[0].c;
    s.bias = o->has_bias || (!p->training && w->u.norm_op >= 0);
    s.sum = !p->training && w->u.residual >= 0;
    s.relu = !p->training && w->u.relu;
    s.winograd = suits_winograd(&s) && is_worth_transforming(&p->base.options, &s);
    return s;
}

static double conv_flops(const work *w)
{
    const conv_spec *const s = &w->spec;
    return 2.0 * w->in.n * (w->dot >= 0 ? 1 : s->oc) * s->oh * s->ow * (double)s->ic * s->kernel * s->kernel;
}

/* ---- primitives ---------------------------------------------------------------------------------------- */

/* Another layout or precision than the spans': weights are brought into it in a buffer that all units share, just before
 * use. */
static status open_reorder_from_span(onednn_plan *p, const work *w, dnn_reorder **out, const dnn_conv *to)
{
    if (dnn_conv_same_layout(w->backward_weights, to)) return POLYP_OK;
    return dnn_reorder_open(out, p->library, w->backward_weights, to);
}

/* Along one axis. */
static bool has_blind_taps(const conv_spec *s, int in, int out)
{
    for (int tap = 0; tap < s->kernel; tap++) {
        bool meets = false;
        for (int o = 0; o < out && !meets; o++) {
            const int i = o * s->stride - s->padding + tap;
            meets = i >= 0 && i < in;
        }
        if (!meets) return true;
    }
    return false;
}

static status open_for_inference(onednn_plan *p, work *w)
{
    const winograd_way *const way = winograd_way_of(&w->spec);
    if (way != NULL && way->suits(&w->spec) && (w->spec.bf16 || is_worth_transforming(&p->base.options, &w->spec))) {
        w->winograd = way;
        return POLYP_OK;
    }
    TRY(dnn_conv_open(&w->forward, p->library, &w->spec, CONV_INFER));
    w->blocked = blocked_suits(&w->blocks, w->forward, blocked_type_of(p), w->weights.taps);
    return w->blocked ? POLYP_OK : dnn_reorder_open(&w->load, p->library, NULL, w->forward);
}

/* Where the spans have the layout that the transforms read. */
static void choose_winograd(work *w)
{
    const winograd_way *const way = winograd_way_of(&w->spec);
    if (way == NULL || !dnn_conv_blocks(&w->blocks, w->backward_weights) || !way->reads(&w->blocks, &w->spec)) return;
    w->turned = winograd_turned(&w->spec);
    if (way->suits_training(&w->spec)) w->winograd = way;
    if (w->u.source[0] != 0 && way->suits_training(&w->turned)) w->winograd_data = way;
    if (way->suits_gradient(&w->spec)) w->winograd_weights = way;
}

static status open_forward(onednn_plan *p, work *w)
{
    if (w->winograd != NULL) return POLYP_OK;
    TRY(dnn_conv_open(&w->forward, p->library, &w->spec, CONV_FORWARD));
    return open_reorder_from_span(p, w, &w->to_forward, w->forward);
}

static status open_backward_data(onednn_plan *p, work *w)
{
    const bool wanted = w->u.source[0] != 0; /* nobody asks for the picture's gradient */
    if (!wanted || w->winograd_data != NULL) return POLYP_OK;
    TRY(dnn_conv_open(&w->backward_data, p->library, &w->spec, CONV_BACKWARD_DATA));
    return open_reorder_from_span(p, w, &w->to_backward, w->backward_data);
}

static status open_for_training(onednn_plan *p, work *w)
{
    TRY(dnn_conv_open(&w->backward_weights, p->library, &w->spec, CONV_BACKWARD_WEIGHTS));
    w->blind_taps = has_blind_taps(&w->spec, w->in.h, w->out.h) || has_blind_taps(&w->spec, w->in.w, w->out.w);
    w->slow_weights = !w->spec.planar && !w->spec.bias && dnn_conv_is_slow(w->backward_weights);
    TRY(dnn_reorder_open(&w->load, p->library, NULL, w->backward_weights));
    TRY(dnn_reorder_open(&w->store, p->library, w->backward_weights, NULL));
    choose_winograd(w);
    TRY(open_forward(p, w));
    return open_backward_data(p, w);
}

/* Units are independent of each other: one of each thread at a time. */
static status open_primitives(void *context, int i)
{
    onednn_plan *const p = context;
    work *const w = &p->works[i];
    if (w->weights.param < 0 || w->dot >= 0) return POLYP_OK;
    return p->training ? open_for_training(p, w) : open_for_inference(p, w);
}

static void raise_to(size_t *most, size_t bytes)
{
    if (bytes > *most) *most = bytes;
}

static void need_scratch(onednn_plan *p, const work *w)
{
    const dnn_reorder *const reorders[] = {w->load, w->store, w->to_forward, w->to_backward};
    for (size_t k = 0; k < sizeof reorders / sizeof reorders[0]; k++) {
        if (reorders[k] != NULL) raise_to(&p->scratch_bytes, dnn_reorder_scratch_size(reorders[k]));
    }
    if (w->to_forward != NULL) raise_to(&p->weights_scratch_bytes, dnn_conv_weights_bytes(w->forward));
    if (w->to_backward != NULL) raise_to(&p->weights_scratch_bytes, dnn_conv_weights_bytes(w->backward_data));
    if (p->training && w->winograd != NULL) raise_to(&p->weights_scratch_bytes, w->winograd->weights_bytes(&w->spec));
    if (w->winograd_data != NULL) raise_to(&p->weights_scratch_bytes, w->winograd_data->weights_bytes(&w->turned));
}

static void describe_work(const onednn_plan *p, work *w)
{
    w->in = padded_shape(p, w->u.source[0]);
    w->out = padded_shape(p, w->u.value);
    w->weights.param = -1;
    w->weights.bias_param = -1;
    w->dot = -1;
    if (w->u.core != CORE_CONV && w->u.core != CORE_UPCONV) return;
    w->dot = dot_of(p, &w->u);
    w->spec = conv_spec_of(p, w);
    w->weights = weight_shape_of(p, w);
    w->flops = conv_flops(w);
}

/* ---- per-channel arrays and partial sums --------------------------------------------------------------- */

static status channel_array(onednn_plan *p, float **out, int channels)
{
    *out = arena_take(p->small, (size_t)channels, sizeof **out);
    return *out == NULL ? POLYP_ERR_MEMORY : POLYP_OK;
}

static status norm_arrays(onednn_plan *p, work *w)
{
    if (w->u.norm_op < 0) return POLYP_OK;
    float **const all[] = {&w->scale, &w->shift,       &w->mean, &w->variance, &w->inverse,
                           &w->sum,   &w->sum_centred, &w->a,    &w->b,        &w->d};
    const int count = p->training ? (int)(sizeof all / sizeof all[0]) : 2;
    for (int k = 0; k < count; k++) TRY(channel_array(p, all[k], w->out.c));
    return POLYP_OK;
}

static void need_partials(onednn_plan *p, const work *w)
{
    const extent e = extent_of(p, w->dot >= 0 ? w->in : w->out);
    const size_t needed = kernel_partials(&e);
    if (needed > p->partial_count) p->partial_count = needed;
}

/* ---- spans --------------------------------------------------------------------------------------------- */

static void slot_add(onednn_plan *p, int index, size_t count)
{
    p->slots[index] = (plan_slot){p->span_values, count};
    p->span_values += memory_aligned(count * sizeof(float)) / sizeof(float);
}

static status running_add(onednn_plan *p, int index, int channels)
{
    return channel_array(p, &p->running[index], channels);
}

static size_t span_bytes(const work *w)
{
    return w->dot >= 0 ? unit_weights_bytes(w) : dnn_conv_weights_bytes(w->backward_weights);
}

static status slots_of_work(onednn_plan *p, const work *w)
{
    const graph *const g = p->base.graph;
    if (w->weights.param >= 0) {
        slot_add(p, w->weights.param, span_bytes(w) / sizeof(float));
        if (w->weights.bias_param >= 0) slot_add(p, w->weights.bias_param, (size_t)w->out.c);
    }
    if (w->u.norm_op < 0) return POLYP_OK;
    const int first = g->ops[w->u.norm_op].param;
    slot_add(p, first, (size_t)w->out.c);
    slot_add(p, first + 1, (size_t)w->out.c);
    TRY(running_add(p, first + 2, w->out.c));
    return running_add(p, first + 3, w->out.c);
}

static void prepared_of_work(onednn_plan *p, const work *w)
{
    if (w->weights.param < 0) return;
    p->prepared_bytes += memory_aligned(unit_weights_bytes(w)) + memory_aligned((size_t)w->out.c * sizeof(float));
}

status build_works(onednn_plan *p)
{
    for (int i = 0; i < p->count; i++) {
        work *const w = &p->works[i];
        w->u = p->units.units[i];
        describe_work(p, w);
    }
    TRY(each_in_parallel(open_primitives, p, p->count, p->base.options.load_threads));
    for (int i = 0; i < p->count; i++) {
        work *const w = &p->works[i];
        need_scratch(p, w);
        TRY(norm_arrays(p, w));
        need_partials(p, w);
        if (p->training) {
            TRY(slots_of_work(p, w));
        } else {
            prepared_of_work(p, w);
        }
    }
    return POLYP_OK;
}

/* ---- memory -------------------------------------------------------------------------------------------- */

/* Values of the picture's rounded copy: 0 where nothing reads the picture as it is. */
static size_t narrow_input_count(const onednn_plan *p)
{
    if (p->element == ELEMENT_F32) return 0;
    for (int i = 0; i < p->count; i++) {
        if (p->works[i].spec.planar) return shape_count(p->base.input);
    }
    return 0;
}

size_t build_bytes(const onednn_plan *p)
{
    const graph *const g = p->base.graph;
    const size_t of_span = p->span_values * sizeof(float);
    const size_t weights = p->training ? plan_span_count(&p->base.options) * of_span : p->prepared_bytes;
    size_t pictures = shape_count(p->base.input);
    for (int k = 0; k <= g->auxiliary_count; k++) pictures += shape_count(p->shapes[graph_output(g, k)]);
    const size_t scratch = p->training ? p->scratch_bytes : 0;
    return p->arena_bytes + scratch + p->weights_scratch_bytes + p->partial_count * sizeof(double) + weights +
           pictures * sizeof(float) + narrow_input_count(p) * element_bytes(p->element);
}

/* Inference: one block holds all prepared weights. */
static void deal_prepared(onednn_plan *p)
{
    unsigned char *next = p->prepared;
    for (int i = 0; i < p->count; i++) {
        work *const w = &p->works[i];
        if (w->weights.param < 0) continue;
        w->prepared = next;
        next += memory_aligned(unit_weights_bytes(w));
        w->prepared_bias = (float *)(void *)next;
        next += memory_aligned((size_t)w->out.c * sizeof(float));
    }
}

static status build_pictures(onednn_plan *p)
{
    TRY(memory_new(&p->input, shape_count(p->base.input)));
    for (int k = 0; k <= p->base.graph->auxiliary_count; k++) {
        TRY(memory_new(&p->outputs[k], shape_count(p->shapes[graph_output(p->base.graph, k)])));
    }
    unsigned short *narrow = NULL;
    const size_t count = narrow_input_count(p);
    if (count > 0) TRY(memory_new(&narrow, count));
    p->narrow_input = narrow;
    return POLYP_OK;
}

status build_memory(onednn_plan *p)
{
    TRY(memory_new(&p->arena, p->arena_bytes));
    TRY(build_pictures(p));
    TRY(memory_new(&p->partials, p->partial_count));
    if (!p->training) {
        p->scratch = p->arena;
        if (p->twin) return POLYP_OK;
        TRY(memory_new(&p->prepared, p->prepared_bytes));
        deal_prepared(p);
        return POLYP_OK;
    }
    unsigned char *scratch = NULL;
    TRY(memory_new(&scratch, p->scratch_bytes));
    p->scratch = scratch;
    TRY(memory_new(&p->weights_scratch, p->weights_scratch_bytes));
    for (int k = 0; k < PLAN_SPANS; k++) {
        if (plan_has_span(&p->base.options, k)) TRY(memory_new(&p->spans[k], p->span_values));
    }
    return POLYP_OK;
}
