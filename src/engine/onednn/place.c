/*
 * Where every tensor lies. Parts of a concatenation are written where the concatenation wants them, in inference a
 * residual sum is made in place of its addend, and buffers whose lifetimes do not meet share memory. In training what one
 * pass makes again from what is kept anyway has two short lives, one forward and one backward.
 */
#include "engine/onednn/inside.h"

shape padded_shape(const onednn_plan *p, int value)
{
    shape s = p->shapes[value];
    s.c = p->units.channels[value].padded;
    return s;
}

extent extent_of(const onednn_plan *p, shape padded)
{
    return (extent){.n = padded.n,
                    .blocks = padded.c / p->lanes,
                    .lanes = p->lanes,
                    .pixels = (size_t)padded.h * (size_t)padded.w,
                    .threads = p->base.options.threads,
                    .element = p->element};
}

field field_at(const onednn_plan *p, place at, shape padded)
{
    if (at.buffer < 0) return (field){0};
    const size_t pixels = (size_t)padded.h * (size_t)padded.w;
    const field start = {p->arena + p->buffers.blocks[at.buffer].offset,
                         (size_t)p->buffers.channels[at.buffer] * pixels};
    return (field){field_from(start, (size_t)at.block * (size_t)p->lanes * pixels, p->element), start.image};
}

bool place_is_dense(const onednn_plan *p, place at, shape padded)
{
    return padded.n == 1 || p->buffers.channels[at.buffer] == padded.c;
}

/* ---- buffers ------------------------------------------------------------------------------------------- */

static status buffer_add(onednn_plan *p, place *out, size_t bytes, int channels)
{
    buffers *const b = &p->buffers;
    if (b->count == b->room) {
        const size_t old = (size_t)b->room, room = old + 128;
        TRY(memory_resize(&b->blocks, old, room));
        TRY(memory_resize(&b->channels, old, room));
        b->room = (int)room;
    }
    b->blocks[b->count] = (memory_block){.bytes = bytes, .first = -1, .last = -1};
    b->channels[b->count] = channels;
    *out = (place){b->count++, 0};
    return POLYP_OK;
}

static status tensor_add(onednn_plan *p, place *out, shape padded)
{
    return buffer_add(p, out, shape_count(padded) * element_bytes(p->element), padded.c);
}

/* f32 in every precision. */
static status logits_add(onednn_plan *p, place *out, shape padded)
{
    return buffer_add(p, out, shape_count(padded) * sizeof(float), padded.c);
}

/* The buffer is written or read at `time`. */
static void used(onednn_plan *p, place at, int time)
{
    if (at.buffer < 0) return;
    memory_block *const b = &p->buffers.blocks[at.buffer];
    if (b->first < 0 || time < b->first) b->first = time;
    if (time > b->last) b->last = time;
}

/* ---- readers ------------------------------------------------------------------------------------------- */

static void reads(onednn_plan *p, int value, int unit_index)
{
    if (value < 0) return;
    p->values[value].readers++;
    p->values[value].last_reader = unit_index;
}

static void count_readers(onednn_plan *p)
{
    for (int v = 0; v < p->base.graph->count; v++) {
        p->values[v] = (value_places){.at = NOWHERE, .copy = NOWHERE, .again = NOWHERE, .last_reader = -1};
    }
    for (int i = 0; i < p->count; i++) {
        const unit *const u = &p->works[i].u;
        reads(p, u->source[0], i);
        if (u->core == CORE_CONCAT) reads(p, u->source[1], i);
        reads(p, u->residual, i);
    }
}

/* The input's blocked copy is needed by everything but a planar convolution and a concatenation. */
static bool reads_blocked_input(const work *w)
{
    const unit *const u = &w->u;
    if (u->residual == 0) return true;
    return u->source[0] == 0 && u->core != CORE_CONCAT && !(u->core == CORE_CONV && w->spec.planar);
}

static status place_input(onednn_plan *p)
{
    for (int i = 0; i < p->count; i++) {
        if (reads_blocked_input(&p->works[i])) return tensor_add(p, &p->values[0].at, padded_shape(p, 0));
    }
    return POLYP_OK;
}

/* ---- values -------------------------------------------------------------------------------------------- */

/* Part k of a concatenation: in its slot when it can be; else it is copied there when it is made, or when it is joined.
 */
