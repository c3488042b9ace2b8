/* A forward pass with folded batch norm, image by image within each unit: an image's channels are dense wherever they
 * lie. */
#include "engine/onednn/inside.h"

static void convolve_winograd(onednn_plan *p, const work *w, field in, field out)
{
    winograd_job job = {.spec = &w->spec, .weights = w->prepared, .bias = w->prepared_bias};
    job.scratch = bytes_at(p, w->scratch[SCRATCH_FORWARD]);
    job.threads = p->base.options.threads;
    for (size_t n = 0; n < (size_t)w->in.n; n++) {
        job.source = field_from(in, n * in.image, p->element);
        job.destination = field_from(out, n * out.image, p->element);
        w->winograd->run(&job);
    }
}

static status convolve(onednn_plan *p, const work *w, field in, field out)
{
    if (w->winograd != NULL) {
        convolve_winograd(p, w, in, out);
        return POLYP_OK;
    }
    float *const bias = w->spec.bias ? w->prepared_bias : NULL;
    const enum element result = w->spec.f32_result ? ELEMENT_F32 : p->element;
    for (size_t n = 0; n < (size_t)w->in.n; n++) {
        TRY(dnn_conv_run(w->forward, field_from(in, n * in.image, p->element), w->prepared, bias,
                         field_from(out, n * out.image, result), bytes_at(p, w->scratch[SCRATCH_FORWARD])));
    }
    return POLYP_OK;
}

field planar_input(const onednn_plan *p)
{
    void *const data = p->element == ELEMENT_F32 ? p->input : p->narrow_input;
    return (field){data, shape_count(p->base.input) / (size_t)p->base.input.n};
}

static void dot(onednn_plan *p, const work *w)
{
    const extent e = extent_of(p, w->in);
    kernel_dot(p->outputs[w->dot], field_at(p, p->values[w->u.source[0]].at, w->in), w->prepared,
               w->spec.bias ? w->prepared_bias[0] : 0, &e);
}

static status infer_conv(onednn_plan *p, const work *w)
{
    const unit *const u = &w->u;
    if (w->dot >= 0) {
        dot(p, w);
        return POLYP_OK;
    }
    const field out = field_at(p, p->values[u->value].at, w->out);
    if (w->copy_residual) {
        const extent e = extent_of(p, w->out);
        kernel_apply(&(apply_job){.out = out, .y = field_at(p, p->values[u->residual].at, w->out)}, &e);
    }
    return convolve(p, w, w->spec.planar ? planar_input(p) : field_at(p, p->values[u->source[0]].at, w->in), out);
}

static status infer_upconv(onednn_plan *p, work *w)
{
    const field out = field_at(p, p->values[w->u.value].at, w->out);
    const field in = field_at(p, p->values[w->u.source[0]].at, w->in);
    shape small = w->in;
    small.c = w->out.c;
    const field groups = field_at(p, w->groups, groups_shape(w));
    TRY(convolve(p, w, in, groups));
    const extent e = extent_of(p, small);
    kernel_deal(out, (field){0}, groups, w->prepared_bias, w->in.h, w->in.w, &e);
    return POLYP_OK;
}

static void infer_none(onednn_plan *p, const work *w)
{
    const unit *const u = &w->u;
    apply_job job = {.out = field_at(p, p->values[u->value].at, w->out), .relu = u->relu};
    job.y = field_at(p, p->values[u->source[0]].at, w->out);
    if (u->residual >= 0) job.residual = field_at(p, p->values[u->residual].at, w->out);
    job.scale = w->scale;
    job.shift = w->shift;
    const extent e = extent_of(p, w->out);
    kernel_apply(&job, &e);
}

