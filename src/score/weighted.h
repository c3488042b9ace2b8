/* Weighted F-measure of a probability map: Margolin, Zelnik-Manor, Tal, "How to Evaluate Foreground Maps?", 2014. */
#ifndef POLYP_SCORE_WEIGHTED_H
#define POLYP_SCORE_WEIGHTED_H

#include "score/levels.h"
#include "score/scratch.h"

/*
 * Beta 1, as PySODMetrics computes it. Errors on the background count as that of the nearest polyp pixel when truth is
 * smoothed (7 x 7 Gaussian, sigma 5, zero outside), and weigh more the farther out they lie.
 * Truth without a polyp: 0. probability, truth: width * height bytes. Errors: MEMORY.
 */
status weighted_f(double *out, const unsigned char *probability, const unsigned char *truth, int width, int height,
                  level_range range, scratch *s);

#endif
