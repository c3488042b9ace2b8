/* S-measure and mean absolute error of a probability map: the PraNet toolbox's, as PySODMetrics computes them. */
#ifndef POLYP_SCORE_STRUCTURE_H
#define POLYP_SCORE_STRUCTURE_H

#include "score/levels.h"

/*
 * Fan et al., "Structure-measure: A new way to evaluate foreground maps", 2017; alpha 0.5. Without polyp in truth
 * 1 - mean(map), with nothing else mean(map). A quarter of no size (truth's centre in the last row or column) counts
 * for nothing, where PySODMetrics gives NaN.
 * probability, truth: width * height bytes; c: their histograms.
 */
double structure_measure(const unsigned char *probability, const unsigned char *truth, int width, int height,
                         const level_counts *c, level_range range);

/* Mean of |probability - truth| over pixels. */
double mean_absolute_error(const level_counts *c, level_range range);

#endif
