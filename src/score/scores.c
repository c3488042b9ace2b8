/* Counts to metrics. docs/metrics.md says why the empties are as they are. */
#include "score/scores.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/clones.h"
#include "media/augment.h"

/* ---- counts -------------------------------------------------------------------------------- */

FAST_CLONES static void count_pixels(pixel_counts *out, const unsigned char *prediction, const unsigned char *truth,
                                     size_t count)
{
    uint64_t all = 0, both = 0, predicted = 0, real = 0;
    for (size_t i = 0; i < count; i++) {
        const unsigned counts = truth[i] != MASK_IGNORED;
        const unsigned p = (prediction[i] > 127) & counts, t = (truth[i] > 127) & counts;
        all += counts;
        both += p & t;
        predicted += p;
        real += t;
    }
    *out = (pixel_counts){.tp = both, .fp = predicted - both, .fn = real - both, .tn = all + both - predicted - real};
}

status scores_count(pixel_counts *out, const polyp_image *prediction, const polyp_image *truth)
{
    if (prediction->channels != 1 || truth->channels != 1) {
        return fail(POLYP_ERR_ARGUMENT, "masks to score have 1 channel, not %d and %d", prediction->channels,
                    truth->channels);
    }
    if (prediction->width != truth->width || prediction->height != truth->height) {
        return fail(POLYP_ERR_SIZE, "the prediction is %d x %d, but the truth is %d x %d", prediction->width,
                    prediction->height, truth->width, truth->height);
    }
    count_pixels(out, prediction->pixels, truth->pixels, (size_t)truth->width * (size_t)truth->height);
    return POLYP_OK;
}

pixel_counts scores_sum(const pixel_counts *c, size_t count)
{
    pixel_counts sum = {0};
    for (size_t i = 0; i < count; i++) {
        sum.tp += c[i].tp;
        sum.fp += c[i].fp;
        sum.fn += c[i].fn;
        sum.tn += c[i].tn;
    }
    return sum;
}

static bool has_polyp(const pixel_counts *c)
{
    return c->tp + c->fn > 0;
}

/* ---- arrays -------------------------------------------------------------------------------- */

void scores_to_array(double out[SIX_METRICS], const polyp_metrics *m)
{
    const double values[SIX_METRICS] = {m->jaccard, m->dsc, m->recall, m->precision, m->accuracy, m->f2};
    memcpy(out, values, sizeof values);
}

polyp_metrics scores_from_array(const double v[SIX_METRICS])
{
    return (polyp_metrics){v[0], v[1], v[2], v[3], v[4], v[5]};
}

/* ---- one picture --------------------------------------------------------------------------- */

polyp_metrics scores_of(const pixel_counts *c)
{
    const double tp = (double)c->tp, fp = (double)c->fp, fn = (double)c->fn, tn = (double)c->tn;
    const double all = tp + fp + fn + tn;
    polyp_metrics m = {NAN, NAN, NAN, NAN, NAN, NAN};
    if (all > 0) m.accuracy = (tp + tn) / all;
    if (!has_polyp(c)) return m;
    m.jaccard = tp / (tp + fp + fn);
    m.dsc = 2 * tp / (2 * tp + fp + fn);
    m.recall = tp / (tp + fn);
    m.precision = tp > 0 ? tp / (tp + fp) : 0;
    m.f2 = 5 * tp / (5 * tp + 4 * fn + fp);
    return m;
}

static double divide(double above, double below, double otherwise)
{
    return below > 0 ? above / below : otherwise;
}

/* Every metric, with `otherwise` for 0 / 0. */
static polyp_metrics divided(const pixel_counts *c, double otherwise)
{
    const double tp = (double)c->tp, fp = (double)c->fp, fn = (double)c->fn, tn = (double)c->tn;
    return (polyp_metrics){
        .jaccard = divide(tp, tp + fp + fn, otherwise),
        .dsc = divide(2 * tp, 2 * tp + fp + fn, otherwise),
        .recall = divide(tp, tp + fn, otherwise),
        .precision = divide(tp, tp + fp, otherwise),
        .accuracy = divide(tp + tn, tp + fp + fn + tn, otherwise),
        .f2 = divide(5 * tp, 5 * tp + 4 * fn + fp, otherwise),
    };
}

polyp_metrics scores_zero_division(const pixel_counts *c)
{
    return divided(c, 0);
}

