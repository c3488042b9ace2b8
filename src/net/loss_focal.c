/* The focal loss (Lin et al., "Focal loss for dense object detection", 2017), as torchvision's sigmoid_focal_loss. */
#include "net/loss_impl.h"
#include "net/loss_math.h"

/* One pixel: q = 1 - p_t, the probability that was not given to the label. */
typedef struct focal_pixel {
    double cross_entropy, weight, power; /* power: q^gamma */
    double excess;                       /* p - t */
    double turn;                         /* d q^gamma / d z */
} focal_pixel;

VECTOR_INLINE focal_pixel focal_of(double z, double t, double balance, double gamma)
{
    const sigmoid y = sigmoid_of(z);
    const double other = sigmoid_of(-z).p; /* 1 - p without cancelling */
    const double q = y.p * (1 - t) + other * t;
    const double power = fast_exp(gamma * fast_log(q));
    /* q^(gamma - 1) slope (1 - 2 t), where slope / q stays finite when q does not */
    const double share = y.slope / (q > 0 ? q : 1);
    return (focal_pixel){.cross_entropy = y.softplus - t * z,
                         .weight = balance < 0 ? 1 : balance * t + (1 - balance) * (1 - t),
                         .power = power,
                         .excess = y.p - t,
                         .turn = gamma * power * share * (1 - 2 * t)};
}

FAST_CLONES static void add_up(loss_sums *out, const pixels *p, const loss_spec *spec)
{
    const float *const logits = p->logits, *const masks = p->masks;
    const double balance = spec->balance, gamma = spec->gamma;
    double count = 0, sum = 0, poison = 0;
#pragma omp simd reduction(+ : count, sum, poison)
    for (size_t i = 0; i < p->count; i++) {
        const double z = (double)logits[i], counts = masks[i] < 0 ? 0.0 : 1.0;
        const focal_pixel f = focal_of(z, masks[i] < 0 ? 0.0 : (double)masks[i], balance, gamma);
        count += counts;
        sum += counts * f.weight * f.power * f.cross_entropy;
        poison += 0 * z;
    }
    *out = (loss_sums){.count = count, .cross_entropy = sum, .poison = poison};
}

FAST_CLONES static void write_slopes(float *restrict out, const pixels *p, double scale, const loss_spec *spec)
{
    const float *const logits = p->logits, *const masks = p->masks;
    const double balance = spec->balance, gamma = spec->gamma;
#pragma omp simd
    for (size_t i = 0; i < p->count; i++) {
        const focal_pixel f = focal_of((double)logits[i], (double)masks[i], balance, gamma);
        const double slope = scale * f.weight * (f.power * f.excess + f.turn * f.cross_entropy);
        out[i] = masks[i] < 0 ? 0.0F : (float)slope;
    }
}

void focal_sums(loss_sums *out, const pixels *p, const loss_spec *spec)
{
    add_up(out, p, spec);
}

void focal_gradient(float *out, const pixels *p, double scale, const loss_spec *spec)
{
    write_slopes(out, p, scale, spec);
}
