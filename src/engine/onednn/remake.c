/*
 * Values that training does not keep for the backward pass (T. Chen et al.: "Training deep nets with sublinear memory
 * cost", 2016): normalised and rectified ones, which take one pass from what precedes the batch norm, and concatenations.
 * What is made again has the bits that it had.
 */
#include "engine/onednn/inside.h"

void remake_forget(onednn_plan *p)
{
    for (int v = 0; v < p->base.graph->count; v++) p->values[v].made = false;
}

static void normalise_again(onednn_plan *p, const work *w, field out)
{
    const double start = timer_start(p);
    const extent e = extent_of(p, w->out);
    kernel_apply(&(apply_job){.out = out,
                              .y = field_at(p, w->y, w->out),
                              .scale = w->scale,
                              .shift = w->shift,
                              .relu = w->u.relu},
                 &e);
    timer_stop(p, w, TIMED_BACKWARD_PASS, start);
}

/* Where the part lies elsewhere, or the picture. */
static void copy_again(onednn_plan *p, int part, field out)
{
    const shape s = padded_shape(p, part);
    const extent e = extent_of(p, s);
    if (part == 0) {
        kernel_block(out, p->input, p->units.channels[0].map, p->units.channels[0].channels, &e);
    } else {
        kernel_apply(&(apply_job){.out = out, .y = field_at(p, p->values[part].at, s)}, &e);
    }
}

static status upsample_again(onednn_plan *p, work *w, field out)
{
    field source;
    TRY(remake_value(&source, p, w->u.source[0]));
    if (w->u.core == CORE_UPCONV) {
        const upconv_job job = {.source = source,
                                .groups = field_at(p, w->groups_again, groups_shape(w)),
                                .out = out,
                                .use = SCRATCH_AGAIN};
        return train_upconv(p, w, &job);
    }
    const extent e = extent_of(p, w->in);
    kernel_upsample(out, (field){0}, source, w->in.h, w->in.w, &e);
    return POLYP_OK;
}

/* As place.c chose: see part_again() there. */
static status part_again(onednn_plan *p, int part, place joined, field out)
{
    const value_places *const v = &p->values[part];
    if (part == 0 || (!v->remade && v->at.buffer != joined.buffer)) {
        copy_again(p, part, out);
        return POLYP_OK;
    }
    work *const w = &p->works[p->units.producer[part]];
    if (!v->remade) return upsample_again(p, w, out);
    normalise_again(p, w, out);
    return POLYP_OK;
}

static status join_again(onednn_plan *p, const work *w)
{
    const value_places *const v = &p->values[w->u.value];
    place slot = v->again;
    for (int k = 0; k < 2; k++) {
        TRY(part_again(p, w->u.source[k], v->at, field_at(p, slot, w->out)));
        slot.block += padded_shape(p, w->u.source[k]).c / p->lanes;
    }
    return POLYP_OK;
}

status remake_value(field *out, onednn_plan *p, int value)
{
    value_places *const v = &p->values[value];
    const shape s = padded_shape(p, value);
    *out = field_at(p, v->remade ? v->again : v->at, s);
    if (!v->remade || v->made) return POLYP_OK;
    const work *const w = &p->works[p->units.producer[value]];
    v->made = true;
    if (w->u.core == CORE_CONCAT) return join_again(p, w);
    normalise_again(p, w, *out);
    return POLYP_OK;
}