static void place_part(onednn_plan *p, work *w, int k)
{
    const int part = w->u.source[k];
    place slot = p->values[w->u.value].at;
    if (k == 1) slot.block += padded_shape(p, w->u.source[0]).c / p->lanes;
    value_places *const v = &p->values[part];
    /* a convolution wants its source's images one after the other */
    const bool strided_is_fine = p->base.input.n == 1 || v->readers == 1 || !p->training;
    if (part != 0 && v->at.buffer < 0 && strided_is_fine) {
        v->at = slot;
    } else if (part != 0 && v->copy.buffer < 0 && p->training) {
        v->copy = slot;
    } else {
        w->copy_part[k] = true;
    }
}

/* May the sum be made where the addend lies? Only when nothing reads the addend later, nor the convolution itself. */
static bool sum_in_place(const onednn_plan *p, int index)
{
    const unit *const u = &p->works[index].u;
    const value_places *const r = &p->values[u->residual];
    return !p->training && u->residual != 0 && r->at.buffer < 0 && r->last_reader == index &&
           (u->source[0] != u->residual);
}

/* From the last unit to the first: readers decide where their sources lie. */
static status place_outputs(onednn_plan *p)
{
    for (int i = p->count - 1; i >= 0; i--) {
        work *const w = &p->works[i];
        value_places *const v = &p->values[w->u.value];
        v->f32 = w->spec.f32_result;
        if (v->f32) {
            TRY(logits_add(p, &v->at, padded_shape(p, w->u.value)));
        } else if (v->at.buffer < 0) {
            TRY(tensor_add(p, &v->at, padded_shape(p, w->u.value)));
        }
        if (w->u.core == CORE_CONCAT) {
            place_part(p, w, 0);
            place_part(p, w, 1);
        } else if (w->u.residual >= 0) {
            if (sum_in_place(p, i)) {
                p->values[w->u.residual].at = v->at;
            } else {
                w->copy_residual = w->u.core == CORE_CONV;
            }
        }
    }
    return POLYP_OK;
}

/*
 * A 1x1 convolution that widens few channels (the last of a bottleneck, the shortcut beside it) takes little time and its
 * result much memory: such a result is not kept for the backward pass, which has the source anyway, but made again.
 */
static bool remakes_y(const work *w)
{
    enum { FEW_CHANNELS = 128 };
    const conv_spec *const s = &w->spec;
    return w->u.norm_op >= 0 && w->u.source[0] != 0 && s->kernel == 1 && s->ic <= FEW_CHANNELS && s->oc > s->ic;
}

static status place_y(onednn_plan *p, work *w)
{
    const place at = p->values[w->u.value].at;
    if (w->u.norm_op >= 0 || !place_is_dense(p, at, w->out)) {
        TRY(tensor_add(p, &w->y, w->out));
    } else if (unit_has_tail(&w->u)) {
        w->y = at;
    }
    w->y_again = w->y;
    w->y_remade = remakes_y(w);
    return w->y_remade ? tensor_add(p, &w->y_again, w->out) : POLYP_OK;
}

/* What lies between a unit's core and its value; the places of all values are known now. */
static status place_inner(onednn_plan *p)
{
    for (int i = 0; i < p->count; i++) {
        work *const w = &p->works[i];
        w->y = w->y_again = w->groups = w->groups_gradient = w->groups_again = NOWHERE;
        w->pool_at = w->dz = w->dy = w->source_gradient = NOWHERE;
        if (w->u.core == CORE_UPCONV) TRY(tensor_add(p, &w->groups, groups_shape(w)));
        if (!p->training) continue;
        if (w->u.core == CORE_POOL) TRY(buffer_add(p, &w->pool_at, shape_count(w->out), 0));
        if (w->u.core == CORE_CONV) TRY(place_y(p, w));
    }
    return POLYP_OK;
}

/* ---- values that are not kept for the backward pass ------------------------------------------------------ */

static const work *maker_of(const onednn_plan *p, int value)
{
    return &p->works[p->units.producer[value]];
}

/* May part of a concatenation be written there again? From the picture, from what precedes its batch norm, from where it
 * is kept, or from the source of an upsampling. */
static bool part_remakes(const onednn_plan *p, int part, place joined)
{
    const value_places *const v = &p->values[part];
    if (part == 0) return true;
    const enum core core = maker_of(p, part)->u.core;
    if (v->remade) return core == CORE_CONV;
    return v->at.buffer != joined.buffer || core == CORE_UPCONV || core == CORE_UPSAMPLE;
}

