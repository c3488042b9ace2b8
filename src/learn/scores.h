/* The six Medico metrics from pixel counts; empties by design.md section 5; bootstrap intervals. */
#ifndef POLYP_LEARN_SCORES_H
#define POLYP_LEARN_SCORES_H

#include <stdint.h>

#include "base/status.h"

typedef struct pixel_counts {
    uint64_t tp, fp, fn, tn;
} pixel_counts;

/* prediction and truth: 1 channel, same size, > 127 is polyp. Pixels whose truth is MASK_IGNORED are not counted.
 * Errors: SIZE, ARGUMENT. */
status scores_count(pixel_counts *out, const polyp_image *prediction, const polyp_image *truth);

/*
 * J = TP/(TP+FP+FN), DSC = 2TP/(2TP+FP+FN), R = TP/(TP+FN), P = TP/(TP+FP), Acc = (TP+TN)/all, F2 = 5TP/(5TP+4FN+FP).
 * An empty prediction on a polyp scores 0 in J, DSC, R, P and F2. Truth without a polyp: NaN in all but accuracy.
 */
polyp_metrics scores_of(const pixel_counts *c);

/* Mean over the counts that have a polyp (NaN if none has); and metrics of the summed counts (all of them). */
polyp_metrics scores_per_image(const pixel_counts *c, size_t count);
polyp_metrics scores_pooled(const pixel_counts *c, size_t count);

/* Percentile bootstrap (95 %, 10,000 resamples of `count` values, seed 0, RANDOM_BOOTSTRAP) of the mean; NaNs left out.
 */
status scores_bootstrap(polyp_interval *out, const double *values, size_t count);

#endif
