/* Levels dealt into bins. */
#include "score/calibration.h"

#include <math.h>

void level_sums_add(level_sums *sums, const level_counts *c)
{
    for (int b = 0; b < LEVELS; b++) {
        sums->polyp[b] += c->polyp[b];
        sums->other[b] += c->other[b];
    }
}

static calibration_bin fill_bin(const level_sums *sums, int from, int end)
{
    double pixels = 0, polyp = 0, levels = 0;
    for (int b = from; b < end; b++) {
        const double here = (double)sums->polyp[b] + (double)sums->other[b];
        pixels += here;
        polyp += (double)sums->polyp[b];
        levels += here * b;
    }
    return (calibration_bin){(uint64_t)pixels, levels / (LEVELS - 1) / pixels, polyp / pixels};
}

static double brier_of(const level_sums *sums, double all)
{
    double sum = 0;
    for (int b = 0; b < LEVELS; b++) {
        const double p = b / (double)(LEVELS - 1);
        sum += (double)sums->other[b] * p * p + (double)sums->polyp[b] * (1 - p) * (1 - p);
    }
    return sum / all;
}

void calibration_of(calibration *out, const level_sums *sums)
{
    double all = 0, gaps = 0, largest = NAN;
    for (int k = 0; k < CALIBRATION_BINS; k++) {
        const int from = k * LEVELS / CALIBRATION_BINS, end = (k + 1) * LEVELS / CALIBRATION_BINS;
        const calibration_bin bin = out->bins[k] = fill_bin(sums, from, end);
        if (bin.pixels == 0) continue;
        const double gap = fabs(bin.probability - bin.polyp);
        all += (double)bin.pixels;
        gaps += gap * (double)bin.pixels;
        largest = fmax(largest, gap);
    }
    out->expected_error = gaps / all;
    out->largest_error = largest;
    out->brier = brier_of(sums, all);
}
