/*
 * Where the tensors of the backward pass lie: gradients over what they are made of where that is possible, and what is not
 * kept since the forward pass but made again, so that it has two short lives instead of a long one.
 */
#include "engine/onednn/place.h"

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
        place_used(p, v->remade ? w->y : v->at, time);
        return POLYP_OK;
    }
    if (w->u.core == CORE_UPCONV) {
        TRY(place_tensor(p, &w->groups_again, groups_shape(w)));
        place_used(p, w->groups_again, time);
        TRY(place_scratch(p, w, SCRATCH_AGAIN, time));
    }
    return read_backward(p, w->u.source[0], time);
}

/* The backward pass reads `value` at `time`; the first reader makes it. Calls come in the order of time. */
static status read_backward(onednn_plan *p, int value, int time)
{
    value_places *const v = &p->values[value];
    if (v->remade && v->again.buffer < 0) {
        const work *const w = maker_of(p, value);
        TRY(place_tensor(p, &v->again, padded_shape(p, value)));
        if (w->u.core == CORE_CONV) {
            place_used(p, w->y, time);
        } else {
            for (int k = 0; k < 2; k++) TRY(part_again(p, w->u.source[k], v->at, time));
        }
    }
    place_used(p, v->remade ? v->again : v->at, time);
    return POLYP_OK;
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
    if (!v->sources_owned || !place_is_dense(p, v->sources[0], w->out)) return place_tensor(p, out, w->out);
    *out = v->sources[0];
    return POLYP_OK;
}

/* What the tail's backward pass makes: dz where someone else reads it, dy for the core (in the place of y). */
static status place_tail_gradient(onednn_plan *p, work *w)
{
    const value_places *const v = &p->values[w->u.value];
    if (w->dot >= 0) return POLYP_OK;
    const bool norm = w->u.norm_op >= 0;
    if (unit_has_tail(&w->u) && (!norm || w->u.residual >= 0)) TRY(place_over_source(p, &w->dz, w));
    if (norm && w->y_again.buffer >= 0) {
        w->dy = w->y_again;
        return POLYP_OK;
    }
    if (norm) return w->dz.buffer < 0 ? place_over_source(p, &w->dy, w) : place_tensor(p, &w->dy, w->out);
    if (unit_has_tail(&w->u)) {
        w->dy = w->dz;
        return POLYP_OK;
    }
    const bool needs_dense = w->u.core == CORE_CONV;
    const bool direct = v->source_count == 1 && (!needs_dense || place_is_dense(p, v->sources[0], w->out));
    if (!direct) return place_tensor(p, &w->dy, w->out);
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
    if (w->u.core == CORE_UPCONV) TRY(place_tensor(p, &w->groups_gradient, groups_shape(w)));
    if (source == 0) return POLYP_OK;
    TRY(place_tensor(p, &w->source_gradient, w->in));
    return add_source(p, source, w->source_gradient, true);
}

/* What the tail reads: its gradients, y (of CORE_NONE the source), what y is made of again, the output's sign. */
static status tail_lifetimes(onednn_plan *p, work *w, int now)
{
    const value_places *const v = &p->values[w->u.value];
    for (int k = 0; k < v->source_count; k++) place_used(p, v->sources[k], now);
    if (w->y_remade) TRY(place_scratch(p, w, SCRATCH_AGAIN, now));
    if (w->y_remade || (w->u.core == CORE_NONE && w->u.norm_op >= 0)) TRY(read_backward(p, w->u.source[0], now));
    if (reads_output_sign(&w->u)) place_used(p, v->at, now);
    if (w->u.norm_op >= 0) place_used(p, w->y_again, now);
    place_used(p, w->pool_at, now);
    place_used(p, w->dz, now);
    place_used(p, w->dy, now);
    place_used(p, w->groups_gradient, now);
    return POLYP_OK;
}

static status backward_lifetimes(onednn_plan *p, work *w, int i)
{
    const int tail = backward_time(p, i, BACKWARD_TAIL), weights = backward_time(p, i, BACKWARD_WEIGHTS);
    const int data = backward_time(p, i, BACKWARD_DATA);
    TRY(tail_lifetimes(p, w, tail));
    if (w->u.core != CORE_CONV && w->u.core != CORE_UPCONV) {
        place_used(p, w->source_gradient, tail);
        return POLYP_OK;
    }
    TRY(read_backward(p, w->u.source[0], weights));
    TRY(place_scratch(p, w, SCRATCH_WEIGHTS, weights));
    TRY(place_scratch(p, w, SCRATCH_DATA, data));
    place_used(p, w->u.core == CORE_UPCONV ? w->groups_gradient : w->dy, data);
    place_used(p, w->source_gradient, data);
    return POLYP_OK;
}

static status place_output_gradients(onednn_plan *p)
{
    for (int k = 0; k <= p->base.graph->auxiliary_count; k++) {
        const int output = graph_output(p->base.graph, k);
        p->output_gradients[k] = NOWHERE;
        if (maker_of(p, output)->dot >= 0) continue;
        TRY(place_tensor(p, &p->output_gradients[k], padded_shape(p, output)));
        place_used(p, p->output_gradients[k], loss_time(p));
        TRY(add_source(p, output, p->output_gradients[k], true));
    }
    return POLYP_OK;
}

status place_gradients(onednn_plan *p)
{
    choose_remade(p);
    TRY(place_output_gradients(p));
    for (int i = p->count - 1; i >= 0; i--) {
        work *const w = &p->works[i];
        if (p->values[w->u.value].source_count == 0 && w->dot < 0) {
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