/* Batch norm and ReLU take one pass, and y is there backward anyway. */
static bool value_remakes(const onednn_plan *p, const work *w)
{
    const place at = p->values[w->u.value].at;
    if (graph_is_output(p->base.graph, w->u.value)) return false;
    if (w->u.core == CORE_CONV) return w->u.norm_op >= 0 && w->u.residual < 0 && !w->y_remade;
    return w->u.core == CORE_CONCAT && part_remakes(p, w->u.source[0], at) && part_remakes(p, w->u.source[1], at);
}

static void choose_remade(onednn_plan *p)
{
    for (int i = 0; i < p->count; i++) {
        const work *const w = &p->works[i];
        p->values[w->u.value].remade = value_remakes(p, w);
    }
}

static status read_backward(onednn_plan *p, int value, int time);

/* What making this part again reads and needs. */
static status part_again(onednn_plan *p, int part, place joined, int time)
{
    if (part == 0) return POLYP_OK;
    work *const w = &p->works[p->units.producer[part]];
    const value_places *const v = &p->values[part];
    if (v->remade || v->at.buffer != joined.buffer) {
        used(p, v->remade ? w->y : v->at, time);
        return POLYP_OK;
    }
    if (w->u.core == CORE_UPCONV) {
        TRY(tensor_add(p, &w->groups_again, groups_shape(w)));
        used(p, w->groups_again, time);
    }
    return read_backward(p, w->u.source[0], time);
}

/* The backward pass reads `value` at `time`; the first reader makes it. Calls come in the order of time. */
static status read_backward(onednn_plan *p, int value, int time)
{
    value_places *const v = &p->values[value];
    if (v->remade && v->again.buffer < 0) {
        const work *const w = maker_of(p, value);
        TRY(tensor_add(p, &v->again, padded_shape(p, value)));
        if (w->u.core == CORE_CONV) {
            used(p, w->y, time);
        } else {
            for (int k = 0; k < 2; k++) TRY(part_again(p, w->u.source[k], v->at, time));
        }
    }
    used(p, v->remade ? v->again : v->at, time);
    return POLYP_OK;
}

static void forward_lifetimes(onednn_plan *p)
{
    used(p, p->values[0].at, 0);
    for (int i = 0; i < p->count; i++) {
        const work *const w = &p->works[i];
        const int now = forward_time(i);
        used(p, p->values[w->u.value].at, now);
        used(p, p->values[w->u.value].copy, now);
        used(p, w->y, now);
        used(p, w->groups, now);
        used(p, w->pool_at, now);
        used(p, p->values[w->u.source[0]].at, now);
        if (w->u.core == CORE_CONCAT) used(p, p->values[w->u.source[1]].at, now);
        if (w->u.residual >= 0) used(p, p->values[w->u.residual].at, now);
    }
    for (int k = 0; k <= p->base.graph->auxiliary_count; k++) {
        used(p, p->values[graph_output(p->base.graph, k)].at, loss_time(p));
    }
}

/* ---- gradients ----------------------------------------------------------------------------------------- */

static status add_source(onednn_plan *p, int value, place at, bool owned)
{
    if (value == 0) return POLYP_OK;
    value_places *const v = &p->values[value];
    if (v->source_count == FIELD_SOURCES) {
        return fail(POLYP_ERR_UNSUPPORTED, "%s is read more than %d times; use the reference engine",
                    p->base.graph->ops[value].name, FIELD_SOURCES);
    }
    if (v->source_count == 0) v->sources_owned = owned;
    v->sources[v->source_count++] = at;
    return POLYP_OK;
}

/* In the place of the first of the gradients that it is made of, where that is possible. */
static status place_over_source(onednn_plan *p, place *out, const work *w)
{
    const value_places *const v = &p->values[w->u.value];
    if (!v->sources_owned || !place_is_dense(p, v->sources[0], w->out)) return tensor_add(p, out, w->out);
    *out = v->sources[0];
    return POLYP_OK;
}

/* What the tail's backward pass makes: dz where someone else reads it, dy for the core (in the place of y). */
static status place_tail_gradient(onednn_plan *p, work *w)
{
    const value_places *const v = &p->values[w->u.value];
    const bool norm = w->u.norm_op >= 0;
    if (unit_has_tail(&w->u) && (!norm || w->u.residual >= 0)) TRY(place_over_source(p, &w->dz, w));
    if (norm && w->y_again.buffer >= 0) {
        w->dy = w->y_again;
        return POLYP_OK;
    }
    if (norm) return w->dz.buffer < 0 ? place_over_source(p, &w->dy, w) : tensor_add(p, &w->dy, w->out);
    if (unit_has_tail(&w->u)) {
        w->dy = w->dz;
        return POLYP_OK;
    }
    const bool needs_dense = w->u.core == CORE_CONV;
    const bool direct = v->source_count == 1 && (!needs_dense || place_is_dense(p, v->sources[0], w->out));
    if (!direct) return tensor_add(p, &w->dy, w->out);
    w->dy = v->sources[0];
    return POLYP_OK;
}

