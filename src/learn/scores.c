/* Counts to metrics to intervals. docs/metrics.md says why the empties are as they are. */
#include "learn/scores.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "media/augment.h"

enum { RESAMPLES = 10000 };

/* ---- counts -------------------------------------------------------------------------------- */

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
    const size_t count = (size_t)truth->width * (size_t)truth->height;
    uint64_t both = 0, predicted = 0, real = 0, counted = 0;
    for (size_t i = 0; i < count; i++) {
        const unsigned counts = truth->pixels[i] != MASK_IGNORED;
        const unsigned p = counts & (prediction->pixels[i] > 127), t = counts & (truth->pixels[i] > 127);
        both += p & t;
        predicted += p;
        real += t;
        counted += counts;
    }
    *out = (pixel_counts){
        .tp = both, .fp = predicted - both, .fn = real - both, .tn = counted + both - predicted - real};
    return POLYP_OK;
}

static bool has_polyp(const pixel_counts *c)
{
    return c->tp + c->fn > 0;
}

/* ---- metrics ------------------------------------------------------------------------------- */

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

static void add_metrics(polyp_metrics *sum, const polyp_metrics *m)
{
    sum->jaccard += m->jaccard;
    sum->dsc += m->dsc;
    sum->recall += m->recall;
    sum->precision += m->precision;
    sum->accuracy += m->accuracy;
    sum->f2 += m->f2;
}

polyp_metrics scores_per_image(const pixel_counts *c, size_t count)
{
    polyp_metrics sum = {0};
    double scored = 0;
    for (size_t i = 0; i < count; i++) {
        if (!has_polyp(&c[i])) continue;
        const polyp_metrics m = scores_of(&c[i]);
        add_metrics(&sum, &m);
        scored++;
    }
    /* 0 / 0 is the NaN that "no picture has a polyp" calls for */
    return (polyp_metrics){sum.jaccard / scored,   sum.dsc / scored,      sum.recall / scored,
                           sum.precision / scored, sum.accuracy / scored, sum.f2 / scored};
}

polyp_metrics scores_pooled(const pixel_counts *c, size_t count)
{
    pixel_counts sum = {0};
    for (size_t i = 0; i < count; i++) {
        sum.tp += c[i].tp;
        sum.fp += c[i].fp;
        sum.fn += c[i].fn;
        sum.tn += c[i].tn;
    }
    return scores_of(&sum);
}

/* ---- bootstrap ----------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
    const double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

/* Between the two nearest of the sorted values, numpy's default. */
static double percentile(const double *sorted, size_t count, double percent)
{
    const double place = percent / 100 * (double)(count - 1);
    const size_t below = (size_t)place;
    if (below + 1 >= count) return sorted[count - 1];
    const double part = place - (double)below;
    return sorted[below] + (sorted[below + 1] - sorted[below]) * part;
}

/* Mean of `count` draws with replacement; every resample has a stream of its own. */
static double resample_mean(const double *values, size_t count, uint64_t resample)
{
    random_stream r = random_open(0, RANDOM_BOOTSTRAP, 0, resample);
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += values[random_below(&r, count)];
    return sum / (double)count;
}

static size_t keep_numbers(double *kept, const double *values, size_t count)
{
    size_t numbers = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isnan(values[i])) kept[numbers++] = values[i];
    }
    return numbers;
}

status scores_bootstrap(polyp_interval *out, const double *values, size_t count)
{
    double *kept = NULL, *means = NULL;
    polyp_interval interval = {NAN, NAN};
    status result;
    TRY_DONE(memory_new(&kept, count));
    TRY_DONE(memory_new(&means, RESAMPLES));
    const size_t numbers = keep_numbers(kept, values, count);
    if (numbers > 0) {
        for (size_t i = 0; i < RESAMPLES; i++) means[i] = resample_mean(kept, numbers, i);
        qsort(means, RESAMPLES, sizeof *means, compare_doubles);
        interval = (polyp_interval){percentile(means, RESAMPLES, 2.5), percentile(means, RESAMPLES, 97.5)};
    }
    *out = interval;
done:
    memory_free(kept);
    memory_free(means);
    return result;
}
