/*
 * Training: batch statistics, and for each unit backward the gradient of its tail in two passes over memory, then
 * oneDNN's two convolutions. What is kept in between, place.c decides; the rest is made again (remake.c).
 */
#include <math.h>
#include <string.h>

#include "engine/onednn/inside.h"

static const float *span_of(const onednn_plan *p, enum plan_span span, int index)
{
    return p->spans[span] + p->slots[index].offset;
}

static float *gradient_of(onednn_plan *p, int index)
{
    return p->spans[PLAN_GRADIENTS] + p->slots[index].offset;
}

/* What the tail reads: the convolution's result, or the source itself. */
static field forward_y(const onednn_plan *p, const work *w)
{
    if (w->u.core == CORE_NONE) return field_at(p, p->values[w->u.source[0]].at, w->out);
    return field_at(p, w->y, w->out);
}

static field forward_source(const onednn_plan *p, const work *w)
{
    if (w->spec.planar) return planar_input(p);
    return field_at(p, p->values[w->u.source[0]].at, w->in);
}

/* The unit's weights in the layout and precision that a primitive wants. */
static status weights_for(onednn_plan *p, const work *w, dnn_reorder *reorder, void **out)
{
    float *const own = p->spans[PLAN_WEIGHTS] + p->slots[w->weights.param].offset;
    *out = own;
    if (reorder == NULL) return POLYP_OK;
    *out = p->weights_scratch;
    return dnn_reorder_run(reorder, own, p->weights_scratch, p->scratch);
}

/* ---- forward ------------------------------------------------------------------------------------------- */

/* All images at once, with transformed weights in the buffer that all units share: `job` says of what convolution, and its
 * bias. */
static void run_winograd(onednn_plan *p, const winograd_way *way, winograd_job job, field source, field destination,
                         place scratch)
{
    job.source = source.data;
    job.source_image = source.image;
    job.weights = p->weights_scratch;
    job.destination = destination.data;
    job.destination_image = destination.image;
    job.scratch = bytes_at(p, scratch);
    job.threads = p->base.options.threads;
    way->run(&job);
}

static void convolve_winograd(onednn_plan *p, const work *w, field source, const float *bias, field destination,
                              enum scratch_use use)
{
    w->winograd->prepare_forward(p->weights_scratch, span_of(p, PLAN_WEIGHTS, w->weights.param), &w->blocks, &w->spec,
                                 p->base.options.threads);
    const winograd_job job = {.spec = &w->spec, .bias = bias};
    run_winograd(p, w->winograd, job, source, destination, w->scratch[use]);
}

static status convolve_onednn(onednn_plan *p, const work *w, field source, float *bias, field destination,
                              enum scratch_use use)
{
    void *weights;
    TRY(weights_for(p, w, w->to_forward, &weights));
    return dnn_conv_run(w->forward, source.data, weights, bias, destination.data, bytes_at(p, w->scratch[use]));
}

status train_convolve(onednn_plan *p, work *w, field source, field destination, enum scratch_use use)
{
    const double start = timer_start(p);
    float *bias = NULL;
    if (w->spec.bias) bias = p->spans[PLAN_WEIGHTS] + p->slots[w->weights.bias_param].offset;
    if (w->winograd != NULL) {
        convolve_winograd(p, w, source, bias, destination, use);
    } else {
        TRY(convolve_onednn(p, w, source, bias, destination, use));
    }
    timer_stop(p, w, TIMED_FORWARD, start);
    return POLYP_OK;
}

static void update_running(onednn_plan *p, const work *w)
{
    const int first = p->base.graph->ops[w->u.norm_op].param + 2;
    float *const mean = p->running[first], *const variance = p->running[first + 1];
    const double count = (double)w->out.n * w->out.h * w->out.w;
    const float unbiased = (float)(count / (count > 1 ? count - 1 : 1)), momentum = (float)p->base.norm_momentum;
    for (int c = 0; c < w->out.c; c++) {
        mean[c] = (1.0F - momentum) * mean[c] + momentum * w->mean[c];
        variance[c] = (1.0F - momentum) * variance[c] + momentum * unbiased * w->variance[c];
    }
}

