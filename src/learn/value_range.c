/* Histograms of sizes, and ranges from them. */
#include "learn/value_range.h"

#include <math.h>

#include "base/clones.h"

enum { SAMPLED = 1 << 14, TRIED = 128, LANES = 16 };

const char *const range_method_names[RANGE_METHODS] = {"least-squares", "99.99", "99.9", "largest"};

/* ---- gathering ------------------------------------------------------------------------------------------- */

FAST_CLONES static float largest_size(const float *values, size_t count)
{
    float best[LANES] = {0}, largest = 0;
    const size_t even = count / LANES * LANES;
    for (size_t i = 0; i < even; i += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            const float size = fabsf(values[i + k]);
            best[k] = size > best[k] ? size : best[k];
        }
    }
    for (size_t i = even; i < count; i++) largest = fmaxf(largest, fabsf(values[i]));
    for (size_t k = 0; k < LANES; k++) largest = fmaxf(largest, best[k]);
    return largest;
}

/* Two bins become one. */
static void double_limit(value_range *r)
{
    for (size_t i = 0; i < RANGE_BINS; i++) {
        const size_t from = 2 * i;
        r->bins[i] = from < RANGE_BINS ? r->bins[from] + r->bins[from + 1] : 0;
    }
    r->limit *= 2;
}

static void reach(value_range *r, float size)
{
    if (size > r->largest) r->largest = size;
    if (r->limit <= 0 && size > 0) r->limit = size;
    while (size > r->limit) double_limit(r);
}

void range_add(value_range *r, const float *values, size_t count)
{
    const size_t step = count / SAMPLED | 1; /* odd: no channel of a blocked tensor is left out */
    const float size = largest_size(values, count);
    if (!isfinite(size) || size <= 0) return;
    reach(r, size);
    for (size_t i = 0; i < count; i += step) {
        const float part = fabsf(values[i]) / r->limit;
        if (part <= 0) continue;
        const size_t bin = (size_t)(part * RANGE_BINS);
        r->bins[bin < RANGE_BINS ? bin : RANGE_BINS - 1]++;
    }
}

/* ---- choosing -------------------------------------------------------------------------------------------- */

/* The least range with no more than this share of the sizes beyond it. */
static double percentile(const value_range *r, double beyond)
{
    uint64_t all = 0, above = 0;
    size_t i = RANGE_BINS;
    for (size_t k = 0; k < RANGE_BINS; k++) all += r->bins[k];
    while (i > 1 && (double)(above + r->bins[i - 1]) <= beyond * (double)all) above += r->bins[--i];
    return fmin((double)r->limit * (double)i / RANGE_BINS, (double)r->largest);
}

static double squared_error(const value_range *r, double scale, int most)
{
    double sum = 0;
    for (size_t i = 0; i < RANGE_BINS; i++) {
        if (r->bins[i] == 0) continue;
        const double size = (double)r->limit * ((double)i + 0.5) / RANGE_BINS;
        const double rounded = fmin(nearbyint(size / scale), most) * scale;
        sum += (double)r->bins[i] * (size - rounded) * (size - rounded);
    }
    return sum;
}

static double least_squares(const value_range *r, int most)
{
    double best = INFINITY, chosen = (double)r->largest;
    for (int k = 0; k < TRIED; k++) {
        const double range = (double)r->largest * (1.0 - 0.9 * k / TRIED);
        const double error = squared_error(r, range / most, most);
        if (error >= best) continue;
        best = error;
        chosen = range;
    }
    return chosen;
}

float range_scale(const value_range *r, enum range_method method, int most)
{
    double range = (double)r->largest;
    if (r->largest <= 0) return 1;
    switch (method) {
    case RANGE_LEAST_SQUARES: range = least_squares(r, most); break;
    case RANGE_9999: range = percentile(r, 1e-4); break;
    case RANGE_999: range = percentile(r, 1e-3); break;
    case RANGE_LARGEST:
    case RANGE_METHODS: break;
    }
    const float scale = (float)(range / most);
    return isnormal(scale) ? scale : 1;
}
