/*
 * 8-bit probability maps as two histograms: of pixels where truth has a polyp and of the others. Everything that asks
 * for all 256 thresholds comes from them. docs/metrics.md has the formulas of the PraNet toolbox and of PySODMetrics.
 */
#ifndef POLYP_SCORE_LEVELS_H
#define POLYP_SCORE_LEVELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEVELS = 256 };

typedef struct level_counts {
    uint32_t polyp[LEVELS], other[LEVELS];
} level_counts;

/* probability, truth: `count` bytes; truth > 127 is polyp. */
void levels_count(level_counts *out, const unsigned char *probability, const unsigned char *truth, size_t count);

/* A level b stands for the probability (b - low) / (high - low). Without min_max 0 and 255; with it the darkest and the
 * brightest level of the map, as the PraNet family stores its maps. A map of one level stays as it is. */
typedef struct level_range {
    int low, high;
} level_range;
level_range levels_range(const level_counts *c, bool min_max);

/* What a level becomes when a map is normalised and made 8-bit again, bit for bit as PySODMetrics rounds it (down). */
void levels_normalise(unsigned char out[LEVELS], level_range range);

/* ---- every threshold ----------------------------------------------------------------------- */

/* Index k: a pixel is polyp when its level is k or more. */
typedef struct level_curves {
    double dice[LEVELS], iou[LEVELS], recall[LEVELS], precision[LEVELS], specificity[LEVELS], e_measure[LEVELS];
} level_curves;

/* One map, normalised by `range`. 0 / 0 is 0, so that truth without a polyp scores 0 in all but specificity and E. */
void levels_curves(level_curves *out, const level_counts *c, level_range range);

void curves_add(level_curves *sum, const level_curves *c);
void curves_divide(level_curves *sum, double count);

/* Mean and largest of a curve. */
double curve_mean(const double curve[LEVELS]);
double curve_most(const double curve[LEVELS]);

#endif