/* Statistics of y, and the scale and shift that normalise it. */
static void normalise(onednn_plan *p, const work *w, const extent *e)
{
    kernel_statistics(w->mean, w->variance, forward_y(p, w), e, p->partials);
    const int first = p->base.graph->ops[w->u.norm_op].param;
    const float *const gamma = span_of(p, PLAN_WEIGHTS, first), *const beta = span_of(p, PLAN_WEIGHTS, first + 1);
    for (int c = 0; c < w->out.c; c++) {
        w->inverse[c] = (float)(1.0 / sqrt((double)w->variance[c] + (double)NORM_EPSILON));
        w->scale[c] = gamma[c] * w->inverse[c];
        w->shift[c] = beta[c] - w->mean[c] * w->scale[c];
    }
    update_running(p, w);
}

static void forward_tail(onednn_plan *p, work *w)
{
    const double start = timer_start(p);
    const extent e = extent_of(p, w->out);
    if (w->u.norm_op >= 0) normalise(p, w, &e);
    apply_job job = {.out = field_at(p, p->values[w->u.value].at, w->out), .y = forward_y(p, w), .relu = w->u.relu};
    job.copy = field_at(p, p->values[w->u.value].copy, w->out);
    if (w->u.residual >= 0) job.residual = field_at(p, p->values[w->u.residual].at, w->out);
    if (w->u.norm_op >= 0) {
        job.scale = w->scale;
        job.shift = w->shift;
    }
    kernel_apply(&job, &e);
    timer_stop(p, w, TIMED_FORWARD_PASS, start);
}

static void copy_value(onednn_plan *p, const work *w)
{
    const value_places *const v = &p->values[w->u.value];
    if (v->copy.buffer < 0) return;
    const extent e = extent_of(p, w->out);
    kernel_apply(&(apply_job){.out = field_at(p, v->copy, w->out), .y = field_at(p, v->at, w->out)}, &e);
}

static extent groups_extent(const onednn_plan *p, const work *w)
{
    return extent_of(p, (shape){w->in.n, w->out.c, w->in.h, w->in.w});
}

status train_upconv(onednn_plan *p, work *w, const upconv_job *job)
{
    TRY(train_convolve(p, w, job->source, job->groups, job->use));
    const double start = timer_start(p);
    const extent e = groups_extent(p, w);
    kernel_deal(job->out, job->copy, job->groups, span_of(p, PLAN_WEIGHTS, w->weights.bias_param), w->in.h, w->in.w,
                &e);
    timer_stop(p, w, TIMED_FORWARD_PASS, start);
    return POLYP_OK;
}

static status forward_upconv(onednn_plan *p, work *w)
{
    const value_places *const v = &p->values[w->u.value];
    const upconv_job job = {forward_source(p, w), field_at(p, w->groups, groups_shape(w)), field_at(p, v->at, w->out),
                            field_at(p, v->copy, w->out), SCRATCH_FORWARD};
    return train_upconv(p, w, &job);
}

static void forward_dot(onednn_plan *p, const work *w)
{
    const double start = timer_start(p);
    const extent e = extent_of(p, w->in);
    const float bias = w->spec.bias ? *span_of(p, PLAN_WEIGHTS, w->weights.bias_param) : 0;
    kernel_dot(p->outputs[w->dot], forward_source(p, w), span_of(p, PLAN_WEIGHTS, w->weights.param), bias, &e);
    timer_stop(p, w, TIMED_FORWARD, start);
}

static status forward_unit(onednn_plan *p, work *w)
{
    if (w->dot >= 0) {
        forward_dot(p, w);
        return POLYP_OK;
    }
    if (w->u.core == CORE_UPCONV) return forward_upconv(p, w);
    if (w->u.core == CORE_CONV && w->y.buffer < 0) {
        const field out = field_at(p, p->values[w->u.value].at, w->out);
        TRY(train_convolve(p, w, forward_source(p, w), out, SCRATCH_FORWARD));
        copy_value(p, w);
    } else if (w->u.core == CORE_CONV) {
        TRY(train_convolve(p, w, forward_source(p, w), field_at(p, w->y, w->out), SCRATCH_FORWARD));
        forward_tail(p, w);
    } else if (w->u.core == CORE_NONE) {
        forward_tail(p, w);
    } else {
        const double start = timer_start(p);
        forward_simple(p, w);
        if (w->u.core != CORE_UPSAMPLE) copy_value(p, w);
        timer_stop(p, w, TIMED_FORWARD_PASS, start);
    }
    return POLYP_OK;
}