static status place_core_gradient(onednn_plan *p, work *w)
{
    const int source = w->u.source[0];
    if (w->u.core == CORE_NONE) {
        const bool shared = w->u.residual >= 0 && w->u.norm_op < 0;
        return add_source(p, source, w->dy, !shared);
    }
    if (w->u.core == CORE_CONCAT) {
        place second = w->dy;
        second.block += padded_shape(p, source).c / p->lanes;
        TRY(add_source(p, source, w->dy, false));
        return add_source(p, w->u.source[1], second, false);
    }
    if (w->u.core == CORE_UPCONV) TRY(tensor_add(p, &w->groups_gradient, groups_shape(w)));
    if (source == 0) return POLYP_OK;
    TRY(tensor_add(p, &w->source_gradient, w->in));
    return add_source(p, source, w->source_gradient, true);
}

/* What the tail reads: its gradients, y (of CORE_NONE the source), what y is made of again, the output's sign. */
static status tail_lifetimes(onednn_plan *p, const work *w, int now)
{
    const value_places *const v = &p->values[w->u.value];
    for (int k = 0; k < v->source_count; k++) used(p, v->sources[k], now);
    if (w->y_remade || (w->u.core == CORE_NONE && w->u.norm_op >= 0)) TRY(read_backward(p, w->u.source[0], now));
    if (reads_output_sign(&w->u)) used(p, v->at, now);
    if (w->u.norm_op >= 0) used(p, w->y_again, now);
    used(p, w->pool_at, now);
    used(p, w->dz, now);
    used(p, w->dy, now);
    used(p, w->groups_gradient, now);
    return POLYP_OK;
}

static status backward_lifetimes(onednn_plan *p, const work *w, int i)
{
    const int tail = backward_time(p, i, BACKWARD_TAIL), data = backward_time(p, i, BACKWARD_DATA);
    TRY(tail_lifetimes(p, w, tail));
    if (w->u.core != CORE_CONV && w->u.core != CORE_UPCONV) {
        used(p, w->source_gradient, tail);
        return POLYP_OK;
    }
    TRY(read_backward(p, w->u.source[0], backward_time(p, i, BACKWARD_WEIGHTS)));
    used(p, w->u.core == CORE_UPCONV ? w->groups_gradient : w->dy, data);
    used(p, w->source_gradient, data);
    return POLYP_OK;
}

static status place_output_gradients(onednn_plan *p)
{
    for (int k = 0; k <= p->base.graph->auxiliary_count; k++) {
        const int output = graph_output(p->base.graph, k);
        TRY(tensor_add(p, &p->output_gradients[k], padded_shape(p, output)));
        used(p, p->output_gradients[k], loss_time(p));
        TRY(add_source(p, output, p->output_gradients[k], true));
    }
    return POLYP_OK;
}

static status place_gradients(onednn_plan *p)
{
    TRY(place_output_gradients(p));
    for (int i = p->count - 1; i >= 0; i--) {
        work *const w = &p->works[i];
        if (p->values[w->u.value].source_count == 0) {
            return fail(POLYP_ERR_UNSUPPORTED, "nothing reads %s; use the reference engine",
                        p->base.graph->ops[w->u.value].name);
        }
        TRY(place_tail_gradient(p, w));
        TRY(place_core_gradient(p, w));
        if (w->u.residual >= 0) {
            TRY(add_source(p, w->u.residual, w->dz, w->u.core != CORE_NONE || w->u.norm_op >= 0));
        }
        TRY(backward_lifetimes(p, w, i));
    }
    return POLYP_OK;
}

status place_values(onednn_plan *p)
{
    count_readers(p);
    TRY(place_input(p));
    TRY(place_outputs(p));
    TRY(place_inner(p));
    forward_lifetimes(p);
    if (p->training) {
        choose_remade(p);
        TRY(place_gradients(p));
    }
    return plan_memory_assign(p->buffers.blocks, p->buffers.count, &p->arena_bytes);
}
