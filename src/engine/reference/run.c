/* Forward is a loop up the ops, backward a loop down. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "engine/reference/kernels.h"
#include "engine/reference/reference.h"
#include "net/quantise.h"

static shape shape_of(const reference_plan *r, int value)
{
    return r->layout.places[value].shape;
}

static conv_size size_of(const reference_plan *r, int i)
{
    const op *const o = &r->base.graph->ops[i];
    return (conv_size){shape_of(r, o->input[0]), shape_of(r, i), o->kernel, o->stride, o->padding};
}

static norm_params norm_params_of(const reference_plan *r, const op *o)
{
    float *const *const p = r->params + o->param;
    return (norm_params){p[0], p[1], p[2], p[3]};
}

static void forward_conv(reference_plan *r, int i, float *out, const float *in)
{
    const op *const o = &r->base.graph->ops[i];
    const float *const weight = r->params[o->param], *const bias = o->has_bias ? r->params[o->param + 1] : NULL;
    const conv_size s = size_of(r, i);
    if (o->kind == OP_CONV) {
        conv_forward(out, in, weight, bias, &s, r->base.options.threads);
    } else {
        upconv_forward(out, in, weight, bias, s.in, s.out, r->base.options.threads);
    }
}

static void forward_norm(reference_plan *r, int i, float *out, const float *in)
{
    const norm_params n = norm_params_of(r, &r->base.graph->ops[i]);
    const int threads = r->base.options.threads;
    if (r->base.options.mode == PLAN_TRAIN) {
        norm_train(out, in, &n, r->base.norm_momentum, shape_of(r, i), threads);
    } else {
        norm_infer(out, in, &n, shape_of(r, i), threads);
    }
}

static void forward_op(reference_plan *r, int i)
{
    const op *const o = &r->base.graph->ops[i];
    const int threads = r->base.options.threads;
    const size_t count = shape_count(shape_of(r, i));
    float *const out = r->values[i];
    const float *const a = o->input[0] < 0 ? NULL : r->values[o->input[0]];
    const float *const b = o->input[1] < 0 ? NULL : r->values[o->input[1]];
    switch (o->kind) {
    case OP_INPUT: break;
    case OP_CONV:
    case OP_UPCONV: forward_conv(r, i, out, a); break;
    case OP_NORM: forward_norm(r, i, out, a); break;
    case OP_RELU: relu_forward(out, a, count, threads); break;
    case OP_ADD: add_forward(out, a, b, count, threads); break;
    case OP_MAX_POOL: {
        const conv_size s = size_of(r, i);
        pool_forward(out, a, &s, threads);
        break;
    }
    case OP_UPSAMPLE: upsample_forward(out, a, shape_of(r, o->input[0]), threads); break;
    case OP_CONCAT: concat_forward(out, a, b, shape_of(r, o->input[0]), shape_of(r, o->input[1])); break;
    }
}

/* What 8 bits can say of each value: the nearest whole number of scales, ties to even. */
static void round_value(float *values, size_t count, float scale, bool is_signed)
{
    const float least = is_signed ? QUANTISE_SIGNED_LEAST : 0;
    const float most = is_signed ? QUANTISE_SIGNED_MOST : QUANTISE_UNSIGNED_MOST;
    for (size_t i = 0; i < count; i++) {
        values[i] = fminf(fmaxf(nearbyintf(values[i] / scale), least), most) * scale;
    }
}

static void observe(const reference_plan *r, int i)
{
    const size_t count = shape_count(shape_of(r, i));
    if (r->base.observer != NULL) r->base.observer(r->base.observer_context, i, r->values[i], count);
}

status reference_forward(plan *p)
{
    reference_plan *const r = (reference_plan *)p;
    for (int i = 0; i < p->graph->count; i++) {
        const double start = r->timings != NULL ? clock_seconds() : 0;
        forward_op(r, i);
        if (r->value_scales != NULL && r->value_scales[i] > 0) {
            round_value(r->values[i], shape_count(shape_of(r, i)), r->value_scales[i], r->is_signed[i]);
        }
        observe(r, i);
        reference_note_time(r, i, false, start);
    }
    return POLYP_OK;
}

/* ---- backward ------------------------------------------------------------------------------------------- */

/* Where the gradient of parameter i is summed. */
static float *param_gradient(const reference_plan *r, int i)
{
    return r->spans[PLAN_GRADIENTS] + r->layout.slots[i].offset;
}

