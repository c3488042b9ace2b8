/* Histograms summed from the brightest level down give the counts at every threshold. */
#include "score/levels.h"

#include <float.h>

/* Four tables take turns, so that a run of equal levels does not wait for itself. */
void levels_count(level_counts *out, const unsigned char *probability, const unsigned char *truth, size_t count)
{
    enum { TABLES = 4 };
    uint32_t tables[TABLES][2][LEVELS] = {0}; /* other, polyp */
    size_t i = 0;
    for (; i + TABLES <= count; i += TABLES)
        for (size_t k = 0; k < TABLES; k++) tables[k][truth[i + k] >> 7][probability[i + k]]++;
    for (; i < count; i++) tables[0][truth[i] >> 7][probability[i]]++;
    for (int b = 0; b < LEVELS; b++) {
        out->other[b] = tables[0][0][b] + tables[1][0][b] + tables[2][0][b] + tables[3][0][b];
        out->polyp[b] = tables[0][1][b] + tables[1][1][b] + tables[2][1][b] + tables[3][1][b];
    }
}

level_range levels_range(const level_counts *c, bool min_max)
{
    level_range r = {0, LEVELS - 1};
    if (!min_max) return r;
    while (r.low < r.high && c->polyp[r.low] + c->other[r.low] == 0) r.low++;
    while (r.high > r.low && c->polyp[r.high] + c->other[r.high] == 0) r.high--;
    return r.low < r.high ? r : (level_range){0, LEVELS - 1};
}

void levels_normalise(unsigned char out[LEVELS], level_range range)
{
    const double low = range.low / 255.0, high = range.high / 255.0;
    for (int b = 0; b < LEVELS; b++) {
        const int inside = b < range.low ? range.low : b > range.high ? range.high : b;
        out[b] = (unsigned char)((inside / 255.0 - low) / (high - low) * 255);
    }
}

/* ---- every threshold ----------------------------------------------------------------------- */

static double divide(double above, double below)
{
    return below > 0 ? above / below : 0;
}

/* One of the four kinds of pixels: `said` and `real` are 0 or 1 less their means. Fan et al., "Enhanced-alignment Measure
 * for Binary Foreground Map Evaluation", 2018. */
static double aligned(double pixels, double said, double real)
{
    const double alignment = 2 * said * real / (said * said + real * real + DBL_EPSILON) + 1;
    return pixels * alignment * alignment / 4;
}

static double e_measure(double tp, double fp, double fn, double tn)
{
    const double all = tp + fp + fn + tn, said = (tp + fp) / all, real = (tp + fn) / all;
    double sum;
    if (tp + fn == 0) sum = tn;
    else if (fp + tn == 0) sum = tp;
    else
        sum = aligned(tp, 1 - said, 1 - real) + aligned(fp, 1 - said, -real) + aligned(fn, -said, 1 - real) +
              aligned(tn, -said, -real);
    return sum / (all - 1 + DBL_EPSILON);
}

static void fill_threshold(level_curves *out, int k, double tp, double fp, double fn, double tn)
{
    out->dice[k] = divide(2 * tp, 2 * tp + fp + fn);
    out->iou[k] = divide(tp, tp + fp + fn);
    out->recall[k] = divide(tp, tp + fn);
    out->precision[k] = divide(tp, tp + fp);
    out->specificity[k] = divide(tn, tn + fp);
    out->e_measure[k] = e_measure(tp, fp, fn, tn);
}

void levels_curves(level_curves *out, const level_counts *c, level_range range)
{
    unsigned char normalised[LEVELS];
    double polyp[LEVELS] = {0}, other[LEVELS] = {0}, positives = 0, negatives = 0, tp = 0, fp = 0;
    levels_normalise(normalised, range);
    for (int b = 0; b < LEVELS; b++) {
        polyp[normalised[b]] += c->polyp[b];
        other[normalised[b]] += c->other[b];
        positives += c->polyp[b];
        negatives += c->other[b];
    }
    for (int k = LEVELS - 1; k >= 0; k--) {
        tp += polyp[k];
        fp += other[k];
        fill_threshold(out, k, tp, fp, positives - tp, negatives - fp);
    }
}

/* ---- curves -------------------------------------------------------------------------------- */

enum { CURVES = sizeof(level_curves) / sizeof(double) };

void curves_add(level_curves *sum, const level_curves *c)
{
    double *const to = (double *)sum;
    const double *const from = (const double *)c;
    for (size_t i = 0; i < CURVES; i++) to[i] += from[i];
}

void curves_divide(level_curves *sum, double count)
{
    double *const to = (double *)sum;
    for (size_t i = 0; i < CURVES; i++) to[i] /= count;
}

double curve_mean(const double curve[LEVELS])
{
    double sum = 0;
    for (int k = 0; k < LEVELS; k++) sum += curve[k];
    return sum / LEVELS;
}

double curve_most(const double curve[LEVELS])
{
    double most = curve[0];
    for (int k = 1; k < LEVELS; k++) most = curve[k] > most ? curve[k] : most;
    return most;
}
