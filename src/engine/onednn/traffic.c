/* Bytes that a piece of work reads and writes: each tensor once a pass over it, whatever the caches keep. */
#include "engine/onednn/inside.h"

static double bytes_of(const onednn_plan *p, shape s)
{
    return (double)shape_count(s) * (double)element_bytes(p->element);
}

static bool is_somewhere(place at)
{
    return at.buffer >= 0;
}

/* What the convolution reads: the picture as it is has no padded channels. */
static double source_bytes(const onednn_plan *p, const work *w)
{
    return bytes_of(p, w->spec.planar ? p->base.input : w->in);
}

/* What it writes, all images. */
static double result_bytes(const onednn_plan *p, const work *w)
{
    if (w->u.core == CORE_UPCONV) return bytes_of(p, groups_shape(w));
    if (w->dot >= 0) return (double)(shape_count(w->out) / (size_t)w->out.c) * sizeof(float);
    const size_t element = w->spec.f32_result ? sizeof(float) : element_bytes(p->element);
    return (double)shape_count(w->out) * (double)element;
}

/* The weights as a convolution reads them, `read` bytes; where they are brought into this layout first, that pass too. */
static double weights_bytes(const work *w, size_t read, bool brought)
{
    return (brought ? (double)dnn_conv_weights_bytes(w->backward_weights) + (double)read : 0) + (double)read;
}

static double forward_weights_bytes(const work *w)
{
    return weights_bytes(w, unit_weights_bytes(w), w->winograd != NULL || w->to_forward != NULL);
}

static double data_weights_bytes(const work *w)
{
    if (w->winograd_data != NULL) return weights_bytes(w, w->winograd_data->weights_bytes(&w->turned), true);
    return weights_bytes(w, dnn_conv_weights_bytes(w->backward_data), w->to_backward != NULL);
}

/* Copies into concatenations, where a value could not be written in place. */
static double parts_bytes(const onednn_plan *p, const work *w)
{
    double sum = 0;
    for (int k = 0; k < 2; k++) {
        if (w->copy_part[k]) sum += 2 * bytes_of(p, padded_shape(p, w->u.source[k]));
    }
    return sum;
}

/* Everything but convolutions, forward. */
static double forward_pass_bytes(const onednn_plan *p, const work *w)
{
    const value_places *const v = &p->values[w->u.value];
    const double out = bytes_of(p, w->out), copy = p->training && is_somewhere(v->copy) ? out : 0;
    switch (w->u.core) {
    case CORE_UPCONV: return bytes_of(p, groups_shape(w)) + out + copy;
    case CORE_POOL: return bytes_of(p, w->in) + out + (p->training ? (double)shape_count(w->out) : 0) + 2 * copy;
    case CORE_CONCAT: return parts_bytes(p, w) + 2 * copy;
    case CORE_UPSAMPLE: return bytes_of(p, w->in) + out + copy;
    default: break;
    }
    const double statistics = p->training && w->u.norm_op >= 0 ? out : 0;
    return statistics + 2 * out + copy + (w->u.residual >= 0 ? out : 0);
}

/* Inference times whole units. */
static double infer_bytes(const onednn_plan *p, const work *w)
{
    if (w->dot >= 0) return source_bytes(p, w) + result_bytes(p, w);
    if (w->forward == NULL && w->winograd == NULL) return forward_pass_bytes(p, w);
    const double result = result_bytes(p, w);
    const double added = (w->spec.sum ? result : 0) + (w->copy_residual ? 2 * result : 0);
    const double dealt = w->u.core == CORE_UPCONV ? forward_pass_bytes(p, w) : 0;
    return source_bytes(p, w) + (double)unit_weights_bytes(w) + result + added + dealt;
}

/* Gradient of the tail; and what follows it where the core is no convolution. */
static double backward_pass_bytes(const onednn_plan *p, const work *w)
{
    const double out = bytes_of(p, w->out);
    const double sources = p->values[w->u.value].source_count * out, sign = reads_output_sign(&w->u) ? out : 0;
    double core = 0;
    if (w->u.core == CORE_UPCONV) core = out + bytes_of(p, groups_shape(w));
    if (w->u.core == CORE_POOL) core = out + (double)shape_count(w->out) + bytes_of(p, w->in);
    if (w->u.core == CORE_UPSAMPLE) core = out + bytes_of(p, w->in);
    if (p->values[w->u.value].remade && w->u.core == CORE_CONV) core = 2 * out;
    if (w->u.norm_op < 0) return core + (unit_has_tail(&w->u) ? sources + sign + out : 0);
    const double sums = sources + sign + out + (is_somewhere(w->dz) ? out : 0);
    const double gradient = (is_somewhere(w->dz) ? out : sources + sign) + 2 * out;
    return core + sums + gradient;
}

double traffic_bytes(const onednn_plan *p, const work *w, enum timed kind)
{
    if (!p->training) return infer_bytes(p, w);
    switch (kind) {
    case TIMED_FORWARD_PASS: return forward_pass_bytes(p, w);
    case TIMED_BACKWARD_PASS: return backward_pass_bytes(p, w);
    default: break;
    }
    const double both = source_bytes(p, w) + result_bytes(p, w);
    if (w->dot >= 0) return both;
    if (w->backward_weights == NULL) return 0;
    const int times = w->y_remade || is_somewhere(w->groups_again) ? 2 : 1; /* in the backward pass again */
    if (kind == TIMED_FORWARD) return times * (both + forward_weights_bytes(w));
    if (kind == TIMED_BACKWARD_WEIGHTS) return both + (double)dnn_conv_weights_bytes(w->backward_weights);
    return makes_source_gradient(w) ? both + data_weights_bytes(w) : 0;
}

double traffic_step_bytes(const onednn_plan *p)
{
    enum { READ = 4, WRITTEN = 3 }; /* weights, gradients and two moments; all but gradients */
    const int average = p->base.options.average ? 2 : 0;
    return (double)(READ + WRITTEN + average) * (double)p->span_values * sizeof(float);
}