status train_forward(onednn_plan *p)
{
    forward_input(p);
    for (int i = 0; i < p->count; i++) TRY(forward_unit(p, &p->works[i]));
    forward_outputs(p);
    return POLYP_OK;
}

/* ---- backward ------------------------------------------------------------------------------------------ */

static status backward_source(field *out, onednn_plan *p, const work *w)
{
    if (!w->spec.planar) return remake_value(out, p, w->u.source[0]);
    *out = planar_input(p);
    return POLYP_OK;
}

/* What a batch norm read. */
static status backward_y(field *out, onednn_plan *p, work *w)
{
    if (w->u.core == CORE_NONE) return remake_value(out, p, w->u.source[0]);
    *out = field_at(p, w->y_again, w->out);
    if (!w->y_remade) return POLYP_OK;
    field source;
    TRY(backward_source(&source, p, w));
    return train_convolve(p, w, source, *out, SCRATCH_AGAIN);
}

static status find_gradient_job(gradient_job *job, onednn_plan *p, work *w)
{
    const value_places *const v = &p->values[w->u.value];
    *job = (gradient_job){.count = v->source_count, .relu = w->u.relu};
    for (int k = 0; k < v->source_count; k++) job->sources[k] = field_at(p, v->sources[k], w->out);
    if (reads_output_sign(&w->u)) job->output = field_at(p, v->at, w->out);
    if (w->u.norm_op < 0) return POLYP_OK;
    job->scale = w->scale;
    job->shift = w->shift;
    return backward_y(&job->y, p, w);
}

/* dy = scale (dz - mean(dz) - (y - mean) inverse^2 mean(dz (y - mean))), as a dz + b y + d (Ioffe, Szegedy 2015). */
static void norm_coefficients(const work *w)
{
    const double count = (double)w->out.n * w->out.h * w->out.w;
    for (int c = 0; c < w->out.c; c++) {
        const double scale = w->scale[c], inverse = w->inverse[c];
        const double b = -scale * inverse * inverse * (double)w->sum_centred[c] / count;
        w->a[c] = w->scale[c];
        w->b[c] = (float)b;
        w->d[c] = (float)(-scale * (double)w->sum[c] / count - b * (double)w->mean[c]);
    }
}

static void backward_norm(onednn_plan *p, work *w, const gradient_job *job)
{
    const extent e = extent_of(p, w->out);
    const field dz = field_at(p, w->dz, w->out), dy = field_at(p, w->dy, w->out);
    kernel_norm_sums(w->sum, w->sum_centred, dz, job, w->mean, &e, p->partials);
    const int first = p->base.graph->ops[w->u.norm_op].param;
    float *const gamma = gradient_of(p, first), *const beta = gradient_of(p, first + 1);
    for (int c = 0; c < w->out.c; c++) {
        gamma[c] = w->sum_centred[c] * w->inverse[c];
        beta[c] = w->sum[c];
    }
    norm_coefficients(w);
    gradient_job second = *job;
    if (dz.data != NULL) {
        /* dz is masked and summed already */
        second = (gradient_job){.sources = {dz}, .count = 1, .y = job->y};
    }
    kernel_norm_gradient(dy, &second, w->a, w->b, w->d, &e);
}

