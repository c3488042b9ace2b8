/* A forward pass in whole numbers. */
#include <string.h>

#include "base/clock.h"
#include "engine/onednn/int8.h"

static byte_field field_of(const byte_plan *p, int value)
{
    return (byte_field){byte_at(p, value), byte_stride(p, value), p->is_signed[value]};
}

/* All images' rows as one. */
static size_t all_rows(shape s)
{
    return (size_t)s.n * (size_t)s.h;
}

static status run_conv(const byte_plan *p, const byte_work *w)
{
    const unit *const u = &w->u;
    unsigned char *const out = byte_at(p, u->value);
    if (w->copy_residual) memcpy(out, byte_at(p, u->residual), shape_count(w->out));
    return dnn_conv_run(w->conv, byte_at(p, u->source[0]), w->weights, w->bias, out, p->scratch);
}

static status run_upconv(const byte_plan *p, const byte_work *w)
{
    unsigned char *const groups = p->arena + p->blocks[w->groups].offset;
    TRY(dnn_conv_run(w->conv, byte_at(p, w->u.source[0]), w->weights, w->bias, groups, p->scratch));
    bytes_deal(field_of(p, w->u.value), groups, all_rows(w->in), (size_t)w->in.w, (size_t)w->out.c,
               p->base.options.threads);
    return POLYP_OK;
}

static void run_head(const byte_plan *p, const byte_work *w)
{
    const op *const o = &p->base.graph->ops[w->u.core_op];
    const byte_head job = {.in = byte_at(p, w->u.source[0]),
                           .is_signed = p->is_signed[w->u.source[0]],
                           .weights = w->head_weights,
                           .bias = w->bias,
                           .n = w->in.n,
                           .h = w->in.h,
                           .w = w->in.w,
                           .channels = w->in.c,
                           .oc = o->channels,
                           .kernel = o->kernel,
                           .padding = o->padding};
    bytes_head(p->outputs[0], &job, p->base.options.threads);
}

static void run_pool(const byte_plan *p, const byte_work *w)
{
    const op *const o = &p->base.graph->ops[w->u.core_op];
    const byte_pool s = {w->in.n,   w->in.h,   w->in.w,    w->out.h, w->out.w,
                         o->kernel, o->stride, o->padding, w->out.c};
    bytes_max_pool(byte_at(p, w->u.value), byte_at(p, w->u.source[0]), &s, p->base.options.threads);
}

/* A copy of `source` that has the scale of the tensor it is written into. */
static byte_copy copy_of(const byte_plan *p, int source, byte_field out, float scale)
{
    const shape s = byte_shape(p, source);
    return (byte_copy){.out = out,
                       .in = field_of(p, source),
                       .rows = all_rows(s),
                       .row = (size_t)s.w,
                       .channels = (size_t)s.c,
                       .ratio = p->scales[source] / scale};
}

static void run_concat(const byte_plan *p, const byte_work *w)
{
    byte_field slot = field_of(p, w->u.value);
    for (int k = 0; k < 2; k++) {
        const int part = w->u.source[k];
        const byte_copy job = copy_of(p, part, slot, p->scales[w->u.value]);
        slot.data += byte_shape(p, part).c;
        if (w->copy_part[k]) bytes_rescale(&job, p->base.options.threads);
    }
}

/* Into a concatenation, whose kind of byte it takes; else its own source's. */
static void run_upsample(const byte_plan *p, const byte_work *w)
{
    byte_field out = field_of(p, w->u.value);
    out.is_signed = w->signed_result;
    const byte_copy job = copy_of(p, w->u.source[0], out, p->scales[w->u.value]);
    bytes_upsample(&job, all_rows(w->in), (size_t)w->in.w, p->base.options.threads);
}

static status run_unit(const byte_plan *p, const byte_work *w)
{
    switch (w->u.core) {
    case CORE_CONV:
        if (!w->head) return run_conv(p, w);
        run_head(p, w);
        break;
    case CORE_UPCONV: return run_upconv(p, w);
    case CORE_POOL: run_pool(p, w); break;
    case CORE_CONCAT: run_concat(p, w); break;
    case CORE_UPSAMPLE: run_upsample(p, w); break;
    case CORE_NONE: break; /* refused when the plan was made */
    }
    return POLYP_OK;
}

static void read_picture(const byte_plan *p)
{
    const shape s = p->base.input;
    const channel_map *const m = &p->units.channels[0];
    const byte_input job = {.planar = p->input,
                            .map = m->map,
                            .channels = m->channels,
                            .padded = m->padded,
                            .n = s.n,
                            .pixels = (size_t)s.h * (size_t)s.w,
                            .scale = p->scales[0]};
    bytes_from_floats(byte_at(p, 0), &job, p->base.options.threads);
}

status int8_forward(plan *base)
{
    const byte_plan *const p = bytes_of(base);
    if (p->prepared == NULL) return fail(POLYP_ERR_ARGUMENT, "an int8 plan has no weights yet");
    read_picture(p);
    for (int i = 0; i < p->count; i++) {
        const double start = p->timings != NULL ? clock_seconds() : 0;
        TRY(run_unit(p, &p->works[i]));
        if (p->timings == NULL) continue;
        p->timings[i].seconds += clock_seconds() - start;
        p->timings[i].runs++;
    }
    return POLYP_OK;
}
