/*
 * Losses on logits: binary cross-entropy and soft Dice (Milletari et al., "V-Net", 2016), value and gradient.
 *
 * Every picture is cut into a fixed number of slices; each slice is summed by one thread, and the slices are added in
 * their order. So the sums do not depend on how many threads there are.
 */
#include "net/loss.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* gcc's OpenMP runtime is not built for the thread sanitizer, which then sees races that are none. */
#if defined(_OPENMP) && !defined(__SANITIZE_THREAD__)
#define PARALLEL_FOR _Pragma("omp parallel for schedule(static)")
#else
#define PARALLEL_FOR
#endif

enum { SLICES = 64 };

static const char *const NAMES[] = {"bce", "dice", "bce+dice"};

status loss_parse(enum loss_kind *out, const char *name)
{
    for (int i = 0; i < (int)(sizeof NAMES / sizeof NAMES[0]); i++) {
        if (strcmp(name, NAMES[i]) == 0) {
            *out = (enum loss_kind)i;
            return POLYP_OK;
        }
    }
    return fail(POLYP_ERR_ARGUMENT, "there is no loss %s; there are bce, dice and bce+dice", name);
}

const char *loss_name(enum loss_kind kind)
{
    return NAMES[kind];
}

/* sigmoid(z) and its parts, without overflow for any z */
typedef struct sigmoid {
    double p;        /* 1 / (1 + exp(-z)) */
    double slope;    /* p (1 - p) */
    double softplus; /* log(1 + exp(z)) */
} sigmoid;

static inline sigmoid sigmoid_of(double z)
{
    const double e = exp(-fabs(z));
    const double p = 1 / (1 + e);
    return (sigmoid){.p = z >= 0 ? p : e * p, .slope = e * p * p, .softplus = (z > 0 ? z : 0) + log1p(e)};
}

/* Sums over some pixels. */
typedef struct pixel_sums {
    double cross_entropy, overlap, predicted, labelled;
    double poison; /* 0; NaN when a logit is not finite: sigmoid(infinity) alone would hide it from Dice */
} pixel_sums;

static pixel_sums sum_slice(const float *logits, const float *masks, size_t begin, size_t end)
{
    pixel_sums s = {0};
    for (size_t i = begin; i < end; i++) {
        const double z = (double)logits[i], t = (double)masks[i];
        const sigmoid y = sigmoid_of(z);
        s.cross_entropy += y.softplus - t * z;
        s.overlap += y.p * t;
        s.predicted += y.p;
        s.labelled += t;
        s.poison += 0 * z;
    }
    return s;
}

static pixel_sums sum_picture(const float *logits, const float *masks, size_t pixels)
{
    pixel_sums slices[SLICES];
    PARALLEL_FOR
    for (int k = 0; k < SLICES; k++) {
        slices[k] = sum_slice(logits, masks, pixels * (size_t)k / SLICES, pixels * (size_t)(k + 1) / SLICES);
    }
    pixel_sums total = {0};
    for (int k = 0; k < SLICES; k++) {
        total.cross_entropy += slices[k].cross_entropy;
        total.overlap += slices[k].overlap;
        total.predicted += slices[k].predicted;
        total.labelled += slices[k].labelled;
        total.poison += slices[k].poison;
    }
    return total;
}

/* d loss / d z = pixel (p - t) + (label t + constant) p (1 - p): first cross-entropy's term, then Dice's. */
typedef struct slopes {
    double pixel, label, constant;
} slopes;

static void gradient_slice(float *out, slopes k, const float *logits, const float *masks, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        const double t = (double)masks[i];
        const sigmoid y = sigmoid_of((double)logits[i]);
        out[i] = (float)(k.pixel * (y.p - t) + (k.label * t + k.constant) * y.slope);
    }
}

static void gradient_picture(float *out, slopes s, const float *logits, const float *masks, size_t pixels)
{
    PARALLEL_FOR
    for (int k = 0; k < SLICES; k++) {
        gradient_slice(out, s, logits, masks, pixels * (size_t)k / SLICES, pixels * (size_t)(k + 1) / SLICES);
    }
}

/* One picture's share of the loss, and the slopes of its gradient. */
static double picture_loss(slopes *out, enum loss_kind kind, const pixel_sums *s, double pictures, double pixels)
{
    double value = 0;
    *out = (slopes){0};
    if (kind != LOSS_DICE) {
        value += s->cross_entropy / (pictures * pixels);
        out->pixel = 1 / (pictures * pixels);
    }
    if (kind != LOSS_BCE) {
        const double top = 2 * s->overlap + 1, bottom = s->predicted + s->labelled + 1;
        value += (1 - top / bottom) / pictures;
        out->label = -2 / (bottom * pictures);
        out->constant = top / (bottom * bottom * pictures);
    }
    return value + s->poison;
}

double loss_compute(enum loss_kind kind, tensor *gradient, const tensor *logits, const tensor *masks)
{
    const shape s = logits->shape;
    assert(s.c == 1 && shape_count(s) > 0 && memcmp(&s, &masks->shape, sizeof s) == 0);
    const size_t pixels = (size_t)s.h * (size_t)s.w;
    double value = 0;
    for (size_t n = 0; n < (size_t)s.n; n++) {
        const float *const z = logits->data + n * pixels, *const t = masks->data + n * pixels;
        const pixel_sums sums = sum_picture(z, t, pixels);
        slopes k;
        value += picture_loss(&k, kind, &sums, s.n, (double)pixels);
        if (gradient != NULL) gradient_picture(gradient->data + n * pixels, k, z, t, pixels);
    }
    return value;
}