/* From the gradients of the value to dy, the gradient of what the core computed. */
static status backward_tail(onednn_plan *p, work *w)
{
    gradient_job job;
    TRY(find_gradient_job(&job, p, w));
    const double start = timer_start(p);
    const place first = p->values[w->u.value].sources[0];
    const bool is_source = w->dy.buffer == first.buffer && w->dy.block == first.block;
    if (w->u.norm_op >= 0) {
        backward_norm(p, w, &job);
    } else if (unit_has_tail(&w->u) || !is_source || job.count > 1) {
        const extent e = extent_of(p, w->out);
        kernel_gradient(field_at(p, w->dy, w->out), &job, &e);
    }
    timer_stop(p, w, TIMED_BACKWARD_PASS, start);
    return POLYP_OK;
}

/* Maps of a few pixels, for which oneDNN has only its reference loops. */
static void backward_weights_tiny(onednn_plan *p, const work *w, field source, field dy)
{
    const conv_spec *const s = &w->spec;
    const pool_shape window = {s->ih, s->iw, s->oh, s->ow, s->kernel, s->stride, s->padding};
    const extent e = extent_of(p, w->in);
    kernel_conv_weights(gradient_of(p, w->weights.param), source, dy, s->oc, &window, &e);
}

static void weights_winograd(onednn_plan *p, const work *w, field source, field dy)
{
    w->winograd_weights->gradient(&(winograd_gradient_job){.spec = &w->spec,
                                                           .blocks = &w->blocks,
                                                           .source = source.data,
                                                           .result_gradient = dy.data,
                                                           .weights_gradient = gradient_of(p, w->weights.param),
                                                           .scratch = bytes_at(p, w->scratch[SCRATCH_WEIGHTS]),
                                                           .source_image = source.image,
                                                           .result_image = dy.image,
                                                           .threads = p->base.options.threads});
}

static status weights_onednn(onednn_plan *p, const work *w, field source, field dy)
{
    float *const bias = w->spec.bias ? gradient_of(p, w->weights.bias_param) : NULL;
    const place scratch = w->scratch[SCRATCH_WEIGHTS];
    /* oneDNN 2.6 adds up there what it has not written of taps that never meet a pixel */
    if (w->blind_taps && scratch.buffer >= 0) memset(bytes_at(p, scratch), 0, p->buffers.blocks[scratch.buffer].bytes);
    return dnn_conv_run(w->backward_weights, source.data, gradient_of(p, w->weights.param), bias, dy.data,
                        bytes_at(p, scratch));
}

static bool is_left_out(const onednn_plan *p, const work *w)
{
    return p->base.left_out[p->base.graph->params.entries[w->weights.param].group];
}

static status backward_weights(onednn_plan *p, work *w, field dy)
{
    field source;
    TRY(backward_source(&source, p, w)); /* a later reader may count on it */
    if (is_left_out(p, w)) return POLYP_OK;
    const double start = timer_start(p);
    if (w->winograd_weights != NULL) {
        weights_winograd(p, w, source, dy);
    } else if (w->slow_weights) {
        backward_weights_tiny(p, w, source, dy);
    } else {
        TRY(weights_onednn(p, w, source, dy));
    }
    timer_stop(p, w, TIMED_BACKWARD_WEIGHTS, start);
    return POLYP_OK;
}

static void data_winograd(onednn_plan *p, const work *w, field to, field dy)
{
    w->winograd_data->prepare_backward(p->weights_scratch, span_of(p, PLAN_WEIGHTS, w->weights.param), &w->blocks,
                                       &w->turned, p->base.options.threads);
    const winograd_job job = {.spec = &w->turned};
    run_winograd(p, w->winograd_data, job, dy, to, w->scratch[SCRATCH_DATA]);
}

static status data_onednn(onednn_plan *p, const work *w, field to, field dy)
{
    void *weights;
    TRY(weights_for(p, w, w->to_backward, &weights));
    return dnn_conv_run(w->backward_data, to.data, weights, NULL, dy.data, bytes_at(p, w->scratch[SCRATCH_DATA]));
}

static status backward_data(onednn_plan *p, work *w, field dy)
{
    if (!makes_source_gradient(w)) return POLYP_OK;
    const double start = timer_start(p);
    const field to = field_at(p, w->source_gradient, w->in);
    if (w->winograd_data != NULL) {
        data_winograd(p, w, to, dy);
    } else {
        TRY(data_onednn(p, w, to, dy));
    }
    timer_stop(p, w, TIMED_BACKWARD_DATA, start);
    return POLYP_OK;
}