/* Parts that do not lie in the concatenation yet. */
static void join_parts(onednn_plan *p, const work *w)
{
    place slot = p->values[w->u.value].at;
    for (int k = 0; k < 2; k++) {
        const int part = w->u.source[k];
        const shape s = padded_shape(p, part);
        const extent e = extent_of(p, s);
        field to = field_at(p, slot, w->out);
        slot.block += s.c / p->lanes;
        if (!w->copy_part[k]) continue;
        if (part == 0) {
            kernel_block(to, p->input, p->units.channels[0].map, p->units.channels[0].channels, &e);
        } else {
            kernel_apply(&(apply_job){.out = to, .y = field_at(p, p->values[part].at, s)}, &e);
        }
    }
}

static void pool(onednn_plan *p, const work *w)
{
    const pool_shape s = pool_shape_of(p, w);
    const extent e = extent_of(p, w->out);
    kernel_max_pool(field_at(p, p->values[w->u.value].at, w->out), bytes_at(p, w->pool_at),
                    field_at(p, p->values[w->u.source[0]].at, w->in), &s, &e);
}

static void upsample(onednn_plan *p, const work *w)
{
    const value_places *const v = &p->values[w->u.value];
    const extent e = extent_of(p, w->in);
    kernel_upsample(field_at(p, v->at, w->out), field_at(p, v->copy, w->out),
                    field_at(p, p->values[w->u.source[0]].at, w->in), w->in.h, w->in.w, &e);
}

void forward_simple(onednn_plan *p, const work *w)
{
    if (w->u.core == CORE_CONCAT) {
        join_parts(p, w);
    } else if (w->u.core == CORE_POOL) {
        pool(p, w);
    } else if (w->u.core == CORE_UPSAMPLE) {
        upsample(p, w);
    }
}

void forward_input(onednn_plan *p)
{
    if (p->narrow_input != NULL) {
        kernel_narrow(p->narrow_input, p->input, shape_count(p->base.input), p->base.options.threads);
    }
    if (p->values[0].at.buffer < 0) return;
    const shape s = padded_shape(p, 0);
    const extent e = extent_of(p, s);
    kernel_block(field_at(p, p->values[0].at, s), p->input, p->units.channels[0].map, p->units.channels[0].channels,
                 &e);
}

void forward_outputs(onednn_plan *p)
{
    for (int k = 0; k <= p->base.graph->auxiliary_count; k++) {
        const int output = graph_output(p->base.graph, k);
        const shape s = padded_shape(p, output);
        extent e = extent_of(p, s);
        if (p->values[output].at.buffer < 0) continue; /* a dot product has written it */
        if (p->values[output].f32) e.element = ELEMENT_F32;
        const channel_map *const m = &p->units.channels[output];
        kernel_unblock(p->outputs[k], field_at(p, p->values[output].at, s), m->map, m->channels, &e);
    }
}

static status infer_unit(onednn_plan *p, work *w)
{
    switch (w->u.core) {
    case CORE_CONV: return infer_conv(p, w);
    case CORE_UPCONV: return infer_upconv(p, w);
    case CORE_NONE: infer_none(p, w); return POLYP_OK;
    default: forward_simple(p, w); return POLYP_OK;
    }
}

static void observe(const onednn_plan *p, const work *w)
{
    const field out = field_at(p, p->values[w->u.value].at, w->out);
    const size_t count = (size_t)w->out.c * (size_t)w->out.h * (size_t)w->out.w;
    for (size_t n = 0; out.data != NULL && n < (size_t)w->out.n; n++) {
        p->base.observer(p->base.observer_context, w->u.value, field_from(out, n * out.image, p->element), count);
    }
}

status infer_forward(onednn_plan *p)
{
    forward_input(p);
    if (p->base.observer != NULL) {
        p->base.observer(p->base.observer_context, 0, p->input, shape_count(p->base.input));
    }
    for (int i = 0; i < p->count; i++) {
        const double start = timer_start(p);
        TRY(infer_unit(p, &p->works[i]));
        timer_stop(p, &p->works[i], TIMED_FORWARD, start);
        if (p->base.observer != NULL) observe(p, &p->works[i]);
    }
    forward_outputs(p);
    return POLYP_OK;
}
