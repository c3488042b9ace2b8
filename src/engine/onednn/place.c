/*
 * Where every tensor lies. Parts of a concatenation are written where the concatenation wants them, in inference a
 * residual sum is made in place of its addend, and buffers whose lifetimes do not meet share memory.
 */
#include "engine/onednn/place.h"

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

status place_buffer(onednn_plan *p, place *out, size_t bytes, int channels)
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

status place_tensor(onednn_plan *p, place *out, shape padded)
{
    return place_buffer(p, out, shape_count(padded) * element_bytes(p->element), padded.c);
}

/* f32 in every precision. */
static status logits_add(onednn_plan *p, place *out, shape padded)
{
    return place_buffer(p, out, shape_count(padded) * sizeof(float), padded.c);
}

void place_used(onednn_plan *p, place at, int time)
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
        if (reads_blocked_input(&p->works[i])) return place_tensor(p, &p->values[0].at, padded_shape(p, 0));
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
        if (w->dot >= 0) continue; /* straight into the plan's outputs */
        if (v->f32) {
            TRY(logits_add(p, &v->at, padded_shape(p, w->u.value)));
        } else if (v->at.buffer < 0) {
            TRY(place_tensor(p, &v->at, padded_shape(p, w->u.value)));
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
 * result much memory: such a result is not kept for the backward pass, which has the source anyway, but made again. So many
 * multiplications are worth a byte.
 */
static bool remakes_y(const onednn_plan *p, const work *w)
{
    enum { WORTH_A_BYTE = 64 };
    const conv_spec *const s = &w->spec;
    return w->u.norm_op >= 0 && w->u.source[0] != 0 && s->kernel == 1 && s->oc > s->ic &&
           s->ic <= WORTH_A_BYTE * (int)element_bytes(p->element);
}

static status place_y(onednn_plan *p, work *w)
{
    const place at = p->values[w->u.value].at;
    if (w->dot >= 0) return POLYP_OK;
    if (w->u.norm_op >= 0 || !place_is_dense(p, at, w->out)) {
        TRY(place_tensor(p, &w->y, w->out));
    } else if (unit_has_tail(&w->u)) {
        w->y = at;
    }
    w->y_again = w->y;
    w->y_remade = remakes_y(p, w);
    return w->y_remade ? place_tensor(p, &w->y_again, w->out) : POLYP_OK;
}

/* What lies between a unit's core and its value; the places of all values are known now. */
static status place_inner(onednn_plan *p)
{
    for (int i = 0; i < p->count; i++) {
        work *const w = &p->works[i];
        w->y = w->y_again = w->groups = w->groups_gradient = w->groups_again = NOWHERE;
        w->pool_at = w->dz = w->dy = w->source_gradient = NOWHERE;
        for (int k = 0; k < SCRATCH_USES; k++) w->scratch[k] = NOWHERE;
        if (w->u.core == CORE_UPCONV) TRY(place_tensor(p, &w->groups, groups_shape(w)));
        if (!p->training) continue;
        if (w->u.core == CORE_POOL) TRY(place_buffer(p, &w->pool_at, shape_count(w->out), 0));
        if (w->u.core == CORE_CONV) TRY(place_y(p, w));
    }
    return POLYP_OK;
}

/* NULL: it does not run. */
static size_t conv_scratch(const dnn_conv *c)
{
    return c == NULL ? 0 : dnn_conv_scratch_size(c);
}

static size_t scratch_bytes(const onednn_plan *p, const work *w, enum scratch_use use)
{
    const int threads = p->base.options.threads;
    if (use == SCRATCH_WEIGHTS) {
        if (w->winograd_weights != NULL) return w->winograd_weights->gradient_scratch_bytes(&w->spec, threads);
        return w->slow_weights ? 0 : conv_scratch(w->backward_weights);
    }
    const bool data = use == SCRATCH_DATA;
    const winograd_way *const way = data ? w->winograd_data : w->winograd;
    if (way != NULL) return way->scratch_bytes(data ? &w->turned : &w->spec, threads);
    return conv_scratch(data ? w->backward_data : w->forward);
}

status place_scratch(onednn_plan *p, work *w, enum scratch_use use, int time)
{
    const size_t bytes = scratch_bytes(p, w, use);
    if (bytes == 0) return POLYP_OK;
    TRY(place_buffer(p, &w->scratch[use], bytes, 0));
    place_used(p, w->scratch[use], time);
    return POLYP_OK;
}

static status forward_lifetimes(onednn_plan *p)
{
    place_used(p, p->values[0].at, 0);
    for (int i = 0; i < p->count; i++) {
        work *const w = &p->works[i];
        const int now = forward_time(i);
        TRY(place_scratch(p, w, SCRATCH_FORWARD, now));
        place_used(p, p->values[w->u.value].at, now);
        place_used(p, p->values[w->u.value].copy, now);
        place_used(p, w->y, now);
        place_used(p, w->groups, now);
        place_used(p, w->pool_at, now);
        place_used(p, p->values[w->u.source[0]].at, now);
        if (w->u.core == CORE_CONCAT) place_used(p, p->values[w->u.source[1]].at, now);
        if (w->u.residual >= 0) place_used(p, p->values[w->u.residual].at, now);
    }
    for (int k = 0; k <= p->base.graph->auxiliary_count; k++) {
        place_used(p, p->values[graph_output(p->base.graph, k)].at, loss_time(p));
    }
    return POLYP_OK;
}

status place_values(onednn_plan *p)
{
    count_readers(p);
    TRY(place_input(p));
    TRY(place_outputs(p));
    TRY(place_inner(p));
    TRY(forward_lifetimes(p));
    if (p->training) TRY(place_gradients(p));
    TRY(plan_memory_assign(p->buffers.blocks, p->buffers.count, &p->arena_bytes));
    if (!p->training && p->arena_bytes < p->scratch_bytes) p->arena_bytes = p->scratch_bytes;
    return POLYP_OK;
}