static polyp_metrics scores_sklearn(const pixel_counts *c)
{
    polyp_metrics m = divided(c, 0);
    if (c->tp + c->fp == 0) m.precision = 1;
    return m;
}

/* As TransNetR's metrics.py has it: F2 comes from the smoothed precision and recall. */
static polyp_metrics scores_eps(const pixel_counts *c)
{
    const double eps = 1e-15;
    const double tp = (double)c->tp, fp = (double)c->fp, fn = (double)c->fn;
    polyp_metrics m = divided(c, NAN);
    m.jaccard = (tp + eps) / (tp + fp + fn + eps);
    m.dsc = (2 * tp + eps) / (2 * tp + fp + fn + eps);
    m.recall = (tp + eps) / (tp + fn + eps);
    m.precision = (tp + eps) / (tp + fp + eps);
    m.f2 = 5 * m.precision * m.recall / (4 * m.precision + m.recall + eps);
    return m;
}

status empty_rule_parse(enum empty_rule *out, const char *name)
{
    static const char *const names[] = {"none", "sklearn", "eps"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *out = (enum empty_rule)i;
        return POLYP_OK;
    }
    return fail(POLYP_ERR_ARGUMENT, "rule for empty masks '%s': none, sklearn and eps are known", name);
}

polyp_metrics scores_by_rule(const pixel_counts *c, enum empty_rule rule)
{
    switch (rule) {
    case EMPTY_SKLEARN: return scores_sklearn(c);
    case EMPTY_EPS: return scores_eps(c);
    default: return scores_of(c);
    }
}

double scores_specificity(const pixel_counts *c)
{
    return divide((double)c->tn, (double)c->tn + (double)c->fp, (double)NAN);
}

/* ---- averages ------------------------------------------------------------------------------ */

/* Sums and counts of what is a number. */
typedef struct mean_of_six {
    double sum[SIX_METRICS], count[SIX_METRICS];
} mean_of_six;

static void add_metrics(mean_of_six *mean, const polyp_metrics *m)
{
    double values[SIX_METRICS];
    scores_to_array(values, m);
    for (int k = 0; k < SIX_METRICS; k++) {
        if (isnan(values[k])) continue;
        mean->sum[k] += values[k];
        mean->count[k]++;
    }
}

/* 0 / 0 is the NaN that "no picture has it" calls for */
static polyp_metrics mean_metrics(const mean_of_six *mean)
{
    double values[SIX_METRICS];
    for (int k = 0; k < SIX_METRICS; k++) values[k] = mean->sum[k] / mean->count[k];
    return scores_from_array(values);
}

polyp_metrics scores_of_classes(const pixel_counts *c)
{
    const pixel_counts background = {.tp = c->tn, .fp = c->fn, .fn = c->fp, .tn = c->tp};
    const pixel_counts *const classes[] = {c, &background};
    mean_of_six mean = {0};
    for (int k = 0; k < 2; k++) {
        const polyp_metrics m = divided(classes[k], (double)NAN);
        add_metrics(&mean, &m);
    }
    return mean_metrics(&mean);
}

polyp_metrics scores_mean(const pixel_counts *c, size_t count, polyp_metrics (*score)(const pixel_counts *))
{
    mean_of_six mean = {0};
    for (size_t i = 0; i < count; i++) {
        const polyp_metrics m = score(&c[i]);
        add_metrics(&mean, &m);
    }
    return mean_metrics(&mean);
}

polyp_metrics scores_per_image(const pixel_counts *c, size_t count)
{
    mean_of_six mean = {0};
    for (size_t i = 0; i < count; i++) {
        if (!has_polyp(&c[i])) continue; /* its accuracy stays out too */
        const polyp_metrics m = scores_of(&c[i]);
        add_metrics(&mean, &m);
    }
    return mean_metrics(&mean);
}

polyp_metrics scores_mean_by_rule(const pixel_counts *c, size_t count, enum empty_rule rule)
{
    switch (rule) {
    case EMPTY_SKLEARN: return scores_mean(c, count, scores_sklearn);
    case EMPTY_EPS: return scores_mean(c, count, scores_eps);
    default: return scores_per_image(c, count);
    }
}

polyp_metrics scores_pooled_classes(const pixel_counts *c, size_t count)
{
    const pixel_counts sum = scores_sum(c, count);
    return scores_of_classes(&sum);
}

polyp_metrics scores_pooled(const pixel_counts *c, size_t count)
{
    const pixel_counts sum = scores_sum(c, count);
    return scores_of(&sum);
}