static void backward_conv(reference_plan *r, int i, float *in_gradient, const float *in)
{
    const op *const o = &r->base.graph->ops[i];
    const int threads = r->base.options.threads;
    const conv_size s = size_of(r, i);
    const float *const gradient = r->gradients[i], *const weight = r->params[o->param];
    float *const weight_gradient = param_gradient(r, o->param);
    if (o->has_bias) bias_backward(param_gradient(r, o->param + 1), gradient, s.out, threads);
    if (o->kind == OP_CONV) {
        conv_backward_weight(weight_gradient, in, gradient, &s, threads);
        if (in_gradient != NULL) conv_backward_data(in_gradient, gradient, weight, &s, threads);
    } else {
        upconv_backward_weight(weight_gradient, in, gradient, s.in, s.out, threads);
        if (in_gradient != NULL) upconv_backward_data(in_gradient, gradient, weight, s.in, s.out, threads);
    }
}

static void backward_norm(reference_plan *r, int i, float *in_gradient, const float *in)
{
    const op *const o = &r->base.graph->ops[i];
    norm_backward(in_gradient, param_gradient(r, o->param), param_gradient(r, o->param + 1), in, r->gradients[i],
                  r->params[o->param], shape_of(r, i), r->base.options.threads);
}

/* The share of input k (0 or 1) of an op without parameters. */
static void backward_input(reference_plan *r, int i, int k)
{
    const op *const o = &r->base.graph->ops[i];
    const int threads = r->base.options.threads;
    const shape s = shape_of(r, i);
    float *const in_gradient = o->input[k] < 0 ? NULL : r->gradients[o->input[k]];
    const float *const gradient = r->gradients[i];
    if (in_gradient == NULL) return;
    if (o->kind == OP_RELU) {
        relu_backward(in_gradient, r->values[i], gradient, shape_count(s), threads);
    } else if (o->kind == OP_ADD) {
        add_backward(in_gradient, gradient, shape_count(s), threads);
    } else if (o->kind == OP_MAX_POOL) {
        const conv_size size = size_of(r, i);
        pool_backward(in_gradient, r->values[o->input[0]], gradient, &size, threads);
    } else if (o->kind == OP_UPSAMPLE) {
        upsample_backward(in_gradient, gradient, shape_of(r, o->input[0]), threads);
    } else if (o->kind == OP_CONCAT) {
        const int first = k == 0 ? 0 : shape_of(r, o->input[0]).c;
        concat_backward(in_gradient, gradient, first, shape_of(r, o->input[k]).c, s, threads);
    }
}

static void backward_op(reference_plan *r, int i)
{
    const op *const o = &r->base.graph->ops[i];
    if (o->kind == OP_CONV || o->kind == OP_UPCONV) {
        backward_conv(r, i, r->gradients[o->input[0]], r->values[o->input[0]]);
    } else if (o->kind == OP_NORM) {
        backward_norm(r, i, r->gradients[o->input[0]], r->values[o->input[0]]);
    } else {
        backward_input(r, i, 0);
        backward_input(r, i, 1);
    }
}

/* Kernels add: what op i is the first to add to starts at zero. An output's gradient is given. */
static void clear_gradients(reference_plan *r, int i)
{
    const graph *const g = r->base.graph;
    for (int k = 0; k < 2; k++) {
        const int read = g->ops[i].input[k];
        if (read < 0 || graph_is_output(g, read) || r->gradients[read] == NULL) continue;
        if (r->layout.places[read].first_backward != i) continue;
        memset(r->gradients[read], 0, shape_count(shape_of(r, read)) * sizeof(float));
    }
}

status reference_backward(plan *p, const tensor *gradients)
{
    reference_plan *const r = (reference_plan *)p;
    const graph *const g = p->graph;
    memset(r->spans[PLAN_GRADIENTS], 0, r->layout.trained * sizeof(float));
    for (int k = 0; k <= g->auxiliary_count; k++) {
        float *const to = r->gradients[graph_output(g, k)];
        if (to != NULL) memcpy(to, gradients[k].data, shape_count(gradients[k].shape) * sizeof(float));
    }
    for (int i = g->count - 1; i >= 0; i--) {
        if (r->gradients[i] == NULL) continue;
        const double start = r->timings != NULL ? clock_seconds() : 0;
        clear_gradients(r, i);
        backward_op(r, i);
        reference_note_time(r, i, true, start);
    }
    return POLYP_OK;
}