/* The gradient of the source may lie where the source lay: weights first. */
static status backward_conv(onednn_plan *p, work *w, field dy)
{
    TRY(backward_weights(p, w, dy));
    return backward_data(p, w, dy);
}

static status backward_dot(onednn_plan *p, work *w)
{
    const extent e = extent_of(p, w->in);
    const float *const gradient = p->dot_gradients[w->dot];
    float *const bias = w->spec.bias ? gradient_of(p, w->weights.bias_param) : NULL;
    field source;
    TRY(backward_source(&source, p, w));
    double start = timer_start(p);
    if (!is_left_out(p, w)) {
        kernel_dot_weights(gradient_of(p, w->weights.param), bias, source, gradient, &e, p->partials);
    }
    timer_stop(p, w, TIMED_BACKWARD_WEIGHTS, start);
    if (w->source_gradient.buffer < 0) return POLYP_OK;
    start = timer_start(p);
    kernel_dot_gradient(field_at(p, w->source_gradient, w->in), gradient, span_of(p, PLAN_WEIGHTS, w->weights.param), &e);
    timer_stop(p, w, TIMED_BACKWARD_DATA, start);
    return POLYP_OK;
}

static status backward_upconv(onednn_plan *p, work *w)
{
    const double start = timer_start(p);
    const field groups = field_at(p, w->groups_gradient, groups_shape(w));
    const extent e = groups_extent(p, w);
    kernel_gather(groups, gradient_of(p, w->weights.bias_param), field_at(p, w->dy, w->out), w->in.h, w->in.w, &e,
                  p->partials);
    timer_stop(p, w, TIMED_BACKWARD_PASS, start);
    return backward_conv(p, w, groups);
}

static void backward_pool(onednn_plan *p, work *w)
{
    if (w->source_gradient.buffer < 0) return;
    const double start = timer_start(p);
    const pool_shape s = pool_shape_of(p, w);
    const extent e = extent_of(p, w->out);
    kernel_max_pool_gradient(field_at(p, w->source_gradient, w->in), field_at(p, w->dy, w->out),
                             bytes_at(p, w->pool_at), &s, &e);
    timer_stop(p, w, TIMED_BACKWARD_PASS, start);
}

static void backward_upsample(onednn_plan *p, work *w)
{
    if (w->source_gradient.buffer < 0) return;
    const double start = timer_start(p);
    const extent e = extent_of(p, w->in);
    kernel_upsample_gradient(field_at(p, w->source_gradient, w->in), field_at(p, w->dy, w->out), w->in.h, w->in.w, &e);
    timer_stop(p, w, TIMED_BACKWARD_PASS, start);
}

static void take_gradients(onednn_plan *p, const tensor *gradients)
{
    for (int k = 0; k <= p->base.graph->auxiliary_count; k++) {
        const int output = graph_output(p->base.graph, k);
        const shape s = padded_shape(p, output);
        const extent e = extent_of(p, s);
        const channel_map *const m = &p->units.channels[output];
        p->dot_gradients[k] = gradients[k].data;
        if (p->output_gradients[k].buffer < 0) continue;
        kernel_block(field_at(p, p->output_gradients[k], s), gradients[k].data, m->map, m->channels, &e);
    }
}

status train_backward(onednn_plan *p, const tensor *gradients)
{
    take_gradients(p, gradients);
    remake_forget(p);
    for (int i = p->count - 1; i >= 0; i--) {
        work *const w = &p->works[i];
        if (w->dot >= 0) {
            TRY(backward_dot(p, w));
            continue;
        }
        TRY(backward_tail(p, w));
        if (w->u.core == CORE_CONV) TRY(backward_conv(p, w, field_at(p, w->dy, w->out)));
        if (w->u.core == CORE_UPCONV) TRY(backward_upconv(p, w));
        if (w->u.core == CORE_POOL) backward_pool(p, w);
        if (w->u.core == CORE_UPSAMPLE) backward_upsample(p, w);
    }
    return POLYP_OK;
}
