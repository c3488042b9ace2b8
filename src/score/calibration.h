/* Do probabilities mean what they say? Reliability curve, expected calibration error, Brier score, from histograms. */
#ifndef POLYP_SCORE_CALIBRATION_H
#define POLYP_SCORE_CALIBRATION_H

#include "score/levels.h"

enum { CALIBRATION_BINS = 15 }; /* as Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", 2017 */

/* Pixels whose probability of polyp lies in one of 15 equal parts of 0 .. 1. */
typedef struct calibration_bin {
    uint64_t pixels;
    double probability, polyp; /* mean probability, share of the pixels that is polyp; NaN in an empty bin */
} calibration_bin;

typedef struct calibration {
    calibration_bin bins[CALIBRATION_BINS];
    double expected_error; /* mean over pixels of |probability - polyp| of their bin */
    double largest_error;  /* of the bins that hold any pixel */
    double brier;          /* mean over pixels of (probability - truth)^2 */
} calibration;

/* Histograms of a set, summed. */
typedef struct level_sums {
    uint64_t polyp[LEVELS], other[LEVELS];
} level_sums;
void level_sums_add(level_sums *sums, const level_counts *c);

void calibration_of(calibration *out, const level_sums *sums);

#endif
