/* Sums and gradients of all losses that are made of cross-entropy and of the overlap of prediction and mask. */
#include "net/loss_impl.h"
#include "net/loss_math.h"

/* Inlined twice, so that pixels without weights cost none. */
VECTOR_INLINE void add_up(loss_sums *out, const pixels *p, bool weighted)
{
    const float *const logits = p->logits, *const masks = p->masks, *const weights = p->weights;
    double count = 0, plain = 0, weight = 0, cross = 0, overlap = 0, predicted = 0, labelled = 0, poison = 0;
#pragma omp simd reduction(+ : count, plain, weight, cross, overlap, predicted, labelled, poison)
    for (size_t i = 0; i < p->count; i++) {
        const double z = (double)logits[i];
        const double counts = masks[i] < 0 ? 0.0 : 1.0, t = masks[i] < 0 ? 0.0 : (double)masks[i];
        const double w = weighted ? counts * (double)weights[i] : counts;
        const sigmoid y = sigmoid_of(z);
        const double cross_entropy = y.softplus - t * z;
        count += counts;
        plain += counts * cross_entropy;
        if (weighted) {
            weight += w;
            cross += w * cross_entropy;
        }
        overlap += w * y.p * t;
        predicted += w * y.p;
        labelled += w * t;
        poison += 0 * z;
    }
    *out = (loss_sums){.count = count,
                       .cross_entropy = plain,
                       .weight = weight,
                       .weighted_cross_entropy = cross,
                       .overlap = overlap,
                       .predicted = predicted,
                       .labelled = labelled,
                       .poison = poison};
}

FAST_CLONES static void add_up_plain(loss_sums *out, const pixels *p)
{
    add_up(out, p, false);
}

FAST_CLONES static void add_up_weighted(loss_sums *out, const pixels *p)
{
    add_up(out, p, true);
}

void overlap_sums(loss_sums *out, const pixels *p)
{
    (p->weights != NULL ? add_up_weighted : add_up_plain)(out, p);
}

VECTOR_INLINE void slopes_of(float *restrict out, const pixels *p, const loss_slopes *s, bool weighted)
{
    const float *const logits = p->logits, *const masks = p->masks, *const weights = p->weights;
    const loss_slopes k = *s;
#pragma omp simd
    for (size_t i = 0; i < p->count; i++) {
        const double t = (double)masks[i], w = weighted ? (double)weights[i] : 1.0;
        const sigmoid y = sigmoid_of((double)logits[i]);
        const double slope = (k.pixel + k.weighted * w) * (y.p - t) + w * (k.label * t + k.constant) * y.slope;
        out[i] = masks[i] < 0 ? 0.0F : (float)slope;
    }
}

FAST_CLONES static void slopes_plain(float *out, const pixels *p, const loss_slopes *k)
{
    slopes_of(out, p, k, false);
}

FAST_CLONES static void slopes_weighted(float *out, const pixels *p, const loss_slopes *k)
{
    slopes_of(out, p, k, true);
}

void overlap_gradient(float *out, const pixels *p, const loss_slopes *k)
{
    (p->weights != NULL ? slopes_weighted : slopes_plain)(out, p, k);
}
